"""Writes down when it was started, and with which key."""

import json
import os
import time
from urllib.parse import unquote_plus

RECORD = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def handler(event, context):
    """One line for each record."""
    at = time.time_ns()
    for record in event["Records"]:
        os.write(RECORD, (json.dumps({"at": at, "key": unquote_plus(record["s3"]["object"]["key"])}) + "\n").encode())
