"""Schedules in the store: how far each is decided, and the ticks that are decided but not handed over yet.

A tick's row (schedule, time) is committed before the tick is emitted and removed after emit() returned, so the table
holds what is under way and no more. What a crash leaves in it is emitted again, with the same sequencer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import apsw

from router.events.agenda import Cursor, Due
from router.journal.database import Database

STEPS: Final = (
    """
    CREATE TABLE schedules (
        name TEXT PRIMARY KEY,
        spelling TEXT NOT NULL,             -- expression and zone; another spelling starts anew
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
INSERT INTO schedules (name, spelling, anchor, until) VALUES (?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET spelling = excluded.spelling, anchor = excluded.anchor, until = excluded.until, missed = 0
"""
_DECIDE: Final = "UPDATE schedules SET until = ?, anchor = ?, missed = missed + ? WHERE name = ?"
_RAN: Final = "UPDATE schedules SET last = max(coalesce(last, ?1), ?1) WHERE name = ?2"


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

    async def load(self, spellings: Mapping[str, str], now: int) -> Loaded:
        """Make the tables fit the config and read them. A new or changed schedule begins at *now*: it has missed nothing."""
        await self._database.migrate("schedule", STEPS)
        return await self._database.transact(lambda connection: _load(connection, spellings, now))

    async def decide(self, decided: Sequence[Due]) -> None:
        """Put ticks and cursors on record; durable on return."""

        def unit(connection: apsw.Connection) -> None:
            ticks = [(due.name, tick) for due in decided for tick in due.ticks]
            cursors = [(due.cursor.until, due.cursor.anchor, due.dropped, due.name) for due in decided]
            connection.executemany("INSERT OR IGNORE INTO ticks VALUES (?, ?)", ticks)
            connection.executemany(_DECIDE, cursors)

        await self._database.transact(unit)

    async def settle(self, ticks: Sequence[Tick]) -> None:
        """Record that these were handed over."""

        def unit(connection: apsw.Connection) -> None:
            connection.executemany("DELETE FROM ticks WHERE schedule = ? AND at = ?", ticks)
            connection.executemany(_RAN, [(at, name) for name, at in ticks])

        await self._database.transact(unit)


def _load(connection: apsw.Connection, spellings: Mapping[str, str], now: int) -> Loaded:
    known = dict(_rows(connection, "SELECT name, spelling FROM schedules"))
    gone = [(name,) for name in known if name not in spellings]
    fresh = [(name, spelling, now, now) for name, spelling in spellings.items() if known.get(name) != spelling]
    connection.executemany("DELETE FROM schedules WHERE name = ?", gone)
    connection.executemany(_BEGIN, fresh)
    rows = _rows(connection, "SELECT name, until, anchor, last, missed FROM schedules")
    ticks: list[Tick] = _rows(connection, "SELECT schedule, at FROM ticks ORDER BY at, schedule")
    pending = [tick for tick in ticks if tick[0] in spellings]
    removed = [tick for tick in ticks if tick[0] not in spellings]
    connection.executemany("DELETE FROM ticks WHERE schedule = ? AND at = ?", removed)
    schedules = {name: Stored(Cursor(until, anchor), last, missed) for name, until, anchor, last, missed in rows}
    return Loaded(schedules, pending, removed)


def _rows(connection: apsw.Connection, query: str) -> list[Any]:
    return connection.execute(query).fetchall()
