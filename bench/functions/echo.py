"""The smallest handlers that do something."""


def handler(event, context):
    """Answer a request with its body."""
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": event.get("body")}


def identity(event, context):
    """Answer with the event."""
    return event
