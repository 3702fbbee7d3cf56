"""Hands over what waits in the outbox: to functions, buses and topics in one transaction with the row's removal, to buckets and log groups before it.

An object is written under another name, synced and renamed; its key is the record's own, so that a kill between writes it again in
the same place. An event of a log group is synced; a kill between writes it a second time. What cannot be handed over now delays only itself."""

import asyncio
import contextlib
import errno
import json
import os
import uuid
from pathlib import Path
from typing import Final

import apsw
import orjson
import structlog

from router import names
from router.buckets import roots
from router.buckets.keys import split
from router.buckets.object_errors import KeyConflict
from router.buckets.staging import parent
from router.clock import woken
from router.config.types import Config, Destination
from router.dispatch.delays import Delays
from router.dispatch.policy import backoff
from router.errors import JournalError, RouterError
from router.events import undelivered
from router.events.log_entries import entry
from router.events.sns_rules import Message
from router.events.undelivered import Failure
from router.model import Envelope
from router.queues.outbox import Outbox, Parcel, Terms, Waiting
from router.sources.base import House, Outlet
from router.sources.bus_rules import Occurrence
from router.telemetry.logs import LogStore, LogStream

log = structlog.get_logger("router.destinations")

AT_ONCE: Final = 50  # rows read at once
KEPT: Final = 86_400.0  # seconds that a record is tried for
_OUTCOMES: Final = Terms(2**63, KEPT, "", "")  # of the records of outcomes
STORE_PAUSE: Final = 1.0  # seconds between tries while the store cannot be read
STORE_REST: Final = 8.0  # seconds until what the store did not take is tried again: work resumes within 10 s of a fault's end
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_SPACE: Final = uuid.UUID("5d9e3f3c-7a3f-4c55-9a2f-0e5b8a1f6a10")  # of the ids of events on buses
_RESULT: Final = "Lambda Function Invocation Result - "


class _Gone(Exception):
    """What a record is for is not in the config any more."""


class Relay:
    """Runs until the daemon stops; what is left then goes on at the next start."""

    def __init__(self, outbox: Outbox, outlet: Outlet, house: House) -> None:
        self._outbox, self._outlet = outbox, outlet
        self._buses, self._topics = house.buses, house.topics
        self._config, self._clock, metrics = house.config, house.clock, house.metrics
        self._work = asyncio.Event()
        outbox.on_post = self._work.set
        self.logs: LogStore | None = None  # where events for log groups are written
        self._streams: dict[tuple[str, str], LogStream] = {}  # log group and rule → its stream
        self._later: dict[int, tuple[float, int]] = {}  # rows that failed → monotonic time of the next try, tries
        self._delays = Delays(house.clock)
        self._sent = metrics.counter("router_destination_records_total", "Records handed over to destinations.", "function", "kind")
        self._failed = metrics.counter("router_destination_failures_total", "Records given up on.", "function", "kind")

    def adopt(self, config: Config) -> None:
        """This is the config in force from now on."""
        self._config = config

    async def run(self, stop: asyncio.Event) -> None:
        """Until *stop*, and once more for what came before it."""
        async with woken(self._work, stop):
            while not stop.is_set():
                self._work.clear()
                await self._clock.wait(self._work, await self._round())
            await self._round()

    async def _round(self) -> float:
        """Hand over what can be; seconds until a failed one is due again."""
        try:
            while rows := await self._outbox.page(orjson.dumps(self._resting()).decode(), AT_ONCE):
                tried = await asyncio.gather(*map(self._try, rows), return_exceptions=True)  # together: they share commits
                for fault in filter(None, tried):
                    raise fault
        except JournalError as error:
            log.warning("outbox_unread", error=str(error))
            return STORE_PAUSE
        finally:
            self._delays.tell()
        if not self._later:
            self._delays.clear()
        due = min((at for at, _ in self._later.values()), default=None)
        return 3600.0 if due is None else max(0.0, due - self._clock.monotonic())

    def _resting(self) -> list[int]:
        now = self._clock.monotonic()
        return [number for number, (at, _) in self._later.items() if at > now]

    async def _try(self, row: Waiting) -> None:
        try:
            await self._hand_over(row)
        except (_Gone, RouterError, OSError, LookupError, ValueError, RecursionError) as error:  # one record must not hold up the others
            await self._put_off(row, error)
        else:
            self._later.pop(row.id, None)
            self._sent.add(row.function, row.kind)

    async def _put_off(self, row: Waiting, error: Exception) -> None:
        """Try again later; or not, when its time is over, or its rule's or schedule's target is gone, which EventBridge tries no more either.

        An outcome whose destination is gone waits: a reload that took it out may be followed by one that brings it back. And a fault of
        the store is no failure of a target: it spends no try, and a day is waited for its end."""
        before, terms = self._later.get(row.id, (0.0, 0))[1], row.agreed or _OUTCOMES
        if isinstance(error, JournalError) and self._outbox.age(row) < max(terms.age, KEPT):
            self._later[row.id] = self._clock.monotonic() + STORE_REST, before
            self._delays.add(row.kind, row.target, str(error), before + 1)
            return
        tries = before + 1
        over = undelivered.exhausted(tries=tries - 1, age=self._outbox.age(row), attempts=terms.attempts, oldest=terms.age)
        gone = isinstance(error, _Gone) and row.agreed is not None
        if gone or over:
            code = undelivered.NO_RESOURCE if gone else undelivered.INTERNAL
            await self._give_up(row, terms, Failure(code, str(error), tries - 1, "" if gone else over))
            return
        self._later[row.id] = self._clock.monotonic() + backoff(tries), tries
        self._delays.add(row.kind, row.target, str(error), tries)

    async def _give_up(self, row: Waiting, terms: Terms, failure: Failure) -> None:
        """Say so and remove the row; in the same transaction it goes into the dead-letter queue, where there is one."""
        about = {"function": row.function, "kind": row.kind, "target": row.target, "request_id": row.request_id, "error": failure.message}
        if terms.dead_letter:
            log.warning("record_buried", **about, queue=terms.dead_letter)
        else:
            log.error("record_lost", **about)
        told = undelivered.attributes(failure, arn=row.arn, target=terms.target, scheduled=terms.scheduled)
        to = Destination("queue", terms.dead_letter)
        letters = [Parcel(to, row.body, "", row.arn, row.request_id, row.made, attributes=told)] if terms.dead_letter else []
        remove = self._outbox.done(row.id)

        def unit(connection: apsw.Connection) -> None:
            remove(connection)
            self._outbox.post(connection, letters)

        await self._outbox.database.transact(unit)
        self._outbox.landed(letters)
        self._later.pop(row.id, None)
        self._failed.add(row.function, row.kind)

    async def _hand_over(self, row: Waiting) -> None:
        """Raises _Gone for a destination that is not in the config any more."""
        known = {
            "function": self._config.functions,
            "bus": self._config.buses,
            "bucket": self._config.buckets,
            "topic": self._config.topics,
        }.get(row.kind)
        if known is not None and row.target not in known:
            raise _Gone(f"the config has no {row.kind} {row.target}")
        done = self._outbox.done(row.id)
        if row.kind == "function":
            envelope = Envelope(row.target, row.body, f"destination:{row.function}", f"{row.id}:{row.request_id}", trace=row.trace)
            await self._outlet.emit_all([envelope], done)
        elif row.kind == "bus":
            await self._buses.publish(self._outlet, [self._occurrence(row)], done)
        elif row.kind == "topic":
            subject = row.agreed.subject if row.agreed is not None else ""
            message = Message(row.body.decode(errors="replace"), subject or None, trace=row.trace)
            await self._topics.publish(self._outlet, row.target, message, done)
        elif row.kind == "log_group":
            await self._write_log(row)
            await self._outbox.database.transact(done)
        else:
            await asyncio.to_thread(write, self._config.buckets[row.target].place, row.key, row.body)
            await self._outbox.database.transact(done)

    async def _write_log(self, row: Waiting) -> None:
        """One event of a log group, in the stream of its rule; synced on return. Raises OSError."""
        assert self.logs is not None  # the daemon's relay has them
        stream = self._streams.get((row.target, row.arn))
        if stream is None:
            owner = row.arn.rpartition("/")[2]
            stream = self._streams[row.target, row.arn] = self.logs.stream(owner, group=row.target)
        await self.logs.record(stream, [entry(row.body, row.made)])

    def _occurrence(self, row: Waiting) -> Occurrence:
        """The event that a rule sends on or a schedule puts; an outcome as Lambda puts it, under the record's own id."""
        if (terms := row.agreed) is not None:
            sent = Occurrence.of(row.target, json.loads(row.body), row.made)
            return sent._replace(trace=row.trace, forwarded=terms.scheduled is None)
        region, account = self._config.region, self._config.account
        event = {
            "version": "0",
            "id": str(uuid.uuid5(_SPACE, f"{row.id}:{row.request_id}")),
            "detail-type": _RESULT + ("Success" if row.success else "Failure"),
            "source": "lambda",
            "account": account,
            "time": names.iso_s(row.made),
            "region": region,
            "resources": [names.bus_arn(region, account, row.target), row.arn],
            "detail": json.loads(row.body),
        }
        return Occurrence.of(row.target, event, row.made)._replace(trace=row.trace)


def write(place: Path, key: str, body: bytes) -> None:
    """Put an object into the bucket that lies there: whole or not at all, on disk on return; through no link. Blocking. Raises OSError."""
    above, name = split(key)
    part = f".{name}.part"  # a name that buckets ignore
    root = roots.opened(place)
    try:
        directory = parent(root, above)
    except KeyConflict as error:
        raise OSError(errno.ELOOP, "a file, or a symbolic link, stands where a directory is needed", str(place / above)) from error
    finally:
        os.close(root)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part, dir_fd=directory)  # of a daemon that died, or whatever else somebody put there
        with os.fdopen(os.open(part, _NEW, 0o666, dir_fd=directory), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, name, src_dir_fd=directory, dst_dir_fd=directory)
        os.fsync(directory)
    finally:
        os.close(directory)
