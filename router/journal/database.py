"""The store: one SQLite file, one writer thread, group commit; WAL, synchronous=FULL.

Every write is synced when its call returns. What fails the disk fails the calls of its group with JournalError and
closes the connection; the store opens again by itself, and calls succeed again as soon as the disk does."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import apsw

from router.errors import JournalError, RouterError, StoreFull
from router.journal import files
from router.journal.writer import Done, Unit, Writer

T = TypeVar("T")
Row = tuple[Any, ...]

PATIENCE: Final = 0.01  # seconds that a patient unit waits at most
READ_SECONDS: Final = 10.0  # a read that takes longer is cut short: it keeps the WAL from starting again
READ_OPCODES: Final = 20_000  # of SQLite's virtual machine between two looks at the time

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS schema_steps (component TEXT PRIMARY KEY, steps INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pings (id INTEGER PRIMARY KEY CHECK (id = 0), count INTEGER NOT NULL);
"""
_STEPS_OF: Final = "SELECT steps FROM schema_steps WHERE component = ?"
_RECORD_STEPS: Final = "INSERT INTO schema_steps VALUES (?, ?) ON CONFLICT DO UPDATE SET steps = excluded.steps"
_PING: Final = "INSERT INTO pings VALUES (0, 1) ON CONFLICT DO UPDATE SET count = count + 1"


class Database:
    """One open store. Its calls belong to one event loop."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer  # its figures are for metrics: groups, units, sync_seconds, checkpoints, wal_frames, failures
        self._loop = asyncio.get_running_loop()
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._reader: apsw.Connection | None = None
        self._closed = False
        self._patient: list[tuple[Unit, Done]] = []  # units that wait for company
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, path: Path, *, vfs: str = "") -> Self:
        """Open or create the file, recover, check its integrity quickly. Raises JournalError with what to do.

        *vfs* names an apsw VFS that tests put in place of the disk."""
        loop = asyncio.get_running_loop()
        writer = Writer(path, vfs, loop)
        await loop.run_in_executor(None, writer.start)
        database = cls(writer)
        try:
            await database.transact(_create)
        except BaseException:
            await database.close()
            raise
        return database

    @property
    def path(self) -> Path:
        """The file."""
        return self.writer.path

    @property
    def fault(self) -> JournalError | None:
        """Why nothing can be recorded now; None while the store works."""
        return self.writer.fault

    @property
    def short_of_space(self) -> bool:
        """Whether only the reserve is left on the device: what is accepted anew should be refused, so that outcomes can be recorded."""
        return self.writer.short_of_space

    def refuse_when_full(self) -> None:
        """Raise JournalError while only the reserve is left. Any thread; for units that accept something."""
        if self.short_of_space:
            raise StoreFull(f"{self.path}: the device is full but for a reserve; free some space, work then resumes by itself")

    async def migrate(self, component: str, steps: Sequence[str]) -> None:
        """Bring a component's tables up to date: run the steps (SQL scripts) after the last one recorded for it.

        All of them or none. Raises JournalError when the file has more steps than we know: written by a newer version."""

        def unit(connection: apsw.Connection) -> None:
            done = connection.execute(_STEPS_OF, (component,)).get or 0
            if done > len(steps):
                raise JournalError(
                    f"{self.path} was written by a newer version ({component} has {done} schema steps, this version knows {len(steps)}):"
                    " install that version, or restore a backup made before the upgrade"
                )
            for step in steps[done:]:
                for _ in connection.execute(step):
                    pass
            if done < len(steps):
                connection.execute(_RECORD_STEPS, (component, len(steps)))

        await self.transact(unit)

    async def transact(self, unit: Callable[[apsw.Connection], T], *, patient: bool = False) -> T:
        """Run *unit* in the writer thread, atomically, in the group commit under way; its result, once synced. *patient*: see submit.

        What *unit* raises comes out here and undoes only this unit; a failing disk raises JournalError. Units run in the
        order of the calls. A caller that is cancelled leaves its unit to run. *unit* must neither begin nor end transactions."""
        return await self._asked(unit, lambda _: None, lambda error: error, patient=patient)

    def submit(
        self, unit: Callable[[apsw.Connection], T], done: Callable[[T, BaseException | None], None], *, patient: bool = False
    ) -> None:
        """As transact, for who has no use for a future: *done* is called on the loop's thread with the result or what was raised.

        A *patient* unit waits for the next one that is not, as long as a sync takes of late: half of all syncs would be for what
        nobody waits for, and each holds up whoever makes files on the same disk."""
        self._check_open()
        if patient:
            self._patient.append((unit, done))
            if self._timer is None:
                self._timer = self._loop.call_later(min(self.writer.sync_time, PATIENCE), self._hand_over)
            return
        if self._patient:
            self._hand_over()
        self.writer.put(unit, done)

    def follow(self, unit: Callable[[apsw.Connection], T], done: Callable[[T, BaseException | None], None]) -> None:
        """As submit, from inside a unit: *unit* comes after those that wait already."""
        self._check_open()
        self.writer.put(unit, done)

    def _hand_over(self) -> None:
        """Give the writer what was patient."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        patient, self._patient = self._patient, []
        for unit, done in patient:
            self.writer.put(unit, done)

    async def land(self, unit: Callable[[apsw.Connection], T], landed: Callable[[T], None] = lambda _: None) -> T:
        """As transact, but *landed* hears the result on the loop's thread even when the caller no longer waits, and what the unit
        raises comes out as an error of ours."""
        return await self._asked(unit, landed, as_ours, patient=False)

    async def _asked(
        self,
        unit: Callable[[apsw.Connection], T],
        landed: Callable[[T], None],
        told: Callable[[BaseException], BaseException],
        *,
        patient: bool,
    ) -> T:
        """The result of a unit; *told* makes what its caller hears of what it raised."""
        answer: asyncio.Future[T] = self._loop.create_future()

        def done(result: T, error: BaseException | None) -> None:
            if error is None:
                landed(result)
            if answer.done():  # cancelled meanwhile
                return
            if error is None:
                answer.set_result(result)
            else:
                answer.set_exception(told(error))

        self.submit(unit, done, patient=patient)
        return await answer

    async def write(self, sql: str, *params: Any) -> int:
        """One statement as a unit; give how many rows it changed."""

        def unit(connection: apsw.Connection) -> int:
            before = connection.total_changes()
            connection.execute(sql, params).fetchall()
            return connection.total_changes() - before

        return await self.transact(unit)

    async def read(self, sql: str, *params: Any) -> list[Row]:
        """Rows of a query, off the writer's thread; sees all that write() and transact() returned for.

        Raises JournalError when it takes longer than READ_SECONDS."""
        return await self.inquire(lambda connection: connection.execute(sql, params).fetchall())

    async def inquire(self, unit: Callable[[apsw.Connection], T]) -> T:
        """The same for what is more than one query: *unit* runs on the reader's thread and closes the cursors that it opens."""
        self._check_open()
        return await self._loop.run_in_executor(self._reading, self._inquire, unit)

    async def ping(self) -> None:
        """Commit and sync something tiny. Raises JournalError when the store cannot record anything now."""
        await self.write(_PING)

    async def check(self) -> None:
        """Raise JournalError when the file was deleted or replaced under us; cheap, to be called every few seconds."""
        self._check_open()
        await self._loop.run_in_executor(self._reading, self.writer.look)

    async def close(self) -> None:
        """Commit what was handed over, checkpoint, close."""
        if self._closed:
            return
        self._hand_over()
        self._closed = True
        await self._loop.run_in_executor(self._reading, self._drop_reader)
        self._reading.shutdown(wait=False)
        await self._loop.run_in_executor(None, self.writer.close)

    def _check_open(self) -> None:
        if self._closed:
            raise JournalError(f"{self.path} is closed")

    def _inquire(self, unit: Callable[[apsw.Connection], T]) -> T:
        """On the reader's thread."""
        until = time.monotonic() + READ_SECONDS
        try:
            if self._reader is None:
                self._reader = files.connect_reader(self.path, self.writer.vfs)
            self._reader.set_progress_handler(lambda: time.monotonic() > until, READ_OPCODES)
            return unit(self._reader)
        except apsw.InterruptError as error:
            raise JournalError(f"{self.path}: a read took over {READ_SECONDS:g} s and was cut short; ask for less") from error
        except files.STORE_FAULTS as error:
            fault = files.explain(error, self.path, self._reader.system_errno if self._reader is not None else 0)
            self._drop_reader()
            raise fault from error

    def _drop_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close(True)


def as_ours(error: BaseException) -> RouterError:
    """What a unit raised, as its callers are told it: an error of ours as it is, anything else as JournalError with its cause."""
    if isinstance(error, RouterError):
        return error
    ours = JournalError(f"the store could not do this: {error}")
    ours.__cause__ = error
    return ours


def _create(connection: apsw.Connection) -> None:
    for _ in connection.execute(_SCHEMA):
        pass
