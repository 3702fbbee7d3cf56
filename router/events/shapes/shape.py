"""One type of event that `router event` prints: its facts, their defaults, the builder, and what --send needs."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from router.events.http import Request
from router.names import moment

Facts = Mapping[str, str]

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
PLACE: Final = {"region": REGION, "account": ACCOUNT, "time": ""}  # time: now unless it is said


class UnfitFact(ValueError):
    """A fact that no event can be made of; the text says what would be right."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One type of event."""

    facts: Facts  # names and defaults
    build: Callable[[Facts, float], Any]  # facts and the time in epoch seconds to the event
    request: Callable[[Facts], Request] | None = None  # what --send sends instead of the event
    decided: frozenset[str] = field(default=frozenset())  # facts that the daemon's config decides, so that --send takes none


def built(shape: Shape, given: Facts, now: float) -> Any:
    """The event of *shape* with the facts in *given* and the defaults of the rest. Raises UnfitFact."""
    facts = {**shape.facts, **given}
    try:
        at = moment(facts["time"], now) if facts["time"] else now
        return shape.build(facts, at)
    except (ValueError, OverflowError) as error:
        raise UnfitFact(str(error)) from error


def requested(shape: Shape, given: Facts) -> Request | None:
    """The request that the event is made of; None when it is made of none. Raises UnfitFact."""
    if shape.request is None:
        return None
    try:
        return shape.request({**shape.facts, **given})
    except ValueError as error:
        raise UnfitFact(str(error)) from error


# -- facts that are more than text; each raises ValueError with a sentence


def whole(facts: Facts, name: str) -> int:
    """A number of digits alone."""
    text = facts[name]
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{name} {text!r} is no whole number")
    return int(text)


def truth(facts: Facts, name: str) -> bool:
    """`true` or `false`."""
    text = facts[name]
    if text not in {"true", "false"}:
        raise ValueError(f"{name} {text!r} is neither true nor false")
    return text == "true"


def mapping(facts: Facts, name: str) -> dict[str, Any]:
    """A JSON object; {} when the fact is empty."""
    try:
        value = json.loads(facts[name], parse_constant=_no_constant) if facts[name] else {}
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no JSON object")  # noqa: TRY004 - as every fact that does not fit
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def texts(facts: Facts, name: str) -> list[str]:
    """Texts with commas between them; [] when the fact is empty."""
    return [part.strip() for part in facts[name].split(",")] if facts[name] else []
