"""Says which way it was called."""

import json


def handler(event, context):
    return {"statusCode": 200, "body": json.dumps({"arn": context.invoked_function_arn, "version": context.function_version})}
