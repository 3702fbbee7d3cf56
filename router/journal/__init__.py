"""The durable queue, cursors and version tables."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from router.clock import Clock
from router.journal.base import Journal
from router.journal.database import Database
from router.journal.memory import MemoryJournal
from router.journal.sqlite import SqliteJournal

JOURNALS: Final[Mapping[str, Callable[[Database, Clock], Awaitable[Journal]]]] = {
    "sqlite": SqliteJournal.open,
    "memory": MemoryJournal.open,
}
