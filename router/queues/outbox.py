"""What is on its way to a destination: rows of the store, written in the transaction of what they tell of.

What is for a queue is in its queue at once. What is for a function, a bus, a topic, a bucket or a log group is a row here until it is
handed over (router/dispatch/relay.py), together with the row's removal: nothing is lost and nothing sent twice by a kill between."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

import apsw
import orjson

from router.config.types import Destination
from router.events.sns_rules import LARGEST as LARGEST_PUBLISHED
from router.events.sqs import Attribute
from router.events.sqs_rules import New, size_of
from router.journal.base import Beside
from router.journal.database import Database
from router.queues.store import Queues

STEPS: Final = (
    """
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,             -- function, bus, bucket, topic, log_group
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
    "ALTER TABLE outbox ADD COLUMN terms TEXT NOT NULL DEFAULT '';",  # JSON: see Terms; "": the record of an outcome
    """
    ALTER TABLE outbox ADD COLUMN posted REAL NOT NULL DEFAULT 0.0;  -- in the queues' time, which no step of the wall clock moves
    UPDATE outbox SET posted = made;
    """,
)
_COLUMNS: Final = "kind, target, function, arn, request_id, success, key, trace, made, body, terms, posted"
_INSERT: Final = f"INSERT INTO outbox ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names
_PAGE: Final = f"""
SELECT id, {_COLUMNS} FROM outbox
WHERE id NOT IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT ?
"""  # noqa: S608 - our own names


class Terms(NamedTuple):
    """How long something is tried for that a rule, a schedule or a bucket hands over, and what becomes of it then."""

    attempts: int  # after the first
    age: float  # seconds
    dead_letter: str  # a queue; "": it is lost, and told
    target: str  # ARN of what it is for
    scheduled: float | None = None  # epoch seconds: the tick of a schedule of EventBridge Scheduler; None: a rule's
    group: str = ""  # of a message, where the target takes one
    deduplication: str = ""
    subject: str = ""  # of a topic's message


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
    terms: Terms | None = None  # of a rule's, a schedule's or a bucket's target; None: the record of an outcome


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
    terms: str
    posted: float  # in the queues' time

    @property
    def agreed(self) -> Terms | None:
        """See Parcel.terms."""
        return Terms(*orjson.loads(self.terms)) if self.terms else None


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
        if to.kind == "queue":
            return self._queues.known(to.name).max_message_size
        return {"bucket": 2**63, "topic": LARGEST_PUBLISHED}.get(to.kind, 1_000_000)

    def post(self, connection: apsw.Connection, parcels: Sequence[Parcel]) -> None:
        """Write records down inside somebody's transaction; landed() is for afterwards."""
        for parcel in parcels:
            if parcel.to.kind == "queue":
                lane = (parcel.terms.group, parcel.terms.deduplication) if parcel.terms is not None else ("", "")
                message = New(parcel.body.decode(errors="replace"), parcel.attributes, None, *lane, trace=parcel.trace)
                self._queues.put(connection, parcel.to.name, message, size_of(message))
            else:
                connection.execute(_INSERT, (*_row(parcel), self._queues.time())).fetchall()

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

    def age(self, row: Waiting) -> float:
        """Seconds that a row has waited. Across a restart by the wall clock, which is all there is then."""
        return self._queues.time() - row.posted

    @staticmethod
    def done(number: int) -> Beside:
        """What removes a row, in the transaction that hands it over."""

        def unit(connection: apsw.Connection) -> None:
            connection.execute("DELETE FROM outbox WHERE id = ?", (number,)).fetchall()

        return unit


def _row(parcel: Parcel) -> tuple[str | float | bytes, ...]:
    to = parcel.to
    who = (to.kind, to.name, parcel.function, parcel.arn, parcel.request_id)
    terms = "" if parcel.terms is None else orjson.dumps([*parcel.terms]).decode()
    return (*who, int(parcel.success), parcel.key, parcel.trace, parcel.made, parcel.body, terms)
