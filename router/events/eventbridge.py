"""EventBridge events: the envelope that all of them share, and what PutEvents makes of an entry.

Pure: facts in, dict out. Sources: EventBridge user guide, "Events" and "Calculating PutEvents event entry size";
API reference, PutEvents, PutEventsRequestEntry, PutEventsResultEntry; samples in tests/golden/eventbridge_*.json."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from router import names

ENTRIES: Final = 10  # of one PutEvents at most
ENTRY_BYTES: Final = 256 * 1024  # of one entry at most
TIME_BYTES: Final = 14  # what a Time counts for
TYPE_CHARS: Final = 128  # of a DetailType at most; a longer one reaches no rule
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
    if len(entry.detail_type) > TYPE_CHARS:
        return Refusal("InvalidArgument", f"Parameter DetailType is not valid. Reason: DetailType is longer than {TYPE_CHARS} characters.")
    if entry_size(entry) > ENTRY_BYTES:
        return Refusal("InvalidArgument", f"Total size of the entry is over {ENTRY_BYTES} bytes.")
    return None if _is_object(entry.detail) else Refusal("MalformedDetail", "Detail is malformed.")


def entry_size(entry: Entry) -> int:
    """Bytes that an entry counts for: UTF-8 of its texts, and a fixed number for its time."""
    texts = (entry.source, entry.detail_type, entry.detail, *entry.resources)
    return sum(len(text.encode()) for text in texts) + (TIME_BYTES if entry.time is not None else 0)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text, parse_constant=_no_constant), Mapping)
    except (ValueError, RecursionError):
        return False


def _no_constant(name: str) -> None:
    """NaN and the infinities are Python's JSON, not that of RFC 8259."""
    raise ValueError(f"{name} is not JSON")
