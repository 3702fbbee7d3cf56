"""The Extensions API, version 2020-01-01: which call is in order, and what is answered. Pure.

Source: Lambda developer guide, "Lambda Extensions API"; statuses, error types and messages as AWS's runtime interface emulator
has them."""

import json
import re
import uuid
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson

from router.events import tracing
from router.events.http import Headers, Response
from router.runtime.runtime_api import failed, named

BASE: Final = "/2020-01-01/extension/"
NAME: Final = "lambda-extension-name"
IDENTIFIER: Final = "lambda-extension-identifier"
ERROR_TYPE: Final = "lambda-extension-function-error-type"
FEATURES: Final = "lambda-extension-accept-feature"
MOST: Final = 10  # extensions of one function: Lambda quotas

_JSON: Final = (("Content-Type", "application/json"),)
_NAME: Final = re.compile(r"[!-~]{1,128}")


class State(StrEnum):
    """Where an extension stands; the values are AWS's names."""

    STARTED = "Started"
    REGISTERED = "Registered"
    READY = "Ready"  # waits for an event
    RUNNING = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"


class Step(StrEnum):
    """What moves it: its calls, and an event handed out."""

    REGISTER = "register"
    NEXT = "event/next"
    INIT_ERROR = "init/error"
    EXIT_ERROR = "exit/error"
    EVENT = "event"


class Kind(StrEnum):
    """What an extension can be told."""

    INVOKE = "INVOKE"
    SHUTDOWN = "SHUTDOWN"


class Reason(StrEnum):
    """Why an environment ends."""

    SPINDOWN = "SPINDOWN"
    TIMEOUT = "TIMEOUT"
    FAILURE = "FAILURE"


NEXT: Final[dict[State, dict[Step, State]]] = {
    State.STARTED: {Step.REGISTER: State.REGISTERED},
    State.REGISTERED: {Step.NEXT: State.READY, Step.INIT_ERROR: State.INIT_ERROR, Step.EXIT_ERROR: State.EXIT_ERROR},
    State.READY: {
        Step.NEXT: State.READY,
        Step.EVENT: State.RUNNING,
        Step.EXIT_ERROR: State.EXIT_ERROR,
    },  # next again: its connection was lost
    State.RUNNING: {Step.NEXT: State.READY, Step.EXIT_ERROR: State.EXIT_ERROR},
    State.INIT_ERROR: {},
    State.EXIT_ERROR: {},
}
_WANTED: Final = {  # the state a call asks for, as messages name it
    Step.REGISTER: State.REGISTERED,
    Step.NEXT: State.READY,
    Step.INIT_ERROR: State.INIT_ERROR,
    Step.EXIT_ERROR: State.EXIT_ERROR,
}
_METHODS: Final = {Step.REGISTER: "POST", Step.NEXT: "GET", Step.INIT_ERROR: "POST", Step.EXIT_ERROR: "POST"}

NOT_FOUND: Final = Response(404, (("Content-Type", "text/plain"),), b"404 page not found\n")
ACCEPTED: Final = Response(202, _JSON, b'{"status":"OK"}')
CLOSED: Final = failed(403, "Extension.RegistrationClosed", "Extension registration closed already")
TWICE: Final = failed(403, "Extension.InvalidExtensionState", "Extension with this name already registered")
TOO_MANY: Final = failed(403, "Extension.TooManyExtensions", f"Extension limit ({MOST}) reached")
NO_ERROR_TYPE: Final = failed(403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")


class Registration(NamedTuple):
    """What an extension asks to be told."""

    name: str
    events: frozenset[Kind]
    with_account: bool  # it understands accountId in the answer


class Function(NamedTuple):
    """What a registered extension is told of its function."""

    name: str
    version: str
    handler: str
    account: str  # "" when it is not known


def target(method: str, path: str) -> Step | Response:
    """The call that a request makes, or the answer to one that makes none."""
    step = next((step for step in _METHODS if path == BASE + step), None)
    if step is None:
        return NOT_FOUND
    return step if method == _METHODS[step] else Response(405, (("Allow", _METHODS[step]),))


def identified(headers: Headers) -> str | Response:
    """Whose call it is: the identifier it carries, or the answer to one without."""
    found = named(headers, IDENTIFIER)
    if not found:
        return failed(403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
    try:
        return str(uuid.UUID(found))
    except ValueError:
        return failed(403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")


def unknown(identifier: str) -> Response:
    """The answer to an identifier that nobody got."""
    return failed(403, "Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}")


def registration(headers: Headers, body: bytes) -> Registration | Response:
    """What a `register` asks for, or the answer to one that makes no sense."""
    name = named(headers, NAME)
    if not _NAME.fullmatch(name):
        said = f"Invalid extension name {json.dumps(name[:100])}" if name else "Empty extension name"
        return failed(403, "Extension.InvalidExtensionName", said)
    try:
        found = orjson.loads(body)
        events = found.get("events") or []
        valid = isinstance(events, list) and all(isinstance(event, str) for event in events)
    except (ValueError, AttributeError):
        valid = False
    if not valid:
        return failed(403, "InvalidRequestFormat", 'the body is to be {"events": ["INVOKE", "SHUTDOWN"]}')
    wrong = next((event for event in events if event not in Kind.__members__), None)
    if wrong is not None:
        return failed(403, "Extension.InvalidEventType", f"{wrong[:100]}: ErrorInvalidEventType")
    features = named(headers, FEATURES).split(",")
    return Registration(name, frozenset(map(Kind, events)), any(feature.strip() == "accountId" for feature in features))


def no_shutdown(events: Collection[Kind]) -> Response | None:
    """The answer to an internal extension that asks for SHUTDOWN; None when it does not."""
    if Kind.SHUTDOWN not in events:
        return None
    return failed(403, "Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension")


def registered(identifier: str, function: Function, *, with_account: bool) -> Response:
    """The answer to a `register` that succeeded."""
    told = {"functionName": function.name, "functionVersion": function.version, "handler": function.handler}
    if with_account and function.account:
        told["accountId"] = function.account
    return Response(200, (*_JSON, ("Lambda-Extension-Identifier", identifier)), orjson.dumps(told))


def refusal(state: State, step: Step, name: str) -> Response | None:
    """Why a call is out of order; None when it is in order."""
    if step in NEXT[state]:
        return None
    said = f"State transition from {state} to {_WANTED[step]} failed for extension {name}. Error: State transition is not allowed"
    return failed(403, "Extension.InvalidExtensionState", said)


def invoke(meta: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The INVOKE event; *meta* as assignment.requested() tells it; *now*: epoch seconds."""
    told = {
        "eventType": Kind.INVOKE.value,
        "deadlineMs": int(now * 1000) + meta["ms"],
        "requestId": meta["id"],
        "invokedFunctionArn": meta["arn"],
    }
    root = tracing.fields(meta["trace"]).get("Root")
    return told | ({"tracing": {"type": "X-Amzn-Trace-Id", "value": meta["trace"]}} if root else {})


def shutdown(reason: Reason, deadline: float) -> dict[str, Any]:
    """The SHUTDOWN event; *deadline*: epoch seconds."""
    return {"eventType": Kind.SHUTDOWN.value, "shutdownReason": reason.value, "deadlineMs": int(deadline * 1000)}


def event(told: Mapping[str, Any]) -> Response:
    """The answer to `event/next`."""
    return Response(200, (*_JSON, ("Lambda-Extension-Event-Identifier", str(uuid.uuid4()))), orjson.dumps(told))
