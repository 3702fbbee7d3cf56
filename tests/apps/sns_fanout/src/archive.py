"""Keeps what was published."""

import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event, context):
    for record in event["Records"]:
        notification = record["Sns"]
        table.put_item(Item={"id": notification["MessageId"], "text": notification["Message"], "subject": notification["Subject"]})
