"""Sends mail when the server is up, which is when the object `up` exists; otherwise the message is given back at once."""

import os

import boto3

s3, sqs = boto3.client("s3"), boto3.client("sqs")
OUTBOX = os.environ["OUTBOX"]


def handler(event, context):
    for record in event["Records"]:
        try:
            s3.get_object(Bucket=OUTBOX, Key="up")
        except s3.exceptions.NoSuchKey:
            sqs.change_message_visibility(QueueUrl=os.environ["QUEUE_URL"], ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0)
            raise
        s3.put_object(Bucket=OUTBOX, Key=f"sent/{record['body']}", Body=record["messageId"].encode())
