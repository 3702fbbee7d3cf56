"""What topics remember in the store: of FIFO topics the newest sequence number of each, and deduplication ids for five minutes; messages that
are for more subscribers than one transaction holds, until the last of them has his.

Units for the writer thread: a message is numbered and remembered in the transaction that hands it to the queues."""

from collections.abc import Callable
from typing import Final, NamedTuple

import apsw
import orjson

from router.events.sns_rules import Message
from router.journal.database import Database, Row
from router.queues.rows import attributes_of, attributes_text

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
        until REAL NOT NULL,            -- in the queues' time
        message_id TEXT NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (topic, deduplication)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX topic_duplicates_until ON topic_duplicates (until);
    """,
    """
    CREATE TABLE topic_backlog (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        topic TEXT NOT NULL,
        message_id TEXT NOT NULL,
        at REAL NOT NULL,               -- epoch seconds
        message BLOB NOT NULL,          -- JSON: text, subject, attributes, texts, trace, sender, message group
        last TEXT NOT NULL              -- id of the last subscription that has it; '': none has
    ) STRICT;
    CREATE INDEX topic_backlog_topics ON topic_backlog (topic);
    """,
)
_KNOWN: Final = "SELECT message_id, number FROM topic_duplicates WHERE topic = ? AND deduplication = ? AND until > ?"
_NEXT: Final = "INSERT INTO topic_numbers VALUES (?, 1) ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last"
_KEEP: Final = "INSERT OR REPLACE INTO topic_duplicates VALUES (?, ?, ?, ?, ?)"
_FORGET: Final = """
DELETE FROM topic_duplicates WHERE (topic, deduplication) IN
    (SELECT topic, deduplication FROM topic_duplicates WHERE until <= ? ORDER BY until LIMIT ?)
"""


_PUT_OFF: Final = "INSERT INTO topic_backlog (topic, message_id, at, message, last) VALUES (?, ?, ?, ?, '')"
_OLDEST: Final = "SELECT id, topic, message_id, at, message, last FROM topic_backlog ORDER BY id LIMIT 1"
_MOVED: Final = "UPDATE topic_backlog SET last = ? WHERE id = ?"
_DONE: Final = "DELETE FROM topic_backlog WHERE id = ?"
_GONE: Final = ("DELETE FROM topic_duplicates WHERE topic = ?", "DELETE FROM topic_backlog WHERE topic = ?")


class PutOff(NamedTuple):
    """A message that some subscribers have not got yet."""

    id: int
    topic: str
    message_id: str
    at: float  # epoch seconds
    message: Message | None  # None: the row is damaged
    last: str  # id of the last subscription that has it, in the order of ids; "": none has


class Numbered(NamedTuple):
    """A message of a FIFO topic."""

    message_id: str
    sequence: str  # 20 digits
    fresh: bool  # False: one like it was published before; nothing is to be delivered


async def prepare(database: Database) -> None:
    """Bring the tables up to date. Raises JournalError."""
    await database.migrate("topics", STEPS)


def forgetting(topic: str) -> Callable[[apsw.Connection], None]:
    """What forgets the deduplication ids of a topic, and what its subscribers have not got; its numbers go on, so that they never go back."""

    def unit(connection: apsw.Connection) -> None:
        for sql in _GONE:
            connection.execute(sql, (topic,)).fetchall()

    return unit


def number(connection: apsw.Connection, topic: str, deduplication: str, message_id: str, now: float) -> Numbered:
    """Number a message and remember it, unless one like it is known. *now*: the queues' time, which no step of the wall clock moves."""
    known: list[Row] = connection.execute(_KNOWN, (topic, deduplication, now)).fetchall()
    if known:
        return Numbered(known[0][0], str(FIRST + known[0][1]), fresh=False)
    found: list[Row] = connection.execute(_NEXT, (topic,)).fetchall()
    last = found[0][0]
    connection.execute(_KEEP, (topic, deduplication, now + DEDUPLICATION, message_id, last)).fetchall()
    connection.execute(_FORGET, (now, FORGET_AT_ONCE)).fetchall()
    return Numbered(message_id, str(FIRST + last), fresh=True)


def put_off(connection: apsw.Connection, topic: str, message_id: str, at: float, message: Message) -> None:
    """Keep a message whose subscribers are to have it later."""
    told = [message.subject, attributes_text(message.attributes), dict(message.texts), message.trace, message.sender, message.group]
    connection.execute(_PUT_OFF, (topic, message_id, at, orjson.dumps([message.text, *told]))).fetchall()


async def oldest(database: Database) -> PutOff | None:
    """The first of those messages. Raises JournalError."""
    rows = await database.read(_OLDEST)
    if not rows:
        return None
    number, topic, message_id, at, data, last = rows[0]
    try:
        text, subject, attributes, texts, trace, sender, *group = orjson.loads(data)  # before there were groups of standard topics: six
        message = Message(text, subject, attributes_of(attributes), "".join(group), texts=texts, trace=trace, sender=sender)
    except (ValueError, TypeError):
        message = None
    return PutOff(number, topic, message_id, at, message, last)


def handed(connection: apsw.Connection, number: int, last: str) -> None:
    """Record that the subscribers up to *last* have a message; "": all of them."""
    connection.execute(_MOVED if last else _DONE, (last, number) if last else (number,)).fetchall()
