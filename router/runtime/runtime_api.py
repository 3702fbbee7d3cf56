"""The Lambda Runtime API, version 2018-06-01: which call is in order, and what is answered. Pure.

Source: Lambda developer guide, "Using the Lambda runtime API for custom runtimes"; statuses, error types and messages as AWS's
runtime interface emulator has them. Not covered: the calls of snapshots (restore/next, restore/error) and of extensions."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson

from router.events.http import Headers, Response
from router.model import HTTP_INTEGRATION, PRELUDE_END, RESPONSE_LIMIT

BASE: Final = "/2018-06-01"
ERROR_TYPE: Final = "lambda-runtime-function-error-type"  # a header of errors, a trailer of streams
ERROR_BODY: Final = "lambda-runtime-function-error-body"  # a trailer: base64 of the error object
MODE: Final = "lambda-runtime-function-response-mode"
CAUSE: Final = "application/vnd.aws.lambda.error.cause+json"
STREAM: Final = "application/octet-stream"  # the type of a stream that names none

_JSON: Final = (("Content-Type", "application/json"),)
_PATH: Final = re.compile(BASE + r"/runtime/invocation/([^/]+)/(response|error)")
_CATEGORY: Final = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")


class State(StrEnum):
    """Where a runtime stands; the values are AWS's names."""

    STARTED = "Started"
    INIT_ERROR = "InitError"
    READY = "Ready"  # waits for an event
    RUNNING = "Running"
    RESPONDING = "InvocationResponse"  # a response is arriving
    FAILING = "InvocationErrorResponse"  # an error is arriving
    SENT = "ResponseSent"


class Step(StrEnum):
    """What moves it: the runtime's calls, an event handed out, the end of an answer."""

    NEXT = "next"
    RESPONSE = "response"
    ERROR = "error"
    INIT_ERROR = "init/error"
    INVOKE = "invoke"
    DONE = "done"


NEXT: Final[dict[State, dict[Step, State]]] = {
    State.STARTED: {Step.NEXT: State.READY, Step.INIT_ERROR: State.INIT_ERROR},
    State.INIT_ERROR: {},
    State.READY: {Step.NEXT: State.READY, Step.INVOKE: State.RUNNING},  # asked again: the connection was lost, most likely
    State.RUNNING: {Step.RESPONSE: State.RESPONDING, Step.ERROR: State.FAILING},
    State.RESPONDING: {Step.DONE: State.SENT},
    State.FAILING: {Step.DONE: State.SENT},
    State.SENT: {Step.NEXT: State.READY},
}
_WANTED: Final = {  # the state a call asks for, as messages name it
    Step.NEXT: State.READY,
    Step.RESPONSE: State.RESPONDING,
    Step.ERROR: State.FAILING,
    Step.INIT_ERROR: State.INIT_ERROR,
}


class Target(NamedTuple):
    """What a request is about."""

    step: Step
    request_id: str = ""


def target(method: str, path: str) -> Target | Response:
    """The call that a request makes, or the answer to one that makes none."""
    if path == f"{BASE}/runtime/invocation/next":
        return Target(Step.NEXT) if method == "GET" else _not_allowed("GET")
    if path == f"{BASE}/runtime/init/error":
        return Target(Step.INIT_ERROR) if method == "POST" else _not_allowed("POST")
    if found := _PATH.fullmatch(path):
        return Target(Step(found[2]), found[1]) if method == "POST" else _not_allowed("POST")
    if path in {"/ping", f"{BASE}/ping"} and method == "GET":
        return Response(200, (("Content-Type", "text/plain"),), b"pong")
    return Response(404, (("Content-Type", "text/plain"),), b"404 page not found\n")


def refusal(state: State, call: Target, current: str) -> Response | None:
    """Why a call is out of order while the invocation *current* runs; None when it is in order."""
    if call.step in {Step.RESPONSE, Step.ERROR} and (not current or call.request_id != current):
        return failed(400, "InvalidRequestID", "Invalid request ID")
    if call.step in NEXT[state]:
        return None
    said = f"State transition from {state} to {_WANTED[call.step]} failed for runtime. Error: State transition is not allowed"
    return failed(403, "InvalidStateTransition", said)


def failed(status: int, error_type: str, message: str) -> Response:
    """An error of the API's own."""
    return Response(status, _JSON, json.dumps({"errorMessage": message, "errorType": error_type}, separators=(",", ":")).encode())


ACCEPTED: Final = Response(202, _JSON, b'{"status":"OK"}')
TOO_LARGE: Final = failed(413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).")
TRUNCATED: Final = failed(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")
BAD_MODE: Final = failed(400, "InvalidFunctionResponseMode", "Invalid function response mode")


def event(meta: Mapping[str, Any], payload: bytes, at: float) -> Response:
    """The answer to `next`: *meta* as assignment.requested() tells it, at *at*, epoch seconds."""
    headers = [
        ("Lambda-Runtime-Aws-Request-Id", meta["id"]),
        ("Lambda-Runtime-Deadline-Ms", str(int(at * 1000) + meta["ms"])),
        ("Lambda-Runtime-Invoked-Function-Arn", meta["arn"]),
        ("Lambda-Runtime-Trace-Id", one_line(meta["trace"])),
        ("Lambda-Runtime-Client-Context", one_line(meta["client"])),
        *_JSON,
    ]
    return Response(200, [(name, value) for name, value in headers if value], payload)


def one_line(text: str) -> str:
    """*text* fit for a header: JSON is spelled anew in ASCII, of anything else what no header can hold becomes a space."""
    if text.isascii() and text.isprintable():
        return text
    try:
        return json.dumps(orjson.loads(text), separators=(",", ":"))
    except ValueError:
        return "".join(letter if letter.isascii() and letter.isprintable() else " " for letter in text)


def named(headers: Headers, name: str) -> str:
    """The first header of this lower-case *name*; "" when there is none."""
    return next((value for key, value in headers if key == name), "")


def error(headers: Headers, body: bytes) -> tuple[str, bytes]:
    """The type of an error that a runtime posts, and its error object as the caller gets it."""
    try:
        found = orjson.loads(body)
    except ValueError:
        found = None
    if isinstance(found, dict):
        if named(headers, "content-type").partition(";")[0].strip() == CAUSE:
            body = orjson.dumps({name: found[name] for name in ("errorMessage", "errorType", "stackTrace") if name in found})
        if isinstance(found.get("errorType"), str):
            return found["errorType"], body
    return category(named(headers, ERROR_TYPE)), body


def category(value: str) -> str:
    """An error type from a header: AWS keeps those of a known form."""
    if _CATEGORY.fullmatch(value):
        return value
    return "Function.Unknown" if value.startswith("Function.") else "Runtime.Unknown"


def broken(trailers: Headers) -> tuple[str, bytes] | None:
    """Type and error object that the trailers of a stream tell of; None when it is complete."""
    told, body = named(trailers, ERROR_TYPE), named(trailers, ERROR_BODY)
    if not told and not body:
        return None
    try:
        decoded = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        decoded = body.encode()
    return told or error((), decoded)[0], decoded


def collected(content_type: str, body: bytes) -> bytes:
    """A stream that nobody asked for as a result: what its HTTP prelude says and its body in one object, any other as it is."""
    prelude, end, rest = body.partition(PRELUDE_END)
    if content_type != HTTP_INTEGRATION or not end:
        return body
    try:
        answer = orjson.loads(prelude)
        text, encoded = rest.decode(), False
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(rest).decode(), True
    except ValueError:
        return body
    return orjson.dumps({**answer, "body": text, "isBase64Encoded": encoded}) if isinstance(answer, dict) else body


def _not_allowed(method: str) -> Response:
    return Response(405, (("Allow", method),))
