"""EventBridge events: the envelope that all of them share, and what PutEvents makes of an entry.

Pure: facts in, dict out. Sources: EventBridge user guide, "Events" and "Calculating PutEvents event entry size";
API reference, PutEvents, PutEventsRequestEntry, PutEventsResultEntry; samples in tests/golden/eventbridge_*.json."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from router import names
from router.errors import RouterError

ENTRIES: Final = 10  # of one PutEvents at most
ENTRY_BYTES: Final = 1024 * 1024  # of all entries of one PutEvents together: 1 MB since January 2026
TIME_BYTES: Final = 14  # what a Time counts for
TYPE_CHARS: Final = 128  # of a DetailType at most; a longer one reaches no rule
TRACE_CHARS: Final = 500  # of a TraceHeader at most
LATEST: Final = 253_402_300_799  # the last second of the year 9999, epoch seconds: what ISO 8601 can write
OWN_SOURCES: Final = "aws."  # begins the sources of AWS's own services, which nobody else may name

_REQUIRED: Final = ("Source", "DetailType", "Detail")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event happened."""

    region: str
    account: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a PutEvents call as the caller wrote it."""

    source: str = ""
    detail_type: str = ""
    detail: str = ""  # JSON text of an object
    resources: Sequence[str] = ()
    time: float | None = None  # epoch seconds; None: when it arrives
    bus: str = "default"
    trace: str = ""  # X-Ray header of the caller


class InvalidRequest(RouterError):
    """A PutEvents call that is refused as a whole."""

    status, code = 400, "ValidationException"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an entry is not taken: ErrorCode and ErrorMessage of its result."""

    code: str
    message: str


def envelope(
    source: str,
    detail_type: str,
    detail: Any,
    *,
    event_id: str,
    at: float,
    place: Place,
    resources: Sequence[str] = (),
    replay: str = "",
) -> dict[str, Any]:
    """The event a target gets: *event_id* a UUID, *at* epoch seconds, *replay* the name of the replay that sends it again."""
    made = {
        "version": "0",
        "id": event_id,
        "detail-type": detail_type,
        "source": source,
        "account": place.account,
        "time": names.iso_s(at),
        "region": place.region,
        "resources": list(resources),
        "detail": detail,
    }
    return made | {"replay-name": replay} if replay else made


def event(entry: Entry, *, event_id: str, at: float, place: Place, replay: str = "") -> dict[str, Any]:
    """The event of an entry that refusal() let pass. *at*: when it arrived, epoch seconds."""
    return envelope(
        entry.source,
        entry.detail_type,
        json.loads(entry.detail),
        event_id=event_id,
        at=at if entry.time is None else entry.time,
        place=place,
        resources=entry.resources,
        replay=replay,
    )


def refusal(entry: Entry) -> Refusal | None:
    """Why PutEvents refuses this entry; None: it is taken. The call itself answers 200 either way."""
    for word, value in zip(_REQUIRED, (entry.source, entry.detail_type, entry.detail), strict=True):
        if not value:
            return Refusal("InvalidArgument", f"Parameter {word} is not valid. Reason: {word} is a required argument.")
    if entry.source.startswith(OWN_SOURCES):
        return Refusal("NotAuthorizedForSourceException", "Not authorized for the source.")
    if entry.time is not None and not 0 <= entry.time <= LATEST:
        return Refusal("InvalidArgument", "Parameter Time is not valid.")
    if len(entry.detail_type) > TYPE_CHARS:
        return Refusal("InvalidArgument", f"Parameter DetailType is not valid. Reason: DetailType is longer than {TYPE_CHARS} characters.")
    if entry_size(entry) > ENTRY_BYTES:
        return Refusal("InvalidArgument", f"Total size of the entry is over {ENTRY_BYTES} bytes.")
    return None if _is_object(entry.detail) else Refusal("MalformedDetail", "Detail is malformed.")


def entries_of(call: Any, *, place: Place) -> list[Entry]:
    """The entries of a PutEvents call, {"Entries": [...]} as JSON has it. Raises InvalidRequest for what no single entry is to blame for."""
    given = call.get("Entries") if isinstance(call, Mapping) else None
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise InvalidRequest("Entries is a list of objects")
    for wrong, told in ((not given, "greater than or equal to 1"), (len(given) > ENTRIES, f"less than or equal to {ENTRIES}")):
        if wrong:
            raise InvalidRequest(
                f"1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length {told}"
            )
    entries = [_entry(one, place) for one in given]
    if sum(map(entry_size, entries)) > ENTRY_BYTES:
        raise InvalidRequest("Total size of the entries in the request is over the limit.")
    return entries


def _entry(given: Mapping[str, Any], place: Place) -> Entry:
    texts = {key: given.get(key) or "" for key in (*_REQUIRED, "EventBusName", "TraceHeader")}
    resources = given.get("Resources") or []
    if not all(isinstance(text, str) for text in texts.values()):
        raise InvalidRequest(f"{', '.join(texts)} are texts")
    if not isinstance(resources, list) or not all(isinstance(one, str) for one in resources):
        raise InvalidRequest("Resources is a list of texts")
    if not all(map(_encodable, (*texts.values(), *resources))):
        raise InvalidRequest("half a surrogate pair is no text")
    trace = texts["TraceHeader"]
    if len(trace) > TRACE_CHARS or not (trace.isascii() and trace.isprintable()):
        raise InvalidRequest(f"TraceHeader is {TRACE_CHARS} printable characters at most")
    own = names.bus_arn(place.region, place.account, "")
    bus = texts["EventBusName"].removeprefix(own) or "default"
    return Entry(texts["Source"], texts["DetailType"], texts["Detail"], tuple(resources), _time(given.get("Time")), bus, trace)


def _time(value: Any) -> float | None:
    """Epoch seconds of a number of them, or of ISO 8601 text in UTC or with an offset."""
    if value is None or value == "":
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) < 1e15 else -1.0  # refused for what it says
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise InvalidRequest("Time is epoch seconds, or a time such as 2026-11-23T08:00:00Z") from error
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()


def entry_size(entry: Entry) -> int:
    """Bytes that an entry counts for: UTF-8 of its texts, and a fixed number for its time."""
    texts = (entry.source, entry.detail_type, entry.detail, *entry.resources)
    return sum(len(text.encode()) for text in texts) + (TIME_BYTES if entry.time is not None else 0)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text, parse_constant=_no_constant, parse_float=_finite), Mapping)
    except (ValueError, RecursionError):
        return False


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _finite(text: str) -> float:
    """A number that can be handed on as one: 1e999 would come to nothing."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} is too large")
    return value


def _no_constant(name: str) -> None:
    """NaN and the infinities are Python's JSON, not that of RFC 8259."""
    raise ValueError(f"{name} is not JSON")
