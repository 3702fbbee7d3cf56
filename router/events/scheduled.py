"""What a schedule hands to its function: EventBridge's "Scheduled Event", or EventBridge Scheduler's input.

Pure: facts in, dict or JSON text out. Sources: EventBridge user guide, "Events from scheduled rules"; EventBridge Scheduler
user guide, "Adding context attributes"; samples in tests/golden/schedule_*.json.
The Scheduler's event without input is a string in `detail`, as captured samples show it."""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import orjson

from router import names
from router.events.eventbridge import Place, envelope

_PLACEHOLDER: Final = re.compile(r"<aws\.scheduler\.(schedule-arn|scheduled-time|execution-id|attempt-number)>")


@dataclass(frozen=True, slots=True)
class Firing:
    """One tick of one schedule."""

    name: str  # of the rule or schedule
    region: str
    account: str
    at: float  # the planned time, epoch seconds
    id: str  # a UUID, new for each firing
    group: str = "default"  # of a schedule


def delay(name: str, at: int, window: int) -> int:
    """How many seconds after its time a tick of a flexible schedule runs: drawn from 0 to *window*, the same however often it is asked."""
    return int.from_bytes(blake2b(f"{name}\0{at}".encode(), digest_size=8).digest()) % (window + 1)


def rule_event(firing: Firing) -> dict[str, Any]:
    """The event of an EventBridge rule on a schedule."""
    return _event(firing, "aws.events", names.rule_arn(firing.region, firing.account, firing.name), {})


def scheduler_event(firing: Firing) -> dict[str, Any]:
    """The event of an EventBridge Scheduler schedule that has no input."""
    return _event(firing, "aws.scheduler", names.schedule_arn(firing.region, firing.account, firing.name, firing.group), "{}")


def _event(firing: Firing, source: str, resource: str, detail: Any) -> dict[str, Any]:
    place = Place(firing.region, firing.account)
    return envelope(source, "Scheduled Event", detail, event_id=firing.id, at=firing.at, place=place, resources=[resource])


def filled(text: str, firing: Firing) -> str:
    """The Scheduler's input with its context attributes put in, wherever in the JSON text they stand.

    The attempt is the first: once the event is accepted, retries are the function's own and change no event."""
    values = {
        "schedule-arn": names.schedule_arn(firing.region, firing.account, firing.name, firing.group),
        "scheduled-time": names.iso_s(firing.at),
        "execution-id": firing.id,
        "attempt-number": "1",
    }
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)


def payload(firing: Firing, text: str | None, *, scheduler: bool) -> bytes:
    """The event as JSON text; *text* is the trigger's input as JSON text, None when it has none."""
    if text is None:
        event = scheduler_event(firing) if scheduler else rule_event(firing)
        return orjson.dumps(event)
    return (filled(text, firing) if scheduler else text).encode()
