"""The notes of whoever the authorizer says is calling."""

import json


def handler(event, context):
    if event["rawPath"] == "/health":
        return {"statusCode": 200, "body": "ok"}
    user = event["requestContext"]["authorizer"]["lambda"]["user"]
    return {"statusCode": 200, "body": json.dumps({"user": user, "notes": [f"remember the milk, {user}"]})}
