"""Where each function stands in a feed: rows of the store."""

from dataclasses import dataclass
from typing import Final

from router.journal.database import Database

_STEPS: Final = (
    """
    CREATE TABLE feed_cursors (
        feed TEXT NOT NULL,         -- name under tables:
        function TEXT NOT NULL,
        stream TEXT NOT NULL,       -- the cursor, as below
        number INTEGER NOT NULL,
        mark INTEGER NOT NULL,
        PRIMARY KEY (feed, function)
    ) WITHOUT ROWID;
    """,
)
_LOAD: Final = "SELECT stream, number, mark FROM feed_cursors WHERE feed = ? AND function = ?"
_SAVE: Final = (
    "INSERT INTO feed_cursors VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET stream = excluded.stream, number = excluded.number, mark = excluded.mark"
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far one function has read."""

    stream: str  # identity; "": there was none yet, so all that comes is new
    number: int  # of the last change done: 2 × its row in the outbox, and 1 more unless only the first half of it is done
    mark: int  # of that row, to notice a database restored from a backup; 0: not known

    @property
    def seq(self) -> int:
        """The row of the last change done."""
        return self.number // 2

    @property
    def rest(self) -> int:
        """The first row that is not wholly done; rows count from 1."""
        return max(1, self.seq + self.number % 2)


class Cursors:
    """The cursors of one feed. Calls raise JournalError."""

    def __init__(self, database: Database, feed: str) -> None:
        self._database, self._feed = database, feed

    async def prepare(self) -> None:
        """Make the table; to be called before the others."""
        await self._database.migrate("feed", _STEPS)

    async def load(self, function: str) -> Cursor | None:
        """Where *function* stands; None: it has never read this feed."""
        rows = await self._database.read(_LOAD, self._feed, function)
        return Cursor(*rows[0]) if rows else None

    async def save(self, function: str, cursor: Cursor) -> None:
        """Durable on return."""
        await self._database.write(_SAVE, self._feed, function, cursor.stream, cursor.number, cursor.mark)
