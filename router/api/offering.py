"""What an operator tries before sending: the events that AWS would send, and which triggers would take one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from router.api import explaining
from router.config.types import Config
from router.errors import InvalidParameter
from router.events.shapes import SHAPES, UnfitFact, built


def shapes() -> list[dict[str, Any]]:
    """The types of events, each with its facts and their defaults."""
    return [{"type": name, "facts": dict(shape.facts)} for name, shape in SHAPES.items()]


def sample(kind: str, facts: Mapping[str, Any], now: float) -> Any:
    """The event of a type, with these facts instead of the defaults. Raises InvalidParameter."""
    shape = SHAPES.get(kind)
    if shape is None:
        raise InvalidParameter(f"{kind!r:.60} is no type of event; there are {', '.join(SHAPES)}")
    if unknown := sorted(facts.keys() - shape.facts.keys()):
        raise InvalidParameter(f"{unknown[0]!r:.60} is no fact of {kind}; it has {', '.join(shape.facts)}")
    if not all(isinstance(value, str) for value in facts.values()):
        raise InvalidParameter("facts are texts")
    try:
        return built(shape, facts, now)
    except UnfitFact as error:
        raise InvalidParameter(str(error)) from error


def why(body: Mapping[str, Any], config: Config) -> list[dict[str, Any]]:
    """Which triggers would take {"event": …} or {"path": "/absolute"}, and why the others would not. Raises InvalidParameter."""
    if body.keys() == {"event"}:
        found = explaining.of_event(body["event"], config)
    elif body.keys() == {"path"} and isinstance(body["path"], str) and body["path"].startswith("/"):
        found = explaining.of_path(Path(body["path"]), config)
    else:
        raise InvalidParameter("say which: an event, or a path that begins with /")
    return [finding._asdict() for finding in found]
