"""The journal's Protocol and its rows. Implementations: sqlite.py (default), memory.py (tests)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import apsw

from router.model import Delivery, Envelope, State

Beside = Callable[[apsw.Connection], None]
"""What is to be recorded together with events; it neither begins nor ends transactions."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One failed attempt of an event."""

    number: int
    at: float  # epoch seconds
    error: str  # the function's error object (JSON), or a sentence of ours


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event as people see it (`router events list`)."""

    id: str  # request id
    function: str
    source: str
    shard: str
    state: State
    attempts: int  # starts so far
    created: float  # epoch seconds
    due: float | None  # epoch seconds of the next attempt; None: terminal, running, or behind another of its shard
    finished: float | None  # epoch seconds
    error: str  # last error; "" when there is none
    size: int  # bytes of the payload


@dataclass(frozen=True, slots=True)
class EventDetail:
    """An event with its payload and its history (`router events show`)."""

    row: EventRow
    payload: bytes | None  # None: it was not kept
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """Which events to list, newest first."""

    function: str = ""  # with its versions and aliases; NAME:QUALIFIER: that one alone; "": all
    source: str = ""
    states: frozenset[State] = frozenset()  # empty: all
    since: float = 0.0  # epoch seconds of the accept
    before: str = ""  # id of the last row seen, to page on
    limit: int = 100


def always(_: str) -> bool:
    """Every event may start."""
    return True


class Journal(Protocol):
    """Durable at-least-once queue; raises JournalError only.

    One daemon at a time holds it (the lock on the state directory), so a lease has no timeout: it ends
    when its delivery is settled or when the holder dies, and opening a journal requeues at once all
    that the dead holder ran. Every write is on disk, synced, when its call returns."""

    async def append(self, envelope: Envelope) -> bool:
        """Accept an event; durable on return. False: known already (same function, source, shard, sequencer)."""

    async def append_all(self, envelopes: Sequence[Envelope], beside: Beside | None = None) -> list[bool]:
        """Accept events and do *beside* in the store, all in one transaction; durable on return. For each event: False, known already.

        Raises InvalidParameter or JournalError: nothing was accepted, nothing was done."""

    async def lease(self, limit: int, *, wait: float, room: Callable[[str], int], take: Callable[[str], bool] = always) -> list[Delivery]:
        """Take up to *limit* due events, oldest due first and in turn over functions, at most room(function) of each.

        *room* is asked on the event loop's thread, once a function and look; *take* then of each event that is about to be
        handed out, in the same turn of the loop: what it refuses stays where it is, nothing of it recorded. It must not
        refuse the first one after *room* allowed it. Per shard only the oldest unfinished event is ever due. Waits up to
        *wait* seconds (of the Clock) for work; [] when there is none. Leasing starts an attempt."""

    def nudge(self) -> None:
        """Have a waiting lease() look again: there is room where there was none."""

    async def ack(self, delivery: Delivery, *, beside: Beside | None = None, keep: bool = True) -> None:
        """Record success, a terminal state, and do *beside* in the same transaction; *keep*: its payload, or remove it with it. LeaseLost when the attempt number is no longer
        current: nothing was done."""

    async def retry(self, delivery: Delivery, *, delay: float, error: str) -> None:
        """Record that the function failed; due again after *delay* seconds. LeaseLost as for ack."""

    async def release(self, delivery: Delivery, *, delay: float, reason: str = "") -> None:
        """Put back without a failure (throttled, drained, no environment); due after *delay*. LeaseLost as for ack."""

    async def bury(self, delivery: Delivery, state: State, *, error: str, beside: Beside | None = None) -> None:
        """Record a terminal state other than success, with the reason, and do *beside*. LeaseLost as for ack."""

    async def find(self, event_id: str) -> EventDetail:
        """One event with payload and history. Raises EventNotFound."""

    async def alike(self, envelopes: Sequence[Envelope]) -> list[EventRow]:
        """The events that are known by these: same function, source, shard and sequencer; in no order."""

    async def list(self, query: Query) -> list[EventRow]:
        """Events that match, newest first, at most query.limit."""

    async def replay(self, event_id: str, *, function: str = "", request_id: str = "") -> str:
        """Append a copy of a terminal event (to another function when named); give the copy's id.

        The copy has a fresh sequencer, so it is never a duplicate. Raises EventNotFound; InvalidParameter when the
        event is not terminal yet."""

    async def redrive(self, event_id: str) -> None:
        """Queue a dead or expired event again under its own id, failures and age counted from zero. Raises EventNotFound;
        InvalidParameter when the event is in another state."""

    async def purge(self, ids: Sequence[str]) -> int:
        """Remove dead and expired events for good, all of them or none; how many. Raises EventNotFound; InvalidParameter when
        one of them is in another state."""

    async def size(self) -> int:
        """Bytes that the store takes, without what it can use again."""

    async def counts(self) -> Mapping[str, Mapping[State, int]]:
        """Unfinished, dead and expired events per function and state."""

    async def forget(self, *, before: float, limit: int) -> int:
        """Remove up to *limit* terminal events finished before *before* (dead letters too); give how many."""

    async def close(self) -> None:
        """Finish what was handed over and close. What is leased stays running until the journal opens again."""
