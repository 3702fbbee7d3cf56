"""One invoice for each order that was just paid."""

import os

import boto3
from boto3.dynamodb.types import TypeDeserializer

s3 = boto3.client("s3")
read = TypeDeserializer().deserialize


def handler(event, context):
    for record in event["Records"]:
        order = {name: read(value) for name, value in record["dynamodb"]["NewImage"].items()}
        key = f"{order['customer']}/{order['number']}.txt"
        s3.put_object(Bucket=os.environ["INVOICES"], Key=key, Body=f"{order['customer']} owes {order['total']} for {order['number']}")
