"""A handler that is called now and then, and one that takes its time."""

import json
import os
import time


def noted(event, context):
    """Write down when it started, in one append."""
    start = time.time()
    fd = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, f"{json.dumps([context.aws_request_id, start])}\n".encode())
    os.close(fd)


def held(event, context):
    """Hold a slot."""
    time.sleep(float(os.environ["HELD"]))
