"""What buses keep in the store: archived events, and replays with how far each has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import apsw
import orjson

from router.journal import leavings
from router.journal.database import Database
from router.journal.leavings import Leavings

STEPS: Final = (
    """
    CREATE TABLE bus_events (
        id INTEGER PRIMARY KEY,
        bus TEXT NOT NULL,
        event_id TEXT NOT NULL,
        at REAL NOT NULL,               -- the event's time, epoch seconds
        until REAL,                     -- epoch seconds: removed after this; NULL: kept
        payload BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX bus_events_ids ON bus_events (bus, event_id);
    CREATE INDEX bus_events_times ON bus_events (bus, at, id);
    CREATE INDEX bus_events_ends ON bus_events (until) WHERE until IS NOT NULL;
    CREATE TABLE bus_replays (
        name TEXT PRIMARY KEY,
        bus TEXT NOT NULL,
        start REAL NOT NULL,            -- epoch seconds, of the events' time
        finish REAL NOT NULL,
        rules TEXT NOT NULL,            -- JSON: names; [] all
        pattern TEXT NOT NULL,          -- JSON; "" all
        state TEXT NOT NULL,
        reason TEXT NOT NULL,           -- why it failed
        newest INTEGER NOT NULL,        -- id of the newest archived event when it began
        at REAL NOT NULL,               -- (at, id) of the last event that is done
        id INTEGER NOT NULL,
        events INTEGER NOT NULL,        -- replayed so far
        began REAL NOT NULL,            -- epoch seconds
        ended REAL                      -- NULL: it goes on
    ) STRICT, WITHOUT ROWID;
    """,
    "ALTER TABLE bus_replays ADD COLUMN description TEXT NOT NULL DEFAULT '';",
)
FORGET_AT_ONCE: Final = 500  # rows removed in one transaction

RUNNING, CANCELLING, COMPLETED, CANCELLED, FAILED = "RUNNING", "CANCELLING", "COMPLETED", "CANCELLED", "FAILED"

_KEEP: Final = "INSERT OR IGNORE INTO bus_events (bus, event_id, at, until, payload) VALUES (?, ?, ?, ?, ?)"
_PAGE: Final = """
SELECT id, at, payload FROM bus_events
WHERE bus = ?1 AND (at, id) > (?2, ?3) AND at <= ?4 AND id <= ?5 ORDER BY at, id LIMIT ?6
"""
_FORGET: Final = """
DELETE FROM bus_events WHERE id IN (SELECT id FROM bus_events WHERE until IS NOT NULL AND until < ? ORDER BY until LIMIT ?)
"""
_COLUMNS: Final = "name, bus, start, finish, rules, pattern, state, reason, newest, at, id, events, began, ended, description"
_COUNTS: Final = "SELECT bus, count(*), min(at), max(at) FROM bus_events GROUP BY bus"
_SIZES: Final = "SELECT bus, count(*), sum(length(payload)) FROM bus_events GROUP BY bus"
_NEWEST: Final = "SELECT ifnull(max(id), 0) FROM bus_events"
_EMPTY: Final = "DELETE FROM bus_events WHERE id IN (SELECT id FROM bus_events WHERE bus = ? AND id <= ? ORDER BY at, id LIMIT ?)"


class Kept(NamedTuple):
    """An event as the archive takes it."""

    bus: str
    event_id: str
    at: float
    until: float | None
    payload: bytes


class Archived(NamedTuple):
    """An event as the archive gives it."""

    id: int
    at: float
    payload: bytes


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay and how far it has come."""

    name: str
    bus: str
    start: float  # epoch seconds, of the events' time; both ends included
    finish: float
    rules: tuple[str, ...] = ()  # only these; (): all
    pattern: str = ""  # JSON text: only events that match it; "": all
    state: str = RUNNING
    reason: str = ""
    newest: int = 0
    at: float = 0.0
    id: int = 0
    events: int = 0
    began: float = 0.0
    ended: float | None = None
    description: str = ""


async def prepare(database: Database) -> None:
    """Bring the tables up to date. Raises JournalError."""
    await database.migrate("bus", STEPS)
    await database.migrate("leavings", leavings.STEPS)


def keep(connection: apsw.Connection, rows: Sequence[Kept]) -> None:
    """Archive events; those that are there already stay as they are."""
    connection.executemany(_KEEP, rows)


class BusStore:
    """The tables. Every call raises JournalError when the store cannot do it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.leavings = Leavings(database, "archive", _newest, _drop)

    async def page(self, replay: Replay, limit: int) -> list[Archived]:
        """The next events of a replay, by their time."""
        rows = await self.database.read(_PAGE, replay.bus, replay.at, replay.id, replay.finish, replay.newest, limit)
        return [Archived(number, at, bytes(payload)) for number, at, payload in rows]

    async def begin(self, replay: Replay, limit: int) -> bool | None:
        """Record a new replay. False: its name is taken; None: *limit* of them run already."""

        def unit(connection: apsw.Connection) -> bool | None:
            if connection.execute("SELECT 1 FROM bus_replays WHERE name = ?", (replay.name,)).get is not None:
                return False
            if connection.execute("SELECT count(*) FROM bus_replays WHERE ended IS NULL").get >= limit:
                return None
            newest = connection.execute("SELECT ifnull(max(id), 0) FROM bus_events WHERE bus = ?", (replay.bus,)).get
            connection.execute(
                f"INSERT INTO bus_replays ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own names
                (
                    *(replay.name, replay.bus, replay.start, replay.finish, orjson.dumps(replay.rules).decode(), replay.pattern),
                    *(RUNNING, "", newest, replay.start, -1, 0, replay.began, None, replay.description),
                ),
            )
            return True

        return await self.database.transact(unit)

    async def cancel(self, name: str) -> bool:
        """Have a replay end; False when none of this name goes on."""
        return bool(await self.database.write("UPDATE bus_replays SET state = ? WHERE name = ? AND ended IS NULL", CANCELLING, name))

    async def end(self, name: str, state: str, at: float, reason: str = "") -> None:
        """Record how a replay ended."""
        await self.database.write("UPDATE bus_replays SET state = ?, ended = ?, reason = ? WHERE name = ?", state, at, reason, name)

    async def replays(self, *, going: bool = False) -> list[Replay]:
        """All replays, the newest first; or those that have not ended."""
        condition = "WHERE ended IS NULL" if going else ""
        rows = await self.database.read(f"SELECT {_COLUMNS} FROM bus_replays {condition} ORDER BY began DESC, name")  # noqa: S608
        return [_replay(row) for row in rows]

    async def replay(self, name: str) -> Replay | None:
        """One replay."""
        rows = await self.database.read(f"SELECT {_COLUMNS} FROM bus_replays WHERE name = ?", name)  # noqa: S608 - our own names
        return _replay(rows[0]) if rows else None

    async def counts(self) -> dict[str, tuple[int, float, float]]:
        """Per bus: archived events, the time of the oldest and of the newest."""
        return {bus: (count, first, last) for bus, count, first, last in await self.database.read(_COUNTS)}

    async def sizes(self) -> dict[str, tuple[int, int]]:
        """Per bus: archived events, and their bytes."""
        return {bus: (count, size) for bus, count, size in await self.database.read(_SIZES)}

    async def forget(self, now: float) -> int:
        """Remove events whose time in the archive is over, FORGET_AT_ONCE at most, and replays that ended 90 days ago; how many events."""
        await self.database.write("DELETE FROM bus_replays WHERE ended < ?", now - 90 * 86400)
        return await self.database.write(_FORGET, now, FORGET_AT_ONCE)


def progress(connection: apsw.Connection, name: str, last: Archived, events: int) -> None:
    """Record how far a replay has come; part of the transaction in which its events are handed over."""
    connection.execute("UPDATE bus_replays SET at = ?, id = ?, events = events + ? WHERE name = ?", (last.at, last.id, events, name))


def _newest(connection: apsw.Connection) -> int:
    return int(connection.execute(_NEWEST).get)


def _drop(connection: apsw.Connection, bus: str, upto: int) -> bool:
    connection.execute(_EMPTY, (bus, upto, FORGET_AT_ONCE)).fetchall()
    return connection.changes() > 0


def _replay(row: Sequence[Any]) -> Replay:
    name, bus, start, finish, rules, *rest = row
    return Replay(name, bus, start, finish, tuple(orjson.loads(rules)), *rest)
