"""What belonged to something that is declared no more and goes little by little: a mark in the store says so.

The mark is made in the transaction that ends the declaration (Change.beside in router/api/declared.py), and goes with the last of what
it stands for: a daemon killed in between goes on with it. One kind a room: queues' messages, archives' events."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Self

import apsw

from router.journal.database import Database

STEPS: Final = (
    """
    CREATE TABLE leavings (
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        upto INTEGER NOT NULL,  -- id of the newest row that goes
        PRIMARY KEY (kind, name)
    ) STRICT, WITHOUT ROWID;
    """,
)
_MARK: Final = "INSERT OR REPLACE INTO leavings VALUES (?, ?, ?)"
_UNMARK: Final = "DELETE FROM leavings WHERE kind = ? AND name = ?"
_OF: Final = "SELECT upto FROM leavings WHERE kind = ? AND name = ?"
_ALL: Final = "SELECT name FROM leavings WHERE kind = ? ORDER BY name"

Unit = Callable[[apsw.Connection], None]
Step = Callable[[apsw.Connection, str, int], bool]
"""Removes some rows of a name with ids up to a number; whether there may be more."""


class Leavings:
    """The marks of one kind."""

    def __init__(self, database: Database, kind: str, newest: Callable[[apsw.Connection], int], step: Step) -> None:
        """*newest*: the newest id given out, in a transaction of the writer's."""
        self._database, self._kind, self._newest, self._step = database, kind, newest, step
        self._turn = asyncio.Lock()
        self._callers = 0  # who has the turn, and who waits for it

    @classmethod
    async def open(cls, database: Database, kind: str, newest: Callable[[apsw.Connection], int], step: Step) -> Self:
        """Bring the table up to date. Raises JournalError."""
        await database.migrate("leavings", STEPS)
        return cls(database, kind, newest, step)

    def marking(self, name: str) -> Unit:
        """What marks all that *name* has, in the transaction that ends its declaration."""

        def unit(connection: apsw.Connection) -> None:
            connection.execute(_MARK, (self._kind, name, self._newest(connection))).fetchall()

        return unit

    async def names(self) -> list[str]:
        """What is marked."""
        return [row[0] for row in await self._database.read(_ALL, self._kind)]

    async def sweep(self, name: str, *, declared: bool, breath: Callable[[], Awaitable[None]] | None = None) -> bool:
        """Remove what the mark of *name* stands for, then the mark; whether there was one. Raises JournalError.

        *declared*: there is one of that name again, whose own rows came after the mark; else all go that are there now, those too that
        came between the mark and the end of the declaration. *breath*: awaited between two transactions, unless somebody waits for his turn."""
        self._callers += 1
        try:
            async with self._turn:
                if not await self._database.read(_OF, self._kind, name):
                    return False
                if not declared:
                    await self._database.land(self.marking(name))
                while await self._database.land(lambda connection: self._some(connection, name)):
                    if breath is not None and self._callers == 1:
                        await breath()
                return True
        finally:
            self._callers -= 1

    def _some(self, connection: apsw.Connection, name: str) -> bool:
        upto = connection.execute(_OF, (self._kind, name)).get
        if upto is None:
            return False
        more = self._step(connection, name, int(upto))
        if not more:
            connection.execute(_UNMARK, (self._kind, name)).fetchall()
        return more
