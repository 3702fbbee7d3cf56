"""Sample applications: SAM templates with handlers that use AWS's SDKs unmodified, run by `router run --template`."""
