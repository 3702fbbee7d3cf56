"""A handler that answers the same to everybody."""


def handler(event, context):
    """200."""
    return {"statusCode": 200, "body": "here"}
