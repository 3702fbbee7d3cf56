"""Says what its stage made of it."""

import json
import os

NAMES = ("STAGE", "GREETING", "AUDIT", "BIG", "FIRST_ORIGIN", "SPLIT", "ONLY_IN_PROD")


def handler(event, context):
    told = {name: os.environ.get(name) for name in NAMES} | {"memory": context.memory_limit_in_mb}
    return {"statusCode": 200, "body": json.dumps(told)} if "rawPath" in event else told
