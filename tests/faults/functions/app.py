"""Handlers of the fault tests: each writes down what it saw, in one atomic append, before it answers."""

import hashlib
import json
import os
import time
from urllib.parse import unquote_plus

RECORD = os.environ["RECORD"]


def note(context, start, **facts):
    line = json.dumps({"id": context.aws_request_id, "start": start, "end": time.time(), **facts}) + "\n"
    fd = os.open(RECORD, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, line.encode())
    finally:
        os.close(fd)


def files(event, context):
    """Checks that the object is whole: its first line is the digest of the rest."""
    start = time.time()
    for record in event["Records"]:
        entry = record["s3"]["object"]
        key = unquote_plus(entry["key"])
        facts = {"kind": "file", "key": key, "sequencer": entry["sequencer"], "name": record["eventName"], "etag": entry.get("eTag", "")}
        if record["eventName"].startswith("ObjectCreated"):
            try:
                with open(os.path.join(os.environ["BUCKET_INBOX"], key), "rb") as file:
                    digest, _, body = file.read().partition(b"\n")
                facts["whole"] = hashlib.md5(body).hexdigest().encode() == digest
                facts["content"] = hashlib.md5(digest + b"\n" + body).hexdigest()
            except FileNotFoundError:
                facts["whole"] = True  # deleted or replaced meanwhile: its own event comes
        note(context, start, **facts)


def jobs(event, context):
    """Fails as often as the event asks for; counts its attempts in the record."""
    start = time.time()
    note(context, start, kind="job", n=event["n"])
    if event.get("fail", 0):
        raise RuntimeError(f"job {event['n']} fails")
    if event.get("crash"):
        os._exit(3)
    return {"n": event["n"]}


def flaky(event, context):
    """Fails the first time that it sees a job."""
    start = time.time()
    marker = os.path.join(os.environ["MARKERS"], str(event["n"]))
    first = not os.path.exists(marker)
    note(context, start, kind="job", n=event["n"])
    if first:
        with open(marker, "w"):
            pass
        raise RuntimeError("once")


def route(event, context):
    start = time.time()
    note(context, start, kind="request", n=event["queryStringParameters"]["n"])
    return {"statusCode": 200, "body": event["queryStringParameters"]["n"]}


def ticks(event, context):
    note(context, time.time(), kind="tick", at=event["time"], tick=event["resources"][0])


def rows(event, context):
    start = time.time()
    for record in event["Records"]:
        change = record["dynamodb"]
        image = change.get("NewImage") or change["OldImage"]
        note(
            context,
            start,
            kind="row",
            key=change["Keys"]["id"]["N"],
            event=record["eventID"],
            value=image["value"]["N"],
            sequence=change["SequenceNumber"],
        )


def held(event, context):
    """Runs until the gate opens."""
    start = time.time()
    while not os.path.exists(os.environ["GATE"]):
        time.sleep(0.02)
    note(context, start, kind="job", n=event["n"])
