"""Deletes everything below a prefix, page by page, and tries what its role does not allow."""

import os

import boto3
from botocore.exceptions import ClientError

s3 = boto3.client("s3")


def handler(event, context):
    bucket, deleted = os.environ["BUCKET"], 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=event["prefix"], PaginationConfig={"PageSize": 4}):
        keys = [{"Key": found["Key"]} for found in page.get("Contents", [])]
        if keys:
            deleted += len(s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})["Deleted"])
    try:
        s3.delete_object(Bucket=bucket, Key="keep/it")
        refused = False
    except ClientError as error:
        refused = error.response["Error"]["Code"] == "AccessDenied"
    print("deleted", deleted, "refused", refused)
    return {"deleted": deleted, "refused": refused}
