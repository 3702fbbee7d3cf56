"""The state directory, locked, and all that it keeps, open."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from router.api.declared import Declared
from router.buckets import roots
from router.clock import Clock
from router.config.types import Config
from router.daemon.checking import check
from router.daemon.checking import declared as declare
from router.dispatch.figures import count_store
from router.errors import JournalError
from router.functions.permissions import Permissions
from router.journal.backup import STORE, TABLES
from router.journal.database import Database
from router.journal.lock import StateLock, prepare_state
from router.journal.restore import refuse_unfinished
from router.journal.sqlite import SqliteJournal
from router.queues.moves import Moves
from router.queues.outbox import Outbox
from router.queues.store import Queues
from router.tables.store import Tables
from router.telemetry.metrics import Metrics

log = structlog.get_logger("router.daemon")

LOCK_WAIT: Final = 5.0  # seconds a dying predecessor gets to end its last worker


class Stores(NamedTuple):
    """What a daemon keeps on disk."""

    lock: StateLock
    database: Database
    declared: Declared
    journal: SqliteJournal
    queues: Queues
    moves: Moves
    outbox: Outbox
    tables: Tables
    permissions: Permissions

    async def ping(self) -> None:
        """Raise JournalError when one of them cannot record anything now."""
        await self.database.ping()
        await self.tables.database.ping()


async def opened_stores(
    opened: contextlib.AsyncExitStack, config: Config, clock: Clock, metrics: Metrics, took: Callable[[Config], None]
) -> Stores:
    """Open them, to be closed by *opened*. *took*: told of another config where a predecessor that was still there declared more.

    Raises JournalError, StateLocked, BackupError, ConfigError."""
    prepare_state(config.state)
    await asyncio.to_thread(make_buckets, config)
    lock = await StateLock.acquire(config.state, wait=LOCK_WAIT, clock=clock)
    opened.callback(lock.release)
    refuse_unfinished(config.state)
    _look_for_lost(config.state)
    database = await Database.open(config.state / "journal.db")
    opened.push_async_callback(database.close)
    declared = await Declared.open(database, declare, clock)
    if declared.fragments() != config.declared:
        config = await asyncio.to_thread(check, config.file, declared.fragments(), config.text, apart=True)
        took(config)
    journal = await SqliteJournal.open(database, clock)
    queues = await Queues.open(database, clock, config.queues, region=config.region, account=config.account)
    count_store(metrics, database, journal, queues)
    opened.push_async_callback(journal.close)
    tables = await Tables.open(config.state, clock, config.item_tables, region=config.region, account=config.account)
    opened.push_async_callback(tables.database.close)
    outbox, permissions = await Outbox.open(database, queues), await Permissions.open(database)
    return Stores(lock, database, declared, journal, queues, Moves(queues, clock), outbox, tables, permissions)


def _look_for_lost(state: Path) -> None:
    """Raise JournalError for an empty journal in a state that was used; say so when there is none: somebody who moves it away means to."""
    journal, other = state / STORE, state / TABLES  # which is made after it
    if not (other.is_file() and other.stat().st_size):
        return
    if not journal.exists():
        log.error("store_made_anew", path=str(journal), beside=str(other))
    elif journal.is_file() and not journal.stat().st_size:
        raise JournalError(
            f"{journal} is empty although {other} is not: put the right file back, or restore a backup; to begin with an empty one, remove it"
        )


def make_buckets(config: Config) -> None:
    """Make the directories of buckets that are none yet, also of those that only functions write to; not a missing mount."""
    for bucket in config.buckets.values():
        if bucket.mount == "optional":
            try:
                roots.make(bucket.place)
            except roots.RootGone as error:
                log.warning("bucket_not_made", bucket=bucket.name, error=str(error))
