"""One more of each word."""

import os

import boto3


def handler(event, context):
    table = boto3.resource("dynamodb").Table(os.environ["COUNTS"])
    for record in event["Records"]:
        table.update_item(
            Key={"word": record["body"]},
            UpdateExpression="ADD n :one SET stack = :stack",
            ExpressionAttributeValues={":one": 1, ":stack": os.environ["STACK"]},
        )
