"""Books a change when the account is at the number before it: what overtook is an error."""

import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event, context):
    for record in event["Records"]:
        change = json.loads(record["body"])
        table.update_item(
            Key={"account": record["attributes"]["MessageGroupId"]},
            UpdateExpression="SET #n = :n ADD balance :amount",
            ConditionExpression="attribute_not_exists(#n) AND :n = :first OR #n = :before",
            ExpressionAttributeNames={"#n": "number"},
            ExpressionAttributeValues={":n": change["n"], ":before": change["n"] - 1, ":first": 1, ":amount": change["amount"]},
        )
