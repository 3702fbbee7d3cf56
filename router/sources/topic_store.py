"""What FIFO topics remember in the store: the newest sequence number of each, and deduplication ids for five minutes.

Units for the writer thread: a message is numbered and remembered in the transaction that hands it to the queues."""

from collections.abc import Callable
from typing import Final, NamedTuple

import apsw

from router.journal.database import Database, Row

DEDUPLICATION: Final = 300.0  # seconds that a deduplication id is remembered: SNS developer guide, "Message deduplication for FIFO topics"
FIRST: Final = 10**19  # makes every sequence number 20 digits long
FORGET_AT_ONCE: Final = 100

STEPS: Final = (
    """
    CREATE TABLE topic_numbers (
        topic TEXT PRIMARY KEY,
        last INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE topic_duplicates (
        topic TEXT NOT NULL,
        deduplication TEXT NOT NULL,    -- after the message group, where that is the scope
        until REAL NOT NULL,            -- epoch seconds
        message_id TEXT NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (topic, deduplication)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX topic_duplicates_until ON topic_duplicates (until);
    """,
)
_KNOWN: Final = "SELECT message_id, number FROM topic_duplicates WHERE topic = ? AND deduplication = ? AND until > ?"
_NEXT: Final = "INSERT INTO topic_numbers VALUES (?, 1) ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last"
_KEEP: Final = "INSERT OR REPLACE INTO topic_duplicates VALUES (?, ?, ?, ?, ?)"
_FORGET: Final = """
DELETE FROM topic_duplicates WHERE (topic, deduplication) IN
    (SELECT topic, deduplication FROM topic_duplicates WHERE until <= ? ORDER BY until LIMIT ?)
"""


class Numbered(NamedTuple):
    """A message of a FIFO topic."""

    message_id: str
    sequence: str  # 20 digits
    fresh: bool  # False: one like it was published before; nothing is to be delivered


async def prepare(database: Database) -> None:
    """Bring the tables up to date. Raises JournalError."""
    await database.migrate("topics", STEPS)


def forgetting(topic: str) -> Callable[[apsw.Connection], None]:
    """What forgets the deduplication ids of a topic; its numbers go on, so that they never go back."""

    def unit(connection: apsw.Connection) -> None:
        connection.execute("DELETE FROM topic_duplicates WHERE topic = ?", (topic,)).fetchall()

    return unit


def number(connection: apsw.Connection, topic: str, deduplication: str, message_id: str, now: float) -> Numbered:
    """Number a message and remember it, unless one like it is known."""
    known: list[Row] = connection.execute(_KNOWN, (topic, deduplication, now)).fetchall()
    if known:
        return Numbered(known[0][0], str(FIRST + known[0][1]), fresh=False)
    found: list[Row] = connection.execute(_NEXT, (topic,)).fetchall()
    last = found[0][0]
    connection.execute(_KEEP, (topic, deduplication, now + DEDUPLICATION, message_id, last)).fetchall()
    connection.execute(_FORGET, (now, FORGET_AT_ONCE)).fetchall()
    return Numbered(message_id, str(FIRST + last), fresh=True)
