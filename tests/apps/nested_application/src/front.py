"""Words to the queue, and how often each was said."""

import json
import os

import boto3


def handler(event, context):
    word = event["pathParameters"]["word"]
    if event["requestContext"]["http"]["method"] == "POST":
        boto3.client("sqs").send_message(QueueUrl=os.environ["WORDS"], MessageBody=word)
        return {"statusCode": 202}
    item = boto3.resource("dynamodb").Table(os.environ["COUNTS"]).get_item(Key={"word": word}).get("Item", {})
    return {"statusCode": 200, "body": json.dumps({"n": int(item.get("n", 0)), "stack": item.get("stack")})}
