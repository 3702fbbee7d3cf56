"""Writes a report; a name that leads elsewhere is an error."""

import os

import boto3


def handler(event, context):
    name = event["name"]
    if "/" in name:
        raise ValueError(f"{name} is no name of a report")
    boto3.client("s3").put_object(Bucket=os.environ["REPORTS"], Key=f"{name}.txt", Body=b"all is well")
