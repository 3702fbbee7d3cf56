"""The others."""

import json
import os


def add(event, context):
    return sum(event["numbers"])


def note(event, context):
    import boto3

    boto3.client("sqs").send_message(QueueUrl=os.environ["NOTES"], MessageBody=json.dumps(event))
