"""Items by id: list and get, put and delete."""

import json
import os
from decimal import Decimal

import boto3
from boto3.dynamodb.conditions import Attr

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def answer(status, value=None):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(value, default=float)}


def read(event, context):
    if not event["pathParameters"]:
        return answer(200, sorted(table.scan()["Items"], key=lambda item: item["id"]))
    found = table.get_item(Key={"id": event["pathParameters"]["id"]}).get("Item")
    return answer(200, found) if found else answer(404, {"message": "no such item"})


def write(event, context):
    key = {"id": event["pathParameters"]["id"]}
    if event["httpMethod"] == "DELETE":
        try:
            table.delete_item(Key=key, ConditionExpression=Attr("id").exists())
        except table.meta.client.exceptions.ConditionalCheckFailedException:
            return answer(404, {"message": "no such item"})
        return answer(204)
    item = {**json.loads(event["body"], parse_float=Decimal), **key}
    table.put_item(Item=item)
    return answer(200, item)
