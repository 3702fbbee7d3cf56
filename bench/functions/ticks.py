"""Writes down when it was started, and for which tick."""

import calendar
import json
import os
import time

RECORD = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def handler(event, context):
    """One line for each tick, both times as epochs: nanoseconds and seconds."""
    at = time.time_ns()
    due = calendar.timegm(time.strptime(event["time"], "%Y-%m-%dT%H:%M:%SZ"))
    os.write(RECORD, (json.dumps({"at": at, "due": due}) + "\n").encode())
