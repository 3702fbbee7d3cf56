"""What became of events, and once more: the calls behind `router events` and `router dlq`.

Times are ISO 8601 in UTC with milliseconds, or null. What cannot be done is a RouterError."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from router import names
from router.errors import InvalidParameter
from router.functions.registry import Functions
from router.journal.base import EventDetail, EventRow, Journal, Query
from router.model import TERMINAL, State

DEAD_LETTERS: Final = frozenset({State.DEAD, State.EXPIRED})
PAGE: Final = 200  # events that are read at once
MOST: Final = 10_000  # events of one replay
EVERY: Final = 10**9  # dead letters: no bound


class Wanted(NamedTuple):
    """Dead letters: those named, those of a function, or all."""

    ids: Sequence[str] = ()
    function: str = ""
    everything: bool = False


def unfinished(states: Mapping[State, int]) -> int:
    """How many of these events are still to come to an end."""
    return sum(count for state, count in states.items() if state not in TERMINAL)


def by_function(counts: Mapping[str, Mapping[State, int]]) -> dict[str, dict[State, int]]:
    """Counts of targets (NAME or NAME:QUALIFIER) as counts of functions."""
    found: dict[str, dict[State, int]] = {}
    for target, states in counts.items():
        function = found.setdefault(names.base(target), {})
        for state, count in states.items():
            function[state] = function.get(state, 0) + count
    return found


def time_of(at: float | None) -> str | None:
    """Epoch seconds as people and programs read them."""
    return None if at is None else names.iso_ms(at)


def event_row(row: EventRow) -> dict[str, Any]:
    """One row of `router events list`; the keys are stable."""
    return {
        "id": row.id,
        "function": row.function,
        "source": row.source,
        "shard": row.shard,
        "state": row.state.value,
        "attempts": row.attempts,
        "created": time_of(row.created),
        "due": time_of(row.due),
        "finished": time_of(row.finished),
        "error": row.error or None,
        "size": row.size,
    }


def event_detail(detail: EventDetail) -> dict[str, Any]:
    """One event as `router events show` prints it."""
    return {
        "event": event_row(detail.row),
        "payload": None if detail.payload is None else detail.payload.decode(errors="replace"),
        "history": [{"attempt": a.number, "at": time_of(a.at), "error": a.error} for a in detail.attempts],
    }


class History:
    """The journal as operators see it."""

    def __init__(self, journal: Journal, functions: Functions) -> None:
        self._journal, self._functions = journal, functions

    async def events(self, query: Query) -> list[dict[str, Any]]:
        """Events that match, newest first. Raises EventNotFound for a page behind an event that there is not."""
        if query.before:
            await self._journal.find(query.before)
        return [event_row(row) for row in await self._journal.list(query)]

    async def event(self, event_id: str) -> dict[str, Any]:
        """One event with payload and history."""
        return event_detail(await self._journal.find(event_id))

    # -- once more

    async def replay(self, ids: Sequence[str], to: str) -> list[str]:
        """Queue copies of finished events in this order, for the function *to* when named; the copies' ids.

        None is queued when there is one that cannot be: each is looked at first."""
        target = self._functions.target(to) if to else ""
        for event_id in ids:
            await self._journal.copy(event_id)
        return [await self._journal.replay(event_id, function=target) for event_id in ids]

    async def replay_all(self, query: Query, to: str, *, dry_run: bool) -> dict[str, Any]:
        """The same of all finished events that match, the oldest first; of the newest query.limit when there are more.

        {"events": rows as events() gives them, "ids": of the copies, "more": whether there are}; a dry run makes no copies."""
        states = query.states or TERMINAL
        if unfinished := states - TERMINAL:
            raise InvalidParameter(f"only finished events can be replayed, not {', '.join(sorted(unfinished))} ones")
        limit = min(query.limit, MOST)
        rows = [row async for row in self._matching(replace(query, states=states, limit=limit + 1))]
        rows, more = rows[:limit][::-1], len(rows) > limit
        ids = [] if dry_run else await self.replay([row.id for row in rows], to)
        if dry_run and to:
            self._functions.get(to)
        return {"events": [event_row(row) for row in rows], "ids": ids, "more": more}

    async def _matching(self, query: Query) -> AsyncIterator[EventRow]:
        """As the journal lists them, page by page, query.limit in all."""
        left, before = query.limit, query.before
        while left > 0:
            page = await self._journal.list(replace(query, before=before, limit=min(left, PAGE)))
            for row in page:
                yield row
            left -= len(page)
            if not page:
                return
            before = page[-1].id

    # -- dead letters

    async def dead_letters(self, function: str, limit: int) -> list[dict[str, Any]]:
        """Exhausted and expired events, newest first."""
        return await self.events(Query(function=function, states=DEAD_LETTERS, limit=limit))

    async def redrive(self, wanted: Wanted) -> int:
        """Queue dead letters again, under their own ids; how many. Those that are named go together, or none does."""
        return sum([await self._journal.redrive(ids) async for ids in self._dead(wanted)])

    async def purge(self, wanted: Wanted) -> int:
        """Remove dead letters for good; how many. Those that are named go together, or none does."""
        return sum([await self._journal.purge(ids) async for ids in self._dead(wanted)])

    async def _dead(self, wanted: Wanted) -> AsyncIterator[Sequence[str]]:
        """Their ids, some at a time; whoever asks for more has dealt with those. Raises InvalidParameter when nothing is named."""
        if wanted.ids:
            yield wanted.ids
            return
        if not (wanted.function or wanted.everything):
            raise InvalidParameter('say which: {"ids": [...]}, {"function": NAME} or {"all": true}')
        query = Query(function=wanted.function, states=DEAD_LETTERS, limit=EVERY)
        ids = [row.id async for row in self._matching(query)]  # all of them first: what is redriven may be dead again at once
        for at in range(0, len(ids), PAGE):
            yield ids[at : at + PAGE]
