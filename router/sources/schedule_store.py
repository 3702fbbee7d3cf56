"""Schedules in the store: how far each is decided, and the ticks that are decided but not handed over yet.

A tick's row (schedule, time) is committed before the tick is emitted and removed in the transaction that makes its event durable, so
the table holds what is under way and no more, and what a crash leaves in it is emitted then. Many rows go in and out as JSON, in one
statement: each step of a statement has to win the interpreter back from a busy event loop (see journal/queries.sql)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import apsw
import orjson

from router.events.agenda import Cursor, Due
from router.journal.database import Database

STEPS: Final = (
    """
    CREATE TABLE schedules (
        name TEXT PRIMARY KEY,
        spelling TEXT NOT NULL,             -- expression and zone; another spelling starts anew; '': it is switched off
        anchor INTEGER NOT NULL,            -- epoch seconds: where rate() counts from
        until INTEGER NOT NULL,             -- epoch seconds: decided up to here
        last INTEGER,                       -- epoch seconds: time of the newest tick handed over
        missed INTEGER NOT NULL DEFAULT 0   -- ticks dropped since the schedule began
    ) WITHOUT ROWID;
    CREATE TABLE ticks (schedule TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (schedule, at)) WITHOUT ROWID;
    """,
)

Tick = tuple[str, int]  # schedule, time

_BEGIN: Final = """
INSERT INTO schedules (name, spelling, anchor, until) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?) WHERE true
ON CONFLICT (name) DO UPDATE SET spelling = excluded.spelling, anchor = excluded.anchor, until = excluded.until, missed = 0
"""
_REST: Final = "UPDATE schedules SET spelling = '' WHERE name IN (SELECT value FROM json_each(?))"
_END: Final = "DELETE FROM schedules WHERE name IN (SELECT value FROM json_each(?))"
_DECIDE: Final = """
UPDATE schedules SET until = d.value ->> 1, anchor = d.value ->> 2, missed = missed + (d.value ->> 3)
FROM json_each(?) AS d WHERE schedules.name = d.value ->> 0
"""
_PUT: Final = "INSERT OR IGNORE INTO ticks SELECT value ->> 0, value ->> 1 FROM json_each(?)"
_THERE: Final = """
SELECT json_group_array(json_array(schedule, at)) FROM ticks
WHERE (schedule, at) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))
"""
_DROP: Final = "DELETE FROM ticks WHERE (schedule, at) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))"
_RAN: Final = """
UPDATE schedules SET last = max(coalesce(last, r.at), r.at)
FROM (SELECT value ->> 0 AS name, max(value ->> 1) AS at FROM json_each(?) GROUP BY 1) AS r WHERE schedules.name = r.name
"""


class Wanted(NamedTuple):
    """A schedule that is to be served."""

    spelling: str  # what makes it another one when it changes
    first: Cursor  # where it begins when it was not there before


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store knows of one schedule."""

    cursor: Cursor
    last: int | None  # time of the newest tick handed over
    missed: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """The store's answer at the start."""

    schedules: dict[str, Stored]
    pending: list[Tick]  # decided, not known to be handed over; oldest first
    removed: list[Tick]  # such ticks of schedules that the config no longer has: forgotten


class ScheduleStore:
    """The two tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, wanted: Mapping[str, Wanted], now: int, resting: Collection[str] = ()) -> Loaded:
        """Make the tables fit the config and read them. A schedule that was changed, or was *resting* (switched off), begins anew at *now*."""
        await self._database.migrate("schedule", STEPS)
        return await self._database.transact(lambda connection: _load(connection, wanted, now, resting))

    async def decide(self, decided: Sequence[Due]) -> None:
        """Put ticks and cursors on record; durable on return."""
        ticks = _text([(due.name, tick) for due in decided for tick in due.ticks])
        cursors = _text([(due.name, due.cursor.until, due.cursor.anchor, due.dropped) for due in decided])

        def unit(connection: apsw.Connection) -> None:
            connection.execute(_PUT, (ticks,))
            connection.execute(_DECIDE, (cursors,))

        await self._database.transact(unit)


def drop(connection: apsw.Connection, ticks: Sequence[Tick]) -> set[Tick]:
    """Take ticks off the record, in the transaction that hands them over; those that were on it."""
    text = _text(ticks)
    there: Any = connection.execute(_THERE, (text,)).get
    connection.execute(_DROP, (text,))
    connection.execute(_RAN, (text,))
    return {(name, at) for name, at in orjson.loads(there)}


def _load(connection: apsw.Connection, wanted: Mapping[str, Wanted], now: int, resting: Collection[str]) -> Loaded:
    known = dict(_rows(connection, "SELECT name, spelling FROM schedules"))
    again = Cursor(now, now)
    begun = {name: again if name in known else one.first for name, one in wanted.items() if known.get(name) != one.spelling}
    fresh = [(name, wanted[name].spelling, cursor.anchor, cursor.until) for name, cursor in begun.items()]
    connection.execute(_END, (_text([name for name in known if name not in wanted and name not in resting]),))
    connection.execute(_REST, (_text(list(resting)),))
    connection.execute(_BEGIN, (_text(fresh),))
    rows = _rows(connection, "SELECT name, until, anchor, last, missed FROM schedules WHERE spelling <> ''")
    ticks: list[Tick] = _rows(connection, "SELECT schedule, at FROM ticks ORDER BY at, schedule")
    pending = [tick for tick in ticks if tick[0] in wanted]
    removed = [tick for tick in ticks if tick[0] not in wanted]
    connection.execute(_DROP, (_text(removed),))
    schedules = {name: Stored(Cursor(until, anchor), last, missed) for name, until, anchor, last, missed in rows}
    return Loaded(schedules, pending, removed)


def _text(value: object) -> str:
    return orjson.dumps(value).decode()


def _rows(connection: apsw.Connection, query: str) -> list[Any]:
    return connection.execute(query).fetchall()
