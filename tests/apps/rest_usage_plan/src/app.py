"""Quotes by number, and a picture in base64."""

import base64
import json

QUOTES = {"1": "Simplicity is prerequisite for reliability.", "2": "Make it work, make it right."}
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAUEBAAAACwAAAAAAQABAAACAkQBADs=")


def handler(event, context):
    if event["resource"] == "/picture":
        body = base64.b64encode(PIXEL).decode()
        return {"statusCode": 200, "headers": {"Content-Type": "image/gif"}, "body": body, "isBase64Encoded": True}
    quote = QUOTES.get(event["pathParameters"]["id"])
    if quote is None:
        return {"statusCode": 404, "body": json.dumps({"message": "no such quote"})}
    return {"statusCode": 200, "body": json.dumps({"quote": quote, "stage": event["requestContext"]["stage"]})}
