"""Directories seen as S3 buckets."""
