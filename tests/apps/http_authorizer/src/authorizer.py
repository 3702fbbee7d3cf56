"""Who holds a token may enter."""

USERS = {"Bearer blue": "ada", "Bearer green": "grace"}


def handler(event, context):
    user = USERS.get(event["identitySource"][0])
    return {"isAuthorized": user is not None, "context": {"user": user or "nobody"}}
