"""Reserve, charge, settle."""

import json
import os

import boto3

events = boto3.client("events")
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def tell(what, detail):
    events.put_events(Entries=[{"EventBusName": os.environ["BUS"], "Source": "orders", "DetailType": what, "Detail": json.dumps(detail)}])


def reserve(event, context):
    order = event["detail"]
    table.put_item(Item={"id": order["id"], "history": ["reserved"]})
    tell("reserved", order)


def charge(order, context):
    tell("charged" if order["total"] < 100 else "declined", order)


def settle(outcome, context):
    table.update_item(
        Key={"id": outcome["id"]},
        UpdateExpression="SET #s = :s, history = list_append(history, :h)",
        ExpressionAttributeNames={"#s": "state"},
        ExpressionAttributeValues={":s": outcome["state"], ":h": [outcome["state"]]},
    )
