"""Tells the bus of an order."""

import json
import os

import boto3

events = boto3.client("events")


def handler(event, context):
    entry = {"EventBusName": os.environ["BUS"], "Source": "shop.orders", "DetailType": "placed", "Detail": event["body"]}
    answer = events.put_events(Entries=[entry])
    return {
        "statusCode": 202 if not answer["FailedEntryCount"] else 500,
        "body": json.dumps({"event": answer["Entries"][0].get("EventId")}),
    }
