"""Tells the event that a request became."""

import json
from typing import Any


def handler(event: Any, context: Any) -> Any:
    headers = {"content-type": "application/json"}
    answer = {"statusCode": 200, "body": json.dumps(event), "isBase64Encoded": False}
    if "multiValueHeaders" in event and "headers" not in event:
        return {**answer, "statusDescription": "200 OK", "multiValueHeaders": {name: [value] for name, value in headers.items()}}
    return {**answer, "headers": headers}
