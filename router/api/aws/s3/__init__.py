"""S3's REST protocol over the object store."""
