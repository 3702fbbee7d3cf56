"""Counts the words of what was uploaded."""

import json
from urllib.parse import unquote_plus

import boto3

s3 = boto3.client("s3")


def handler(event, context):
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        words = len(s3.get_object(Bucket=bucket, Key=key)["Body"].read().split())
        s3.put_object(Bucket=bucket, Key=key.replace(".txt", ".json"), Body=json.dumps({"words": words}))
