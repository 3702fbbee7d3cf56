"""Verifies an HMAC of the raw body, in constant time, before anything is read."""

import base64
import hashlib
import hmac
import json
import os

SECRET = os.environ["SIGNING_SECRET"].encode()


def handler(event, context):
    body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event.get("body", "").encode()
    expected = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, event["headers"].get("x-signature", "")):
        return {"statusCode": 401, "body": "signature does not match"}
    payment = json.loads(body)
    print("payment", payment["id"], payment["amount"])
    return {"statusCode": 202, "body": json.dumps({"accepted": payment["id"]})}
