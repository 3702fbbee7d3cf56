"""Tumbling windows: stretches of time of equal length, and the state that a function hands from one invocation to the next in each.

Pure. Source: Lambda developer guide, "Using Lambda to process records with tumbling windows"; sample in tests/golden/kinesis_tumbling_window.json."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from router.events.kinesis import Window, in_window

STATE_LIMIT: Final = 1024 * 1024  # bytes of a state as JSON; over it the window ends early
LONGEST: Final = 900  # seconds


class NoState(ValueError):
    """A result without a state, which counts as a failure; the text says why."""


@dataclass(frozen=True, slots=True)
class Open:
    """A window that has begun."""

    start: int  # epoch seconds
    state: str  # JSON text of an object
    shard: str
    arn: str

    def dressed(self, payload: bytes, length: int, *, final: bool = False, early: bool = False) -> bytes:
        """An event {"Records": [...]} with what stands beside it in a window."""
        told = in_window(Window(self.start, self.start + length, {}, final, early), shard=self.shard, arn=self.arn)
        return payload[:-1] + b"," + orjson.dumps({**told, "state": orjson.Fragment(self.state)})[1:]


def start_of(at: float, length: int, open_since: int | None) -> int:
    """The window of a record that arrived at *at* (epoch seconds); one that comes late belongs to the window that is open."""
    start = int(at // length) * length
    return start if open_since is None else max(start, open_since)


def runs(arrivals: Sequence[float], length: int, open_since: int | None) -> Iterator[tuple[int, int, int]]:
    """Records, by their arrivals, as runs of one window each: its start, place of the first record, place behind the last."""
    first, since = 0, open_since
    for place, at in enumerate(arrivals):
        start = start_of(at, length, since)
        if place > first and start != since and since is not None:
            yield since, first, place
            first = place
        since = start
    if arrivals and since is not None:
        yield since, first, len(arrivals)


def state_of(result: bytes) -> str:
    """The state in a function's result, JSON text. Raises NoState."""
    try:
        value = json.loads(result) if result else None
    except (ValueError, RecursionError) as error:
        raise NoState(f"the result is not JSON: {error}") from None
    state = value.get("state") if isinstance(value, dict) else None
    if not isinstance(state, dict):
        raise NoState('the result has no "state", which an invocation in a window must give back')
    return json.dumps(state, separators=(",", ":"))  # not orjson: numbers of any size, and half surrogate pairs, go on as they came


def too_large(state: str) -> bool:
    """Whether a window with this state ends early."""
    return len(state) > STATE_LIMIT
