"""Sends mail when the server is up, which is when the object `up` exists."""

import os

import boto3

s3 = boto3.client("s3")
OUTBOX = os.environ["OUTBOX"]


def handler(event, context):
    s3.get_object(Bucket=OUTBOX, Key="up")
    for record in event["Records"]:
        s3.put_object(Bucket=OUTBOX, Key=f"sent/{record['body']}", Body=record["messageId"].encode())
