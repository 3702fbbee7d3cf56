"""What destinations and dead-letter queues are sent: the records of invocations and of batches.

Pure: facts in, dict or bytes out. Sources: Lambda developer guide, "Asynchronous invocation", sections on destinations and dead-letter
queues, and "Retain records of failed invocations"; recordings in tests/golden/destinations_*.json and
tests/golden/dynamodb_streams_template_on_failure_destination.json."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from router import names
from router.events.sqs import Attribute

SUCCESS: Final = "Success"
ERROR_TEXT: Final = 1024  # bytes of an error's message that go with a dead letter
_UNFIT: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # no text for a message attribute
FUNCTION_ERROR: Final = "200"  # status of an invocation that ran; what did not run was throttled
THROTTLED: Final = "429"
_NOTHING: Final = object()


@dataclass(frozen=True, slots=True)
class Invocation:
    """An event and what its attempts came to."""

    request_id: str
    arn: str  # qualified
    version: str
    condition: str  # Success, RetriesExhausted, EventAgeExceeded, ZeroReservedConcurrency, RecursiveInvocation
    invokes: int  # attempts of the function that were made
    request: bytes  # the event, JSON text
    response: bytes | None  # result or error object, JSON text; None: the function never answered
    failed: bool = False  # whether that is an error object


@dataclass(frozen=True, slots=True)
class Stretch:
    """A batch of a stream that was given up."""

    shard: str
    first: str  # sequence numbers
    last: str
    first_at: float  # epoch seconds of arrival
    last_at: float
    size: int
    arn: str  # of the stream


def invocation_record(told: Invocation, *, at: float, limit: int) -> bytes:
    """The record as JSON text. Where it would have more than *limit* bytes the response's payload is left out, then the request's."""
    context: dict[str, Any] = {
        "requestId": told.request_id,
        "functionArn": told.arn,
        "condition": told.condition,
        "approximateInvokeCount": told.invokes,
    }
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": names.iso_ms(at),
        "requestContext": context,
        "requestPayload": _json(told.request),
    }
    if told.response is not None:
        record["responseContext"] = _answered(told.version, "Unhandled" if told.failed else None)
        record["responsePayload"] = _json(told.response)
    made = orjson.dumps(record)
    for key in ("responsePayload", "requestPayload"):
        if len(made) > limit:
            record.pop(key, None)
            made = orjson.dumps(record)
    return made


def stream_record(
    stretch: Stretch, *, request_id: str, arn: str, condition: str, invokes: int, function_error: str | None, at: float
) -> dict[str, Any]:
    """The record of a batch; *function_error* is None when it ended by partial batch responses. It holds no records of the stream."""
    return {
        "requestContext": {"requestId": request_id, "functionArn": arn, "condition": condition, "approximateInvokeCount": invokes},
        "responseContext": {"statusCode": 200, "executedVersion": names.LATEST, "functionError": function_error},
        "version": "1.0",
        "timestamp": names.iso_ms(at),
        "DDBStreamBatchInfo": {
            "shardId": stretch.shard,
            "startSequenceNumber": stretch.first,
            "endSequenceNumber": stretch.last,
            "approximateArrivalOfFirstRecord": names.iso_s(stretch.first_at),
            "approximateArrivalOfLastRecord": names.iso_s(stretch.last_at),
            "batchSize": stretch.size,
            "streamArn": stretch.arn,
        },
    }


def object_key(function: str, request_id: str, at: float) -> str:
    """Where a record lies in a bucket; the same for the same event and time."""
    when = datetime.fromtimestamp(int(at), UTC)
    return f"aws/lambda/async/{function}/{when:%Y/%m/%d}/{when:%Y-%m-%dT%H.%M.%S}-{request_id}"


def dead_letter_attributes(told: Invocation) -> Mapping[str, Attribute]:
    """What goes with the event into a dead-letter queue."""
    message = _UNFIT.sub("?", _message(told)).encode("utf-8", "replace")[:ERROR_TEXT].decode("utf-8", "ignore")
    return {
        "RequestID": Attribute("String", told.request_id),
        "ErrorCode": Attribute("Number", FUNCTION_ERROR if told.response is not None else THROTTLED),
        "ErrorMessage": Attribute("String", message or told.condition),
    }


def _message(told: Invocation) -> str:
    """The error's message alone, without its type."""
    value = _parsed(told.response) if told.response is not None else None
    if isinstance(value, Mapping) and isinstance(value.get("errorMessage"), str):
        return str(value["errorMessage"])
    return told.condition


def _answered(version: str, function_error: str | None) -> dict[str, Any]:
    context: dict[str, Any] = {"statusCode": 200, "executedVersion": version}
    return context | {"functionError": function_error} if function_error else context


def _json(text: bytes) -> Any:
    """A payload as it stands, byte for byte; text that is no JSON as a text."""
    return orjson.Fragment(text) if _parsed(text) is not _NOTHING else text.decode(errors="replace")


def _parsed(text: bytes) -> Any:
    """The value of JSON text, _NOTHING for other text; orjson would take neither numbers of any size nor half surrogate pairs."""
    try:
        return json.loads(text.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return _NOTHING


def _no_constant(name: str) -> None:
    """NaN and the infinities are Python's JSON, not that of RFC 8259."""
    raise ValueError(f"{name} is not JSON")
