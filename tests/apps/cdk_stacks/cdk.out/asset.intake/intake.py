"""Rows of files that come in go to a queue, and how many there were to the report."""

import os

import boto3


def handler(event, context):
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
        lines = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode().splitlines()
        for line in lines:
            boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=line)
        boto3.client("sns").publish(TopicArn=os.environ["TOPIC"], Message=f"{key}: {len(lines)}")
