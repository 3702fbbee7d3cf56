"""The smallest handlers that do something."""

import time


def handler(event, context):
    """Answer a request with its body."""
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": event["body"]}


def identity(event, context):
    """Answer with the event."""
    return event


def later(event, context):
    """Hold the only slot, so that whatever else is accepted waits."""
    time.sleep(600)
