"""The tumbling window of one mapping: which one is open, its state, and how both come through a restart."""

from dataclasses import replace
from typing import Final

import apsw

from router.events.tumbling import Open, state_of, too_large
from router.journal.base import Beside
from router.journal.database import Database

STEPS: Final = (
    """
    CREATE TABLE feed_windows (
        feed TEXT NOT NULL,
        function TEXT NOT NULL,
        start INTEGER NOT NULL,         -- epoch seconds
        length INTEGER NOT NULL,        -- seconds
        state TEXT NOT NULL,
        shard TEXT NOT NULL,
        arn TEXT NOT NULL,
        PRIMARY KEY (feed, function)
    ) WITHOUT ROWID;
    """,
)
_LOAD: Final = "SELECT start, state, shard, arn FROM feed_windows WHERE feed = ? AND function = ? AND length = ?"
_SAVE: Final = "INSERT OR REPLACE INTO feed_windows VALUES (?, ?, ?, ?, ?, ?, ?)"
_CLOSE: Final = "DELETE FROM feed_windows WHERE feed = ? AND function = ?"


class FeedWindow:
    """Reads and writes in the transactions of the mapping's cursor. load() raises JournalError."""

    def __init__(self, database: Database, feed: str, function: str, length: int) -> None:
        self._database, self._feed, self._function, self.length = database, feed, function, length
        self.open: Open | None = None
        self._next = "{}"  # what the invocation under way gave back

    async def load(self) -> None:
        """Take up the window that was open at the last stop; one of another length is forgotten."""
        await self._database.migrate("feed_windows", STEPS)
        for start, state, shard, arn in await self._database.read(_LOAD, self._feed, self._function, self.length):
            self.open = Open(start, state, shard, arn)

    def begin(self, start: int, shard: str, arn: str) -> None:
        """Open the window that begins at *start*, unless one is open."""
        if self.open is None:
            self.open = Open(start, "{}", shard, arn)

    def left(self, now: float) -> float | None:
        """Seconds until the open one is over; None: none is open."""
        return None if self.open is None else self.open.start + self.length - now

    @property
    def overflowed(self) -> bool:
        """Whether the state has grown over its limit."""
        return self.open is not None and too_large(self.open.state)

    # -- for the delivery

    @property
    def room(self) -> int:
        """Bytes that an event has beside its records."""
        return len(self.dressed(b"{}"))

    def dressed(self, payload: bytes) -> bytes:
        """An event as the function gets it."""
        assert self.open is not None  # records are delivered in a window
        return self.open.dressed(payload, self.length)

    def read(self, result: bytes) -> None:
        """Take the state out of a result. Raises NoState."""
        self._next = state_of(result)

    def keep(self) -> None:
        """It is the state from now on."""
        assert self.open is not None
        self.open = replace(self.open, state=self._next)

    # -- for the store

    def note(self) -> Beside:
        """What puts down the window as it is now."""
        open_ = self.open

        def unit(connection: apsw.Connection) -> None:
            if open_ is None:
                connection.execute(_CLOSE, (self._feed, self._function)).fetchall()
                return
            row = (self._feed, self._function, open_.start, self.length, open_.state, open_.shard, open_.arn)
            connection.execute(_SAVE, row).fetchall()

        return unit
