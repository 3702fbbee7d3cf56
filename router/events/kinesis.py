"""Kinesis records as an event source mapping hands them to a function, also those of a tumbling window.

Pure: facts in, dict out. Sources: Lambda developer guide, "Using Lambda with Amazon Kinesis" and "Tumbling windows"; samples in
tests/golden/kinesis_*.json."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router import names


@dataclass(frozen=True, slots=True)
class Stream:
    """What all records of one shard share."""

    arn: str
    region: str
    role_arn: str  # the function's, under which the shard is read
    shard: str  # shardId-000000000000


@dataclass(frozen=True, slots=True)
class Datum:
    """One record of a shard."""

    sequence: str  # 56 digits
    key: str  # partition key
    data: bytes
    at: float  # approximate arrival, epoch seconds; told to the millisecond
    encryption: str = ""  # NONE, KMS; "": not told


@dataclass(frozen=True, slots=True)
class Window:
    """Where an invocation stands in its tumbling window."""

    start: float  # epoch seconds
    end: float
    state: Mapping[str, Any]  # what the invocation before gave back
    final: bool = False  # the last of its window
    early: bool = False  # the state grew over its limit, so the window ends now


def event(records: Sequence[Datum], stream: Stream, window: Window | None = None) -> dict[str, Any]:
    """One batch: {"Records": [...]}, and beside it the *window* when the mapping has one."""
    made: dict[str, Any] = {"Records": [record(datum, stream) for datum in records]}
    return made | in_window(window, shard=stream.shard, arn=stream.arn) if window is not None else made


def record(datum: Datum, stream: Stream) -> dict[str, Any]:
    """One element of Records."""
    body = {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": datum.key,
        "sequenceNumber": datum.sequence,
        "data": b64encode(datum.data).decode(),
        "approximateArrivalTimestamp": round(datum.at, 3),
    }
    return {
        "kinesis": body | {"encryptionType": datum.encryption} if datum.encryption else body,
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{stream.shard}:{datum.sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": stream.role_arn,
        "awsRegion": stream.region,
        "eventSourceARN": stream.arn,
    }


def in_window(window: Window, *, shard: str, arn: str) -> dict[str, Any]:
    """What stands beside Records in a tumbling window; the same for Kinesis and DynamoDB streams."""
    return {
        "window": {"start": names.iso_s(window.start), "end": names.iso_s(window.end)},
        "state": dict(window.state),
        "shardId": shard,
        "eventSourceARN": arn,
        "isFinalInvokeForWindow": window.final,
        "isWindowTerminatedEarly": window.early,
    }
