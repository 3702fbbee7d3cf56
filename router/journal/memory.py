"""A journal that forgets everything at the end of the process: for tests, and the model that the others are held against."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from router import names
from router.clock import Clock
from router.errors import EventNotFound, InvalidParameter, JournalError, LeaseLost
from router.journal.base import Attempt, Beside, EventDetail, EventRow, Query, always
from router.journal.database import Database
from router.journal.rows import COUNTED, kept_error
from router.journal.turns import in_turn, rotated
from router.model import TERMINAL, Delivery, Envelope, State


@dataclass(slots=True)
class _Event:
    """One event. *due* is monotonic time; None: terminal, running, or behind another of its shard."""

    id: int
    envelope: Envelope
    created: float
    due: float | None
    state: State = State.QUEUED
    attempt: int = 0
    failures: int = 0
    throttles: int = 0
    finished: float | None = None
    error: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    kept: bool = True  # its payload

    @property
    def lane(self) -> tuple[str, str, str]:
        return self.envelope.function, self.envelope.source, self.envelope.shard

    def waiting(self) -> State:
        """The state while it is not leased."""
        return State.RETRYING if self.failures else State.QUEUED


class MemoryJournal:
    """Everything in one dict, looked through whole for every question."""

    def __init__(self, clock: Clock, database: Database | None = None) -> None:
        self._clock, self._database = clock, database
        self._events: dict[int, _Event] = {}  # in the order of the accepts
        self._last_id = 0
        self._served = ""  # the function that was served last
        self._changed = asyncio.Event()
        self._closed = False

    @classmethod
    async def open(cls, database: Database, clock: Clock) -> Self:
        """As every journal opens; of its own there is nothing on disk."""
        return cls(clock, database)

    async def append(self, envelope: Envelope) -> bool:
        """See Journal."""
        self._open()
        alike = (envelope.function, envelope.source, envelope.shard, envelope.sequencer)
        for known in self._events.values():
            it = known.envelope
            if envelope.sequencer and (it.function, it.source, it.shard, it.sequencer) == alike:
                return False
        if any(event.envelope.request_id == envelope.request_id for event in self._events.values()):
            raise InvalidParameter(f"an event with the id {envelope.request_id} exists already: every event needs its own")
        self._add(_Event(self._next_id(), envelope, self._clock.now(), None))
        return True

    async def append_all(self, envelopes: Sequence[Envelope], beside: Beside | None = None) -> list[bool]:
        """See Journal. Without a store there is nothing beside."""
        before, last_id = dict(self._events), self._last_id
        try:
            fresh = [await self.append(envelope) for envelope in envelopes]
            if beside is not None and self._database is not None:
                await self._database.transact(beside)
        except BaseException:
            self._events, self._last_id = before, last_id
            raise
        return fresh

    async def lease(self, limit: int, *, wait: float, room: Callable[[str], int], take: Callable[[str], bool] = always) -> list[Delivery]:
        """See Journal."""
        until = self._clock.monotonic() + wait
        while True:
            self._open()
            changed = self._changed
            if taken := [*self._take(limit, room, take)]:
                return taken
            now = self._clock.monotonic()
            later = [event.due for event in self._events.values() if event.due is not None and event.due > now]
            pause = min([until, *later]) - now
            if pause <= 0:
                return []
            await self._clock.wait(changed, pause)

    def nudge(self) -> None:
        """See Journal."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def ack(self, delivery: Delivery, *, beside: Beside | None = None, keep: bool = True) -> None:
        """See Journal. Without a store there is nothing beside."""
        event = self._held(delivery)
        if beside is not None and self._database is not None:
            await self._database.transact(beside)
        event.kept = keep
        self._end(event, State.SUCCEEDED, "")

    async def retry(self, delivery: Delivery, *, delay: float, error: str) -> None:
        """See Journal."""
        event, error = self._held(delivery), kept_error(error)
        event.failures, event.throttles, event.error = delivery.failures + 1, 0, error
        event.attempts.append(Attempt(delivery.attempt, self._clock.now(), error))
        self._put_back(event, delay)

    async def release(self, delivery: Delivery, *, delay: float, reason: str = "") -> None:
        """See Journal."""
        event = self._held(delivery)
        event.throttles, event.error = delivery.throttles + 1, kept_error(reason) or event.error
        self._put_back(event, delay)

    async def bury(self, delivery: Delivery, state: State, *, error: str, beside: Beside | None = None) -> None:
        """See Journal."""
        event, error = self._held(delivery), kept_error(error)
        if beside is not None and self._database is not None:
            await self._database.transact(beside)
        event.attempts.append(Attempt(delivery.attempt, self._clock.now(), error))
        self._end(event, state, error)

    async def find(self, event_id: str) -> EventDetail:
        """See Journal."""
        event = self._find(event_id)
        return EventDetail(self._row(event), event.envelope.payload if event.kept else None, tuple(event.attempts))

    async def alike(self, envelopes: Sequence[Envelope]) -> list[EventRow]:
        """See Journal."""
        wanted = {(it.function, it.source, it.shard, it.sequencer) for it in envelopes if it.sequencer}
        events = [(event, event.envelope) for event in self._events.values()]
        return [self._row(event) for event, it in events if (it.function, it.source, it.shard, it.sequencer) in wanted]

    async def list(self, query: Query) -> list[EventRow]:
        """See Journal."""
        return [self._row(event) for event in self._matching(query)][: query.limit]

    async def replay(self, event_id: str, *, function: str = "", request_id: str = "") -> str:
        """See Journal."""
        event = self._find(event_id)
        if event.state not in TERMINAL:
            raise InvalidParameter(f"event {event_id} is {event.state}: only a finished one can be replayed")
        if not event.kept:
            raise InvalidParameter(f"event {event_id} cannot be replayed: its payload was not kept (payloads: off)")
        copy, it = request_id or names.request_id(), event.envelope
        await self.append(Envelope(function or it.function, it.payload, it.source, copy, it.shard, copy))
        return copy

    async def redrive(self, event_id: str) -> None:
        """See Journal."""
        event = self._find(event_id)
        if event.state not in {State.DEAD, State.EXPIRED}:
            raise InvalidParameter(f"event {event_id} is {event.state}: only a dead or expired one can be redriven")
        del self._events[event.id]
        event.id, event.created, event.finished = self._next_id(), self._clock.now(), None
        event.state, event.failures, event.throttles = State.QUEUED, 0, 0
        self._add(event)

    async def purge(self, ids: Sequence[str]) -> int:
        """See Journal."""
        events = {event.id: event for event in map(self._find, ids)}
        for event in events.values():
            if event.state not in {State.DEAD, State.EXPIRED}:
                raise InvalidParameter(f"event {event.envelope.request_id} is {event.state}: only a dead or expired one can be purged")
        for number in events:
            del self._events[number]
        return len(events)

    async def size(self) -> int:
        """See Journal."""
        return sum(len(event.envelope.payload) for event in self._events.values() if event.kept)

    async def counts(self) -> Mapping[str, Mapping[State, int]]:
        """See Journal."""
        self._open()
        counts: dict[str, dict[State, int]] = {}
        for event in self._events.values():
            if event.state in COUNTED:
                states = counts.setdefault(event.envelope.function, {})
                states[event.state] = states.get(event.state, 0) + 1
        return counts

    async def forget(self, *, before: float, limit: int) -> int:
        """See Journal."""
        old = [event for event in self._events.values() if event.finished is not None and event.finished < before]
        old.sort(key=lambda event: (event.finished, event.id))
        for event in old[:limit]:
            del self._events[event.id]
        return len(old[:limit])

    async def close(self) -> None:
        """See Journal."""
        self._closed = True
        self.nudge()

    def _open(self) -> None:
        if self._closed:
            raise JournalError("the journal is closed")

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _add(self, event: _Event) -> None:
        self._events[event.id] = event
        if event.envelope.shard:
            self._promote(event)
        else:
            event.due = self._clock.monotonic()
        self.nudge()

    def _promote(self, event: _Event) -> None:
        """Have the oldest unfinished event of this one's shard be due, unless it runs or waits for a time of its own."""
        lane = [other for other in self._events.values() if other.lane == event.lane and other.finished is None]
        if event.envelope.shard and lane and lane[0].state is State.QUEUED and lane[0].due is None:
            lane[0].due = self._clock.monotonic()

    def _take(self, limit: int, room: Callable[[str], int], take: Callable[[str], bool]) -> Iterator[Delivery]:
        now = self._clock.monotonic()
        due = [event for event in self._events.values() if event.due is not None and event.due <= now]
        due.sort(key=lambda event: (event.due, event.id))
        functions = rotated({event.envelope.function for event in due}, self._served)
        lines = [[event for event in due if event.envelope.function == name][: max(0, room(name))] for name in functions]
        for event in in_turn(lines, limit):
            if not take(event.envelope.function):
                continue
            event.due, event.state, event.attempt = None, State.RUNNING, event.attempt + 1
            self._served = event.envelope.function
            yield Delivery(event.id, event.envelope, event.attempt, event.failures, event.created, event.throttles)

    def _held(self, delivery: Delivery) -> _Event:
        self._open()
        event = self._events.get(delivery.id)
        if event is None or event.state is not State.RUNNING or event.attempt != delivery.attempt:
            raise LeaseLost(f"event {delivery.envelope.request_id} is no longer held under attempt {delivery.attempt}")
        return event

    def _put_back(self, event: _Event, delay: float) -> None:
        event.state, event.due = event.waiting(), self._clock.monotonic() + delay
        self.nudge()

    def _end(self, event: _Event, state: State, error: str) -> None:
        event.state, event.finished, event.error = state, self._clock.now(), error
        self._promote(event)
        self.nudge()

    def _find(self, event_id: str) -> _Event:
        self._open()
        for event in self._events.values():
            if event.envelope.request_id == event_id:
                return event
        raise EventNotFound(event_id)

    def _matching(self, query: Query) -> Iterator[_Event]:
        """Newest first."""
        self._open()
        before = next((e.id for e in self._events.values() if e.envelope.request_id == query.before), 0) if query.before else None
        for event in reversed(self._events.values()):
            if (
                (before is None or event.id < before)
                and names.covers(query.function, event.envelope.function)
                and query.source in {"", event.envelope.source}
                and (not query.states or event.state in query.states)
                and event.created >= query.since
            ):
                yield event

    def _row(self, event: _Event) -> EventRow:
        it, ahead = event.envelope, self._clock.now() - self._clock.monotonic()
        due = None if event.due is None else event.due + ahead
        return EventRow(
            it.request_id,
            it.function,
            it.source,
            it.shard,
            event.state,
            event.attempt,
            event.created,
            due,
            event.finished,
            event.error,
            len(it.payload),
        )
