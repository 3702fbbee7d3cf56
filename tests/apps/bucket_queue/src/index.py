"""Writes the first line of each scan into an index."""

import json

import boto3

s3 = boto3.client("s3")


def handler(event, context):
    for message in event["Records"]:
        for record in json.loads(message["body"])["Records"]:
            bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
            first = s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()[0]
            s3.put_object(Bucket=bucket, Key=key.replace("in/", "index/"), Body=first + b" " + record["eventName"].encode())
