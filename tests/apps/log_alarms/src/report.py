"""Sends what a subscription filter found to a queue."""

import base64
import gzip
import json
import os

import boto3

queue = boto3.client("sqs")


def handler(event, context):
    data = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    for found in data["logEvents"]:
        row = {"filter": data["subscriptionFilters"][0], "group": data["logGroup"], "message": found["message"]}
        queue.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(row | {"fields": found.get("extractedFields")}))
