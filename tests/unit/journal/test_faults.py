"""The store on a disk that fails: nothing that was acknowledged is missing afterwards, and work goes on by itself."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from router.errors import JournalError
from router.journal import writer
from router.journal.base import Query
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.model import TERMINAL, Envelope, State
from tests.helpers.clock import VirtualClock
from tests.unit.journal.disk import Disk

EVENTS = 6


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    monkeypatch.setattr(writer, "REOPEN_PAUSE", 0.0)
    monkeypatch.setattr(writer, "CHECKPOINT_FRAMES", 8)  # so that checkpoints happen within a few calls
    made = Disk()
    with made.in_place():
        yield made


class Ledger:
    """Does some work and writes down what was acknowledged."""

    def __init__(self, journal: SqliteJournal) -> None:
        self.journal = journal
        self.accepted: dict[str, bytes] = {}
        self.refused: set[str] = set()
        self.states: dict[str, State] = {}  # of events whose last settlement was acknowledged
        self.unsure: set[str] = set()  # events whose last settlement failed

    async def work(self, name: str) -> None:
        for number in range(EVENTS):
            await self.accept(Envelope("f", f"{name}{number}".encode() * 200, "test", f"{name}{number}", shard=str(number % 2)))
        await self.settle()

    async def accept(self, envelope: Envelope) -> None:
        try:
            if await self.journal.append(envelope):
                self.accepted[envelope.request_id] = envelope.payload
        except JournalError:
            self.refused.add(envelope.request_id)

    async def settle(self) -> None:
        try:
            deliveries = await self.journal.lease(4, wait=0, room=lambda _: 10)
        except JournalError:
            return
        for index, delivery in enumerate(deliveries):
            name = delivery.envelope.request_id
            try:
                if index % 2:
                    await self.journal.retry(delivery, delay=0, error="e")
                else:
                    await self.journal.ack(delivery)
            except JournalError:
                self.unsure.add(name)
                self.states.pop(name, None)
            else:
                self.unsure.discard(name)
                self.states[name] = State.RETRYING if index % 2 else State.SUCCEEDED


async def run(path: Path, disk: Disk) -> Ledger:
    """A short workload, during which the disk may fail, and some more after it works again."""
    database = await Database.open(path, vfs=disk.name)
    ledger = Ledger(await SqliteJournal.open(database, VirtualClock()))
    await ledger.work("a")
    disk.heal()
    await ledger.work("b")
    assert {p for p in ledger.accepted.values() if p.startswith(b"b")} == {f"b{n}".encode() * 200 for n in range(EVENTS)}
    assert database.fault is None
    await ledger.journal.close()
    await database.close()
    return ledger


async def verify(path: Path, ledger: Ledger, disk: Disk) -> None:
    """As the next instance finds it."""
    connection = apsw.Connection(str(path), vfs=disk.name)
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    connection.close()
    database = await Database.open(path, vfs=disk.name)
    journal = await SqliteJournal.open(database, VirtualClock())
    rows = {row.id: row for row in await journal.list(Query(limit=1000))}
    assert not ledger.refused & rows.keys()
    for name, payload in ledger.accepted.items():
        assert (await journal.find(name)).payload == payload
    for name, state in ledger.states.items():
        assert rows[name].state is state
    for name in ledger.unsure:
        assert rows[name].state not in {State.RUNNING, State.DEAD}
    await everything_runs_once(journal, {name for name, row in rows.items() if row.state not in TERMINAL})
    await journal.close()
    await database.close()


async def everything_runs_once(journal: SqliteJournal, unfinished: set[str]) -> None:
    seen = []
    while deliveries := await journal.lease(100, wait=0, room=lambda _: 100):
        seen += [delivery.envelope.request_id for delivery in deliveries]
        await asyncio.gather(*map(journal.ack, deliveries))
    assert sorted(seen) == sorted(unfinished)
    assert not any(count for states in (await journal.counts()).values() for count in states.values())


async def calls_of_a_sound_run(tmp_path: Path, only: str) -> int:
    disk = Disk()
    disk.only = only
    with disk.in_place():
        await run(tmp_path / "sound.db", disk)
    return disk.calls


@pytest.mark.parametrize("error", [apsw.IOError, apsw.FullError])
@pytest.mark.parametrize("lasting", [1, 1_000_000])
async def test_whichever_write_or_sync_fails(tmp_path: Path, disk: Disk, error: type[apsw.Error], lasting: int) -> None:
    """Throughout the life of a store; for a moment, or until the disk is mended."""
    calls = await calls_of_a_sound_run(tmp_path, "")
    assert calls > 100
    step = 3 if lasting == 1 and error is apsw.IOError else 11
    for number in range(1, calls, step):
        disk.calls, disk.fail_at, disk.fail_for, disk.error = 0, number, lasting, error
        path = tmp_path / f"{number}.db"
        try:
            ledger = await run(path, disk)
        except JournalError:  # it failed before the store was open: then it opens on the second try
            disk.heal()
            ledger = await run(path, disk)
        await verify(path, ledger, disk)


async def test_a_failed_sync_leaves_nothing_for_what_follows_to_stand_on(tmp_path: Path, disk: Disk) -> None:
    """After every failed sync in turn, the power is cut at every third later sync: all that was acknowledged until then is there.

    States are left out: a settlement that is not acknowledged yet may be there or not."""
    syncs = await calls_of_a_sound_run(tmp_path, "sync")
    assert syncs > 20
    disk.only = "sync"
    for number in range(1, syncs):
        disk.calls, disk.fail_at = 0, number
        (house := tmp_path / str(number)).mkdir()
        try:
            database = await Database.open(house / "journal.db", vfs=disk.name)
        except JournalError:
            continue
        try:
            ledger = Ledger(await SqliteJournal.open(database, VirtualClock()))
        except JournalError:
            await database.close()
            continue
        cuts: list[tuple[Path, set[str]]] = []

        def cut(cuts: list[tuple[Path, set[str]]] = cuts, house: Path = house, ledger: Ledger = ledger, number: int = number) -> None:
            if disk.calls % 3 != number % 3:
                return
            chance = random.Random(disk.calls)
            cuts.append((disk.after_power_cut(house / f"cut{len(cuts)}", chance), set(ledger.accepted)))

        disk.before_sync = cut
        await ledger.work("a")
        disk.heal()
        await ledger.work("b")
        disk.before_sync = None
        await database.close()
        for image, accepted in cuts:
            has(image / "journal.db", accepted, disk)


def has(path: Path, accepted: set[str], disk: Disk) -> None:
    connection = apsw.Connection(str(path), vfs=disk.name)
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    assert accepted <= {row[0] for row in connection.execute("SELECT request_id FROM events")}
    connection.close()


async def test_the_power_is_cut_at_any_moment(tmp_path: Path, disk: Disk) -> None:
    """Whatever part of what was not synced reached the disk, all that was acknowledged is there."""
    database = await Database.open(tmp_path / "journal.db", vfs=disk.name)
    journal = await SqliteJournal.open(database, VirtualClock())
    ledger = Ledger(journal)
    for number in range(12):
        await ledger.accept(Envelope("f", str(number).encode() * 300, "test", shard=str(number % 2)))
        if number % 3 == 2:
            await ledger.settle()
        for seed in range(3):
            image = disk.after_power_cut(tmp_path / f"{number}-{seed}", random.Random(seed) if seed else None)
            await verify(image / "journal.db", ledger, disk)
    await database.close()


async def test_what_somebody_else_wrote_meanwhile_stays(tmp_path: Path, disk: Disk) -> None:
    """A person with sqlite3 at the store of a running daemon is not our business, but their rows are not ours to cut off."""
    path = tmp_path / "journal.db"
    database = await Database.open(path, vfs=disk.name)
    await database.migrate("t", ["CREATE TABLE t (a)"])
    await database.write("INSERT INTO t VALUES ('ours')")
    person = apsw.Connection(str(path))
    person.execute("INSERT INTO t VALUES ('theirs')")
    disk.calls, disk.fail_at, disk.only = 0, 1, "sync"
    with pytest.raises(JournalError):
        await database.write("INSERT INTO t VALUES ('refused')")
    disk.heal()
    await database.write("INSERT INTO t VALUES ('after')")
    assert person.execute("PRAGMA integrity_check").get == "ok"
    assert {"ours", "theirs", "after"} <= {row[0] for row in person.execute("SELECT a FROM t")}
    person.close()
    await database.close()


@pytest.mark.parametrize("cuts", ["frames", "bytes"])
async def test_a_torn_wal_keeps_its_sound_beginning(tmp_path: Path, disk: Disk, cuts: str) -> None:
    """What was acknowledged when the WAL was so long is there when it is cut at this length, or a little behind it."""
    path = tmp_path / "journal.db"
    first = await Database.open(path)
    await (await SqliteJournal.open(first, VirtualClock())).close()
    await first.close()  # with its tables made, the next one starts from an empty WAL
    database = await Database.open(path)
    database.writer._checkpoint_at = 1_000_000
    journal = await SqliteJournal.open(database, VirtualClock())
    wal = Path(f"{path}-wal")
    lengths: list[tuple[int, int]] = [(max(wal.stat().st_size, 32), 0)]
    ledger = Ledger(journal)
    for number in range(8):
        await ledger.accept(Envelope("f", str(number).encode() * 300, "test"))
        lengths.append((wal.stat().st_size, number + 1))
    whole, store = wal.read_bytes(), path.read_bytes()
    await database.close()
    frame = 24 + 4096
    chance = random.Random(7)
    ends = (
        range(lengths[0][0], len(whole) + 1, frame)
        if cuts == "frames"
        else [chance.randrange(lengths[0][0], len(whole)) for _ in range(40)]
    )
    for end in ends:
        known = max(count for length, count in lengths if length <= end)
        image = tmp_path / f"{cuts}{end}"
        image.mkdir(exist_ok=True)
        (image / "journal.db").write_bytes(store)
        (image / "journal.db-wal").write_bytes(whole[:end] + (chance.randbytes(500) if cuts == "bytes" else b""))
        opened = await Database.open(image / "journal.db", vfs=disk.name)
        found = await SqliteJournal.open(opened, VirtualClock())
        listed = {row.id for row in await found.list(Query(limit=100))}
        assert listed == set(list(ledger.accepted)[:known])
        for name in listed:
            assert (await found.find(name)).payload == ledger.accepted[name]
        await opened.close()
