"""The gross price of an item."""

import json

from prices import gross


def handler(event, context):
    return {"statusCode": 200, "body": json.dumps({"gross": gross(event["pathParameters"]["item"])})}
