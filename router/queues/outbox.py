"""What is on its way to a destination: rows of the store, written in the transaction of what they tell of.

A record for a queue is in its queue at once. One for a function, a bus or a bucket is a row here until it is handed over
(router/dispatch/destinations.py), together with the row's removal: nothing is lost and nothing sent twice by a kill between."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

import apsw

from router.config.types import Destination
from router.events.sqs import Attribute
from router.events.sqs_rules import New, size_of
from router.journal.base import Beside
from router.journal.database import Database
from router.queues.store import Queues

STEPS: Final = (
    """
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,             -- function, bus, bucket
        target TEXT NOT NULL,
        function TEXT NOT NULL,         -- whose outcome it tells of
        arn TEXT NOT NULL,              -- of that, qualified
        request_id TEXT NOT NULL,
        success INTEGER NOT NULL,
        key TEXT NOT NULL,              -- of the object, in a bucket
        trace TEXT NOT NULL,
        made REAL NOT NULL,             -- epoch seconds
        body BLOB NOT NULL
    ) STRICT;
    """,
)
_INSERT: Final = (
    "INSERT INTO outbox (kind, target, function, arn, request_id, success, key, trace, made, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_PAGE: Final = """
SELECT id, kind, target, function, arn, request_id, success, key, trace, made, body FROM outbox
WHERE id NOT IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One record on its way."""

    to: Destination
    body: bytes  # JSON text
    function: str
    arn: str
    request_id: str
    made: float  # epoch seconds
    success: bool = False
    key: str = ""
    trace: str = ""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)  # of a queue's message


class Waiting(NamedTuple):
    """A row."""

    id: int
    kind: str
    target: str
    function: str
    arn: str
    request_id: str
    success: int
    key: str
    trace: str
    made: float
    body: bytes


class Outbox:
    """The table, and the queues beside it."""

    def __init__(self, database: Database, queues: Queues) -> None:
        self.database, self._queues = database, queues
        self.on_post: Callable[[], None] = lambda: None  # called when there are new rows

    @classmethod
    async def open(cls, database: Database, queues: Queues) -> Self:
        """Bring the table up to date. Raises JournalError."""
        await database.migrate("outbox", STEPS)
        return cls(database, queues)

    def room(self, to: Destination) -> int:
        """The most bytes that a record for this destination should have."""
        return self._queues.known(to.name).max_message_size if to.kind == "queue" else 2**63 if to.kind == "bucket" else 1_000_000

    def post(self, connection: apsw.Connection, parcels: Sequence[Parcel]) -> None:
        """Write records down inside somebody's transaction; landed() is for afterwards."""
        for parcel in parcels:
            if parcel.to.kind == "queue":
                message = New(parcel.body.decode(errors="replace"), parcel.attributes, trace=parcel.trace)
                self._queues.put(connection, parcel.to.name, message, size_of(message))
            else:
                connection.execute(_INSERT, _row(parcel)).fetchall()

    def landed(self, parcels: Sequence[Parcel]) -> None:
        """Tell those who wait for them."""
        for parcel in parcels:
            if parcel.to.kind == "queue":
                self._queues.ring(parcel.to.name)
            else:
                self.on_post()

    async def page(self, skip: str, limit: int) -> list[Waiting]:
        """The first rows whose ids are not in the JSON list *skip*."""
        return [Waiting(*row) for row in await self.database.read(_PAGE, skip, limit)]

    @staticmethod
    def done(number: int) -> Beside:
        """What removes a row, in the transaction that hands it over."""

        def unit(connection: apsw.Connection) -> None:
            connection.execute("DELETE FROM outbox WHERE id = ?", (number,)).fetchall()

        return unit


def _row(parcel: Parcel) -> tuple[str | float | bytes, ...]:
    to = parcel.to
    who = (to.kind, to.name, parcel.function, parcel.arn, parcel.request_id)
    return (*who, int(parcel.success), parcel.key, parcel.trace, parcel.made, parcel.body)
