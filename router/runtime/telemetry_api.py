"""The Telemetry API, version 2022-07-01: what a subscription asks for, and which events wait for its subscriber. Pure.

Source: Lambda developer guide, "Lambda Telemetry API reference"; statuses and error types as AWS's runtime interface emulator has
them. The Logs API that came before it is answered as that emulator does: its events are others."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

import orjson

from router.events.http import Response
from router.runtime.runtime_api import failed

PATH: Final = "/2022-07-01/telemetry"
LOGS_PATH: Final = "/2020-08-15/logs"
TYPES: Final = ("platform", "function", "extension")
_SCHEMAS: Final = ("2022-07-01", "2022-12-13", "2025-01-29")
_HOSTS: Final = ("sandbox.localdomain", "sandbox", "127.0.0.1", "localhost")  # the first two are AWS's names for the last two
_BUFFERING: Final = {  # default, least, most
    "maxItems": (1_000, 1_000, 10_000),
    "maxBytes": (262_144, 262_144, 1_048_576),
    "timeoutMs": (1_000, 25, 30_000),
}
_JSON: Final = (("Content-Type", "application/json"),)

OK: Final = Response(200, _JSON, b'"OK"')
CLOSED: Final = failed(403, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed")
NO_LOGS: Final = failed(202, "Logs.NotSupported", "Logs API is not supported")


class Subscription(NamedTuple):
    """What a subscriber wants, and where."""

    types: frozenset[str]
    protocol: Literal["HTTP", "TCP"]
    port: int
    path: str  # of HTTP
    max_items: int = 1_000
    max_bytes: int = 262_144
    timeout: float = 1.0  # seconds


def subscription(body: bytes) -> Subscription | Response:
    """The subscription that a body asks for, or the answer to one that makes no sense: all that is wrong with it."""
    try:
        found = orjson.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return failed(400, "ValidationError", "the body is no JSON object")
    wrong: list[str] = []
    if found.get("schemaVersion") not in _SCHEMAS:
        wrong.append(f"schemaVersion should be one of {', '.join(_SCHEMAS)}")
    types = _types(found.get("types"), wrong)
    protocol, port, path = _destination(found.get("destination"), wrong)
    items, size, wait = _buffering(found.get("buffering"), wrong)
    if wrong:
        return failed(400, "ValidationError", "; ".join(wrong))
    return Subscription(types, "TCP" if protocol == "TCP" else "HTTP", port, path, items, size, wait / 1000)


def _types(value: Any, wrong: list[str]) -> frozenset[str]:
    if not isinstance(value, list) or not value:
        wrong.append("types should not be empty")
        return frozenset()
    if not all(isinstance(kind, str) and kind in TYPES for kind in value):
        wrong.append(f"types should be of {', '.join(TYPES)}")
        return frozenset()
    return frozenset(value)


def _destination(value: Any, wrong: list[str]) -> tuple[str, int, str]:
    if not isinstance(value, dict) or value.get("protocol") not in {"HTTP", "TCP"}:
        wrong.append("destination.protocol should be HTTP or TCP")
        return "", 0, ""
    host, port, path = _place(value)
    if host not in _HOSTS:
        wrong.append(f"destination host should be {_HOSTS[0]}")
    if not port:
        wrong.append("URI port is not provided")
    return str(value["protocol"]), port, path


def _place(value: Mapping[str, Any]) -> tuple[str, int, str]:
    """Host, port and path: of a URI or, with TCP, of `port`."""
    uri, port = value.get("URI", ""), value.get("port", 0)
    if value["protocol"] == "TCP" and not uri:
        return _HOSTS[0], port if type(port) is int and 0 < port < 65536 else 0, ""
    try:
        found = urlsplit(uri if isinstance(uri, str) else "")
        path = f"{found.path or '/'}{f'?{found.query}' if found.query else ''}"
        host, port = found.hostname or "", found.port or 0
    except ValueError:
        return "", 0, ""
    valid = path.isascii() and path.isprintable() and " " not in path
    return host, port, path if valid else "/"


def _buffering(value: Any, wrong: list[str]) -> list[int]:
    given = {} if value is None else value
    if not isinstance(given, dict):
        wrong.append("buffering should be an object")
        given = {}
    found = []
    for name, (default, least, most) in _BUFFERING.items():
        number = given.get(name, default)
        if type(number) is not int or not least <= number <= most:
            wrong.append(f"buffering.{name} should be a whole number from {least} to {most}")
            number = default
        found.append(number)
    return found


class Buffer:
    """Events that wait for one subscriber. Holds one batch of the size that it asked for; what comes beyond is counted."""

    def __init__(self, max_items: int, max_bytes: int) -> None:
        self._max_items, self._max_bytes = max_items, max_bytes
        self._events: list[bytes] = []
        self._size = 0
        self._lost = 0
        self._lost_bytes = 0

    def put(self, event: bytes) -> bool:
        """Take one. False: there is no room, until take()."""
        if self._events and (len(self._events) >= self._max_items or self._size + len(event) > self._max_bytes):
            self.lose(1, len(event))
            return False
        self._events.append(event)
        self._size += len(event)
        return True

    def force(self, event: bytes) -> None:
        """Take one for which there is always room: what was lost."""
        self._events.append(event)
        self._size += len(event)

    @property
    def full(self) -> bool:
        """Whether a batch need not wait longer."""
        return len(self._events) >= self._max_items or self._size >= self._max_bytes // 2

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._events

    def take(self) -> list[bytes]:
        """The batch."""
        events, self._events, self._size = self._events, [], 0
        return events

    def lose(self, events: int, size: int) -> None:
        """So many will not reach the subscriber."""
        self._lost += events
        self._lost_bytes += size

    def lost(self) -> tuple[int, int]:
        """Events and bytes that were lost since this was last asked."""
        lost, self._lost, self._lost_bytes = (self._lost, self._lost_bytes), 0, 0
        return lost
