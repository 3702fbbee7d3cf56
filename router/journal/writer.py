"""The store's writer: one thread, one connection that writes and checkpoints, group commit.

A group is whatever queued up while the last commit was syncing. Each unit of a group runs inside its own savepoint,
one COMMIT makes the group durable, then all its futures are resolved in one turn of the loop."""

import asyncio
import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import apsw

from router.errors import JournalError
from router.journal import files

Unit = Callable[[apsw.Connection], Any]
Done = Callable[[Any, BaseException | None], None]  # called on the loop's thread with a result or what was raised
Answer = tuple[Done, Any, BaseException | None]

GROUP_UNITS: Final = 512  # a group takes no more units than these,
GROUP_SECONDS: Final = 0.02  # and no further one after running so long: the first must not wait for ever
CHECKPOINT_FRAMES: Final = 1000  # pages in the WAL that start a checkpoint
REOPEN_PAUSE: Final = 0.5  # seconds between tries to open a store that failed; calls fail at once meanwhile
LOOK_EVERY: Final = 0.25  # seconds between looks whether the file is still ours


class Writer:
    """The thread. Its connection is touched by nobody else; after start() only put(), close() and the figures are for others."""

    def __init__(self, path: Path, vfs: str, loop: asyncio.AbstractEventLoop) -> None:
        self.path, self.vfs, self._loop = path, vfs, loop
        self.groups = 0  # commits that succeeded
        self.units = 0  # units in them
        self.sync_seconds = 0.0  # spent in COMMIT
        self.sync_time = 0.0  # seconds that a COMMIT takes of late
        self.checkpoints = 0
        self.checkpoint_seconds = 0.0
        self.wal_frames = 0  # pages in the WAL at the last commit
        self.failures = 0  # times that the connection was given up
        self.short_of_space = False  # only the reserve is left: units that bring something new should refuse
        self.fault: JournalError | None = None  # why it was given up; None while the store works
        self._queue: queue.SimpleQueue[tuple[Unit, Done] | None] = queue.SimpleQueue()
        self._connection: apsw.Connection | None = None
        self._header = b""  # of the WAL, at the last commit
        self._inode = (0, 0)
        self._page = 4096
        self._version: Any = None  # changes when another connection writes
        self._restarts = True  # the next commit writes a new header
        self._checkpoint_at = CHECKPOINT_FRAMES  # pages in the WAL that start a checkpoint
        self._inspected = 0.0
        self._reopen_at = 0.0
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        """Open, recover, check; then start the thread. Raises JournalError. Blocking."""
        files.prepare(self.path)
        try:
            self._open()
            assert self._connection is not None
            files.check(self._connection, self.path)
        except (apsw.Error, OSError) as error:
            self._drop()
            raise files.explain(error, self.path) from error
        except JournalError:
            self._drop()
            raise
        self._inode = self._identity()
        self._thread.start()

    def put(self, unit: Unit, done: Done) -> None:
        """Hand over a unit. Any thread."""
        self._queue.put((unit, done))

    def close(self) -> None:
        """Run what was handed over, checkpoint, close. Blocking."""
        self._queue.put(None)
        self._thread.join()

    def look(self) -> None:
        """Raise JournalError when the file is no longer the one that was opened. Any thread."""
        try:
            found = self._identity()
        except OSError as error:
            raise JournalError(f"{self.path} is gone ({os.strerror(error.errno or 0)}): put it back, or restart with a backup") from error
        if found != self._inode:
            raise JournalError(f"{self.path} was replaced while it was in use: put the right file back, or restart")

    def _identity(self) -> tuple[int, int]:
        found = self.path.stat()
        return found.st_dev, found.st_ino

    # --- the thread

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            last = self._group(first)
            self._checkpoint()
            if last:
                break
        if self._connection is not None:
            with suppress(apsw.Error):  # what could not be copied is in the WAL, and there is a next opening
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self._drop()

    def _group(self, first: tuple[Unit, Done]) -> bool:
        """Run a group that starts with *first*, commit it, answer it; say whether the end of the queue was seen."""
        taken: list[tuple[Unit, Done]] = [first]
        answers: list[Answer] = []
        last = False
        try:
            connection = self._usable()
            self._inspect()
            connection.execute("BEGIN IMMEDIATE")
            until = time.monotonic() + GROUP_SECONDS
            answers.append(self._unit(connection, *first))
            while len(taken) < GROUP_UNITS and time.monotonic() < until:
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    last = True
                    break
                taken.append(item)
                answers.append(self._unit(connection, *item))
            self._commit(connection, len(taken))
        except Exception as error:  # noqa: BLE001  whatever it is, nothing of this group was recorded and the thread lives on
            fault = self._give_up(error)
            answers = [(done, None, fault) for _, done in taken]
        self._answer(answers)
        return last

    def _inspect(self) -> None:
        """Now and then: is the file still ours (nothing may be acknowledged into a deleted one), how much space is left?"""
        if time.monotonic() >= self._inspected + LOOK_EVERY:
            self.look()
            self.short_of_space = files.short_of_space(self.path)
            self._inspected = time.monotonic()

    def _unit(self, connection: apsw.Connection, unit: Unit, done: Done) -> Answer:
        """Run one unit in its savepoint. A fault of the store comes out, what else the unit raises is its answer."""
        connection.execute("SAVEPOINT unit")
        try:
            result = unit(connection)
        except files.STORE_FAULTS:
            raise
        except Exception as error:
            if not connection.in_transaction:
                raise JournalError(f"{self.path}: a statement ended the whole group: {error}") from error
            connection.execute("ROLLBACK TO unit")
            connection.execute("RELEASE unit")
            return done, None, error
        connection.execute("RELEASE unit")
        return done, result, None

    def _commit(self, connection: apsw.Connection, units: int) -> None:
        started = time.perf_counter()
        connection.execute("COMMIT")
        took = time.perf_counter() - started
        self.sync_seconds += took
        self.sync_time += (took - self.sync_time) / 8
        self.groups += 1
        self.units += units
        if self._restarts:
            self._header, self._restarts = files.wal_header(self.path), False

    def _answer(self, answers: list[Answer]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(_resolve, answers)

    # --- opening, giving up, checkpoints

    def _usable(self) -> apsw.Connection:
        """The connection, opened again when it was given up a while ago. Raises JournalError at once otherwise."""
        if self._connection is None:
            if self.fault is not None and time.monotonic() < self._reopen_at:
                raise self.fault
            self.look()
            self._open()
            self.fault = None
        assert self._connection is not None
        return self._connection

    def _open(self) -> None:
        """Connect, recover, and start from an empty WAL when nobody reads from it."""
        self._connection = connection = files.connect(self.path, self.vfs)
        self._page = int(connection.execute("PRAGMA page_size").get)
        connection.set_wal_hook(self._on_commit)
        with suppress(apsw.BusyError, apsw.FullError):  # someone reads, or it has to wait until there is space
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self.wal_frames = max(0, connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)[0])
        self._header = files.wal_header(self.path)
        self._checkpoint_at = self.wal_frames + CHECKPOINT_FRAMES
        self._version = connection.execute("PRAGMA data_version").get

    def _on_commit(self, _: apsw.Connection, __: str, frames: int) -> int:
        self.wal_frames = frames
        return apsw.SQLITE_OK

    def _give_up(self, error: BaseException) -> JournalError:
        """Close for good a connection that failed and cut off what it left half-written: a failed sync is never tried again."""
        if error is self.fault:
            return self.fault  # a call that came too early: it must not put off the next try
        connection = self._connection
        self.fault = files.explain(error, self.path, connection.system_errno if connection is not None else 0)
        self._reopen_at = time.monotonic() + REOPEN_PAUSE
        if connection is not None:
            self.failures += 1
            ours = self._wrote_alone(connection)
            self._drop()
            with suppress(OSError, JournalError):  # then the next opening fails too, or finds more than was acknowledged
                self.look()
                if ours:
                    files.cut_wal(self.path, self.wal_frames, self._header, self._page)
        return self.fault

    def _wrote_alone(self, connection: apsw.Connection) -> bool:
        """Whether the end of the WAL is ours. A person with a tool of their own may have written too: then hands off."""
        with suppress(apsw.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return bool(connection.execute("PRAGMA data_version").get == self._version)
        return False

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(apsw.Error):
                connection.close(True)

    def _checkpoint(self) -> None:
        """Copy the WAL into the file when it has grown enough; readers are not waited for."""
        connection = self._connection
        if connection is None or self.wal_frames < self._checkpoint_at:
            return
        started = time.perf_counter()
        try:
            size, done = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except files.STORE_FAULTS as error:
            self._give_up(error)
            return
        # Copied whole, the WAL starts again at its first page with the next commit; else a reader is in the way.
        self._restarts = done == size
        self._checkpoint_at = CHECKPOINT_FRAMES if self._restarts else self.wal_frames + CHECKPOINT_FRAMES
        self.checkpoints += 1
        self.checkpoint_seconds += time.perf_counter() - started


def _resolve(answers: list[Answer]) -> None:
    """Hand out the answers of a group; on the loop's thread."""
    for done, result, error in answers:
        done(result, error)
