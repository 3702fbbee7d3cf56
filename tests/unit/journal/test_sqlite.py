"""What only the journal on disk can promise: restarts, damage, space."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from router.errors import InvalidParameter, JournalError, LeaseLost
from router.journal import ahead, batch, units, writer
from router.journal import sqlite as module
from router.journal.base import Query
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.model import Delivery, Envelope, State
from tests.helpers.clock import VirtualClock, settle
from tests.unit.journal.disk import Disk

Reopen = Callable[[], Awaitable[SqliteJournal]]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def reopen(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Reopen]:
    """Opens the journal; closes the one before, if any, with what it had leased."""
    opened: list[tuple[Database, SqliteJournal]] = []

    async def close() -> None:
        while opened:
            database, journal = opened.pop()
            await journal.close()
            await database.close()

    async def again() -> SqliteJournal:
        await close()
        database = await Database.open(tmp_path / "journal.db")
        opened.append((database, await SqliteJournal.open(database, clock)))
        return opened[0][1]

    yield again
    await close()


def envelope(function: str = "f", **over: Any) -> Envelope:
    return Envelope(function, **{"payload": b"{}", "source": "test", **over})


async def lease(journal: SqliteJournal, limit: int = 10) -> list[Delivery]:
    return await journal.lease(limit, wait=0, room=lambda _: 1000)


def execute(journal: SqliteJournal, sql: str, *params: Any) -> Awaitable[int]:
    return journal._database.write(sql, *params)


async def test_what_a_dead_instance_ran_is_due_at_once_under_a_new_attempt(reopen: Reopen) -> None:
    journal = await reopen()
    fresh, failed = envelope(), envelope()
    await journal.append(failed)
    await journal.retry((await lease(journal))[0], delay=0, error="e")
    await journal.append(fresh)
    held = {d.envelope.request_id: d for d in await lease(journal)}
    journal = await reopen()
    states = {row.id: row.state for row in await journal.list(Query())}
    assert states == {fresh.request_id: State.QUEUED, failed.request_id: State.RETRYING}
    assert await journal.counts() == {"f": {State.QUEUED: 1, State.RETRYING: 1}}
    again = {d.envelope.request_id: d for d in await lease(journal)}
    for name, delivery in again.items():
        assert delivery.attempt == held[name].attempt + 1
        assert delivery.failures == held[name].failures
        with pytest.raises(JournalError):
            await journal.ack(held[name])
        await journal.ack(delivery)


async def test_the_rest_of_a_shard_waits_for_its_head_across_a_restart(reopen: Reopen) -> None:
    journal = await reopen()
    sent = [envelope(shard="k") for _ in range(3)]
    for event in sent:
        await journal.append(event)
    await lease(journal)
    journal = await reopen()
    for event in sent:
        (delivery,) = await lease(journal)
        assert delivery.envelope == event
        await journal.ack(delivery)


async def test_across_a_restart_an_event_ages_by_the_wall_clock(reopen: Reopen, clock: VirtualClock) -> None:
    journal = await reopen()
    await journal.append(envelope())
    await clock.advance(10)
    clock.jump(3600)
    journal = await reopen()
    await clock.advance(10)
    (delivery,) = await lease(journal)
    assert 3620 <= journal.age(delivery) < 3621


async def test_an_event_of_a_former_version_ages_from_the_wall_time_of_its_accept(reopen: Reopen, clock: VirtualClock) -> None:
    journal = await reopen()
    await journal.append(envelope())
    await journal._database.write("UPDATE events SET accepted = NULL")
    await clock.advance(10)
    journal = await reopen()
    (delivery,) = await lease(journal)
    assert 10 <= journal.age(delivery) < 11


@pytest.mark.parametrize("jump", [-3 * 3600.0, -40.0])
async def test_a_clock_that_went_back_across_a_restart_holds_no_retry(reopen: Reopen, clock: VirtualClock, jump: float) -> None:
    journal = await reopen()
    await journal.append(envelope())
    await journal.retry((await lease(journal))[0], delay=60, error="e")
    clock.jump(jump)
    journal = await reopen()
    await journal.append(envelope(source="new"))
    assert [d.envelope.source for d in await lease(journal)] == ["new"]
    await clock.advance(60)
    assert [d.envelope.source for d in await lease(journal)] == ["test"]


async def test_a_retry_that_became_due_while_nobody_was_there_runs_at_once(reopen: Reopen, clock: VirtualClock) -> None:
    journal = await reopen()
    await journal.append(envelope())
    await journal.retry((await lease(journal))[0], delay=60, error="e")
    clock.jump(61)
    journal = await reopen()
    assert len(await lease(journal)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE payloads SET payload = x'00' WHERE id = 1",
        "DELETE FROM payloads WHERE id = 1",
        "UPDATE payloads SET checksum = 1 WHERE id = 1",
    ],
)
async def test_a_damaged_payload_is_never_handed_out(reopen: Reopen, damage: str) -> None:
    journal = await reopen()
    bad, good, after = envelope(shard="k"), envelope(), envelope(shard="k")
    for event in (bad, good, after):
        await journal.append(event)
    await execute(journal, damage)
    journal = await reopen()
    assert [d.envelope for d in await lease(journal)] == [good, after]
    found = await journal.find(bad.request_id)
    assert (found.row.state, journal.damaged) == (State.DEAD, 1)
    assert "damaged" in found.row.error
    assert [a.number for a in found.attempts] == [1]
    assert await journal.counts() == {"f": {State.RUNNING: 2, State.DEAD: 1}}
    with pytest.raises(InvalidParameter, match="damaged"):
        await journal.replay(bad.request_id)
    await journal.redrive([bad.request_id])
    await journal.ack(Delivery(3, after, 1, 0, 0.0))
    assert await lease(journal) == []
    assert (await journal.find(bad.request_id)).row.state is State.DEAD


async def test_the_list_goes_on_over_gaps_and_stretches(reopen: Reopen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STRETCH", 3)
    journal = await reopen()
    sent = [envelope("g" if n in {0, 17} else "f") for n in range(20)]
    for event in sent:
        await journal.append(event)
    await execute(journal, "DELETE FROM events WHERE id BETWEEN 5 AND 14")
    assert [row.id for row in await journal.list(Query(function="g"))] == [sent[17].request_id, sent[0].request_id]
    assert [row.id for row in await journal.list(Query(limit=6))] == [e.request_id for e in sent[:13:-1]]
    assert len(await journal.list(Query())) == 10


async def test_a_list_since_a_time_stops_looking_where_all_is_older(
    reopen: Reopen, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STRETCH", 2)
    journal = await reopen()
    for _ in range(10):
        await journal.append(envelope())
        await clock.advance(10)
    looked: list[int] = []
    read = journal._database.read

    async def counted(sql: str, *params: Any) -> Any:
        looked.append(1)
        return await read(sql, *params)

    monkeypatch.setattr(journal._database, "read", counted)
    assert len(await journal.list(Query(since=clock.now() - 15))) == 1
    assert len(looked) == 5  # the newest id, then two reads for each of two stretches


@pytest.mark.parametrize(("states", "reads"), [({State.DEAD}, 2 + 2 * 2), ({State.QUEUED}, 2 + 2 * 1), ({State.RETRYING}, 1)])
async def test_a_list_of_few_looks_at_few(reopen: Reopen, monkeypatch: pytest.MonkeyPatch, states: set[State], reads: int) -> None:
    """Not at all that went well; and not at all when the counts say that there is none."""
    monkeypatch.setattr(module, "STRETCH", 2)
    journal = await reopen()
    sent = [envelope() for _ in range(100)]
    for n, event in enumerate(sent):
        await journal.append(event)
        if n != 99:
            await (
                journal.bury((await lease(journal))[0], State.DEAD, error="e") if n in {3, 90} else journal.ack((await lease(journal))[0])
            )
    await journal.counts()
    looked: list[int] = []
    read = journal._database.read

    async def counted(sql: str, *params: Any) -> Any:
        looked.append(1)
        return await read(sql, *params)

    monkeypatch.setattr(journal._database, "read", counted)
    found = await journal.list(Query(states=frozenset(states)))
    wanted = {State.DEAD: [sent[90], sent[3]], State.QUEUED: [sent[99]], State.RETRYING: []}
    assert [row.id for row in found] == [event.request_id for state in states for event in wanted[state]]
    assert len(looked) <= reads + 2


async def test_a_store_of_the_first_version_has_its_expired_events_counted(tmp_path: Path, clock: VirtualClock) -> None:
    database = await Database.open(tmp_path / "journal.db")
    await database.migrate("journal", module.STEPS[:1])
    for n, state in enumerate(("expired", "expired", "dead", "succeeded"), 1):
        row = (n, f"r{n}", "f", "s", "", "", 2, 1.0, state, 1, 0, 0, 2.0, "")
        await database.write(
            "INSERT INTO events (id, request_id, function, source, shard, sequencer, size, created, state, attempt, failures, throttles,"
            " finished, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *row,
        )
    await database.write("INSERT INTO tallies VALUES ('f', 'dead', 1, 0.0)")
    journal = await SqliteJournal.open(database, clock)
    assert await journal.counts() == {"f": {State.DEAD: 1, State.EXPIRED: 2}}
    assert [row.id for row in await journal.list(Query(states=frozenset({State.EXPIRED})))] == ["r2", "r1"]
    await journal.close()
    await database.close()


async def test_on_the_reserve_nothing_is_accepted_but_outcomes_are_recorded(reopen: Reopen, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = await reopen()
    await journal.append(envelope())
    (delivery,) = await lease(journal)
    monkeypatch.setattr(journal._database.writer, "_inspect", lambda: None)
    journal._database.writer.short_of_space = True
    with pytest.raises(JournalError, match="reserve"):
        await journal.append(envelope())
    with pytest.raises(JournalError, match="reserve"):
        await journal.append_all([], lambda _: None)
    await journal.ack(delivery)
    journal._database.writer.short_of_space = False
    assert await journal.append(envelope())


async def test_more_than_memory_may_hold_is_refused(reopen: Reopen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "WAITING_BYTES", 1000)
    journal = await reopen()
    answers = await asyncio.gather(*(journal.append(envelope(payload=b"x" * 400)) for _ in range(5)), return_exceptions=True)
    assert [isinstance(answer, JournalError) for answer in answers] == [False, False, True, True, True]
    assert await journal.append(envelope(payload=b"x" * 2000))  # alone, anything may pass
    many = await asyncio.gather(*(journal.append_all([envelope(payload=b"x" * 300)]) for _ in range(5)), return_exceptions=True)
    assert [isinstance(answer, JournalError) for answer in many] == [False, False, False, True, True]
    assert await journal.append_all([envelope(payload=b"x" * 2000)]) == [True]


async def test_a_lease_holds_a_bounded_amount_of_payload(reopen: Reopen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "LEASE_BYTES", 1000)
    journal = await reopen()
    for size in (1500, 400, 400, 400):
        await journal.append(envelope(payload=b"x" * size))
    assert [[len(d.envelope.payload) for d in await lease(journal)] for _ in range(3)] == [[1500], [400, 400], [400]]


async def test_text_that_is_not_unicode_is_refused_alone(reopen: Reopen) -> None:
    journal = await reopen()
    answers = await asyncio.gather(journal.append(envelope(shard="\udcff")), journal.append(envelope()), return_exceptions=True)
    assert [type(answer) for answer in answers] == [InvalidParameter, bool]


async def test_looking_for_work_keeps_the_processor_idle(reopen: Reopen, clock: VirtualClock) -> None:
    """A lease without work is one look, not one a turn of the loop."""
    journal = await reopen()
    await journal.append(envelope())
    await journal.retry((await lease(journal))[0], delay=100, error="e")
    await lease(journal)
    units_before = journal._database.writer.units
    task = asyncio.create_task(journal.lease(1, wait=50, room=lambda _: 1))
    while not clock.sleepers:
        await asyncio.sleep(0)
    journal.nudge()
    await clock.advance(60)
    assert await task == []
    assert journal._database.writer.units == units_before


async def test_every_statement_that_serves_a_queue_uses_an_index(reopen: Reopen) -> None:
    journal = await reopen()
    params = {"now": 1.0, "ids": "[1]", "function": "f", "limit": 5, "started": "[]", "functions": '["f"]', "dedup": b"x", "before": 1.0}
    params |= {"settled": "[]", "failed": "[]", "request_id": "x", "first": 1, "last": 2, "lanes": "[]"}
    placed = {"row": ("x",), "exhausted_page": (1, 2, 0.0, "", "", "[]", 5), "exhausted_stretch": (1, 2)}

    def plan(connection: apsw.Connection) -> dict[str, list[str]]:
        names = (
            "due",
            "start",
            "later",
            "waiting",
            "standing",
            "settle",
            "promote",
            "earliest",
            "requeue",
            "orphans",
            "is_known",
            "old",
            "present",
            "row",
            "busy",
            "exhausted_page",
            "exhausted_stretch",
        )
        return {
            name: [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {units.SQL[name]}", placed.get(name, params))]
            for name in names
        }

    for name, steps in (await journal._database.transact(plan)).items():
        scans = [step for step in steps if step.startswith("SCAN ") and "json_each" not in step and "USING INDEX" not in step]
        scans = [
            step
            for step in scans
            if not step.startswith(("SCAN d VIRTUAL", "SCAN (subquery", "SCAN events USING COVERING INDEX events_running"))
        ]
        assert not scans, (name, steps)


# --- leases that wait for no disk


async def fallen(journal: SqliteJournal, clock: VirtualClock, into: Path) -> tuple[Database, SqliteJournal]:
    """A second instance on the files as a kill at this moment leaves them."""
    into.mkdir()
    for end in ("", "-wal"):
        shutil.copy(f"{journal._database.path}{end}", into / f"journal.db{end}")
    database = await Database.open(into / "journal.db")
    return database, await SqliteJournal.open(database, clock)


async def test_a_lease_is_handed_out_while_the_disk_is_busy(tmp_path: Path, clock: VirtualClock) -> None:
    disk, gate, syncing = Disk(), threading.Event(), threading.Event()
    gate.set()
    with disk.in_place() as vfs:
        database = await Database.open(tmp_path / "journal.db", vfs=vfs)
        journal = await SqliteJournal.open(database, clock)
        await journal.append(first := envelope())

        def hold() -> None:
            syncing.set()
            gate.wait()

        disk.before_sync = hold
        gate.clear()
        accept = asyncio.create_task(journal.append(envelope()))
        while not syncing.is_set():
            await asyncio.to_thread(bool)
        assert [d.envelope for d in await lease(journal)] == [first]
        assert not accept.done()
        gate.set()
        assert await accept
        await journal.close()
        await database.close()


async def test_what_is_not_synced_yet_is_not_leased(tmp_path: Path, clock: VirtualClock) -> None:
    disk, gate, syncing = Disk(), threading.Event(), threading.Event()
    with disk.in_place() as vfs:
        database = await Database.open(tmp_path / "journal.db", vfs=vfs)
        journal = await SqliteJournal.open(database, clock)
        disk.before_sync = lambda: (syncing.set(), gate.wait())[0]
        accept = asyncio.create_task(journal.append(envelope()))
        while not syncing.is_set():
            await asyncio.to_thread(bool)
        assert await lease(journal) == []
        gate.set()
        assert await accept
        assert len(await lease(journal)) == 1
        await journal.close()
        await database.close()


async def test_a_start_that_nobody_recorded_is_made_again(reopen: Reopen, clock: VirtualClock, tmp_path: Path) -> None:
    """Killed between the lease and its record, or right before an outcome: the event is queued as it was."""
    journal = await reopen()
    sent = [envelope(shard="k"), envelope(shard="k"), envelope()]
    for event in sent:
        await journal.append(event)
    assert [d.envelope for d in await lease(journal)] == [sent[0], sent[2]]
    database, after = await fallen(journal, clock, tmp_path / "after")
    again = await lease(after)
    assert [(d.envelope, d.attempt, d.failures) for d in again] == [(sent[0], 1, 0), (sent[2], 1, 0)]
    await after.ack(again[0])
    assert [d.envelope for d in await lease(after)] == [sent[1]]
    await after.close()
    await database.close()


async def test_a_start_is_recorded_soon_though_nothing_else_is(
    reopen: Reopen, clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "LINGER", 0.0)
    journal = await reopen()
    await journal.append(envelope())
    await lease(journal)
    while journal._settlements._open:
        await asyncio.to_thread(bool)
    database, after = await fallen(journal, clock, tmp_path / "after")
    assert [d.attempt for d in await lease(after)] == [2]
    await after.close()
    await database.close()


async def test_people_see_what_runs(reopen: Reopen) -> None:
    journal = await reopen()
    await journal.append(sent := envelope())
    await lease(journal)
    assert (await journal.find(sent.request_id)).row.state is State.RUNNING
    await journal.append(envelope())
    await lease(journal)
    assert await journal.counts() == {"f": {State.RUNNING: 2}}
    await journal.append(envelope())
    await lease(journal)
    assert {row.state for row in await journal.list(Query())} == {State.RUNNING}


async def test_a_store_that_fails_under_a_run_has_it_neither_run_twice_nor_lost(
    tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "REOPEN_PAUSE", 0.0)
    disk = Disk()
    with disk.in_place() as vfs:
        database = await Database.open(tmp_path / "journal.db", vfs=vfs)
        journal = await SqliteJournal.open(database, clock)
        await journal.append(envelope())
        (delivery,) = await lease(journal)
        disk.calls, disk.fail_at, disk.fail_for = 0, 1, 1000
        with pytest.raises(JournalError):
            await journal.append(envelope())  # and the start's record fails with it
        with pytest.raises(JournalError):
            await journal.ack(delivery)
        disk.heal()
        assert await lease(journal) == []
        await journal.ack(delivery)
        assert (await journal.find(delivery.envelope.request_id)).row.state is State.SUCCEEDED
        with pytest.raises(LeaseLost):
            await journal.ack(delivery)
        assert await journal.counts() == {}
        await journal.close()
        await database.close()


async def test_a_call_that_fails_for_a_foreign_reason_says_which(reopen: Reopen, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = await reopen()
    foreign = ValueError("no such thing")

    def failing(*_: Any, **__: Any) -> str:
        raise foreign

    monkeypatch.setattr(units, "redrive", failing)
    with pytest.raises(JournalError, match="no such thing") as thrown:
        await journal.redrive(["x"])
    assert thrown.value.__cause__ is foreign


async def test_an_event_that_the_store_gave_to_another_attempt_is_found_there(reopen: Reopen) -> None:
    """Somebody put it back by hand: the run that was on loses its lease, and the event is not forgotten."""
    journal = await reopen()
    await journal.append(sent := envelope())
    (delivery,) = await lease(journal)
    await journal.counts()  # its start is recorded
    await execute(journal, "UPDATE events SET state = 'queued', attempt = 7, due = 1")
    assert await lease(journal) == []
    with pytest.raises(LeaseLost):
        await journal.ack(delivery)
    assert [(d.envelope, d.attempt) for d in await lease(journal)] == [(sent, 8)]
    with pytest.raises(LeaseLost):
        await journal.ack(delivery)  # once more, and the attempt that runs is not handed out twice for it
    assert await lease(journal) == []


async def test_the_next_of_a_shard_is_due_when_the_store_says_so(tmp_path: Path, clock: VirtualClock) -> None:
    """A sync that takes long must not have it come behind what was accepted in the same moment."""
    disk, gates = Disk(), [(threading.Event(), threading.Event()) for _ in range(2)]
    with disk.in_place() as vfs:
        database = await Database.open(tmp_path / "journal.db", vfs=vfs)
        journal = await SqliteJournal.open(database, clock)
        for event in (sent := [envelope(shard="k"), envelope(shard="k")]):
            await journal.append(event)
        (head,) = await lease(journal)
        left = iter(gates)

        def hold() -> None:
            if gate := next(left, None):
                gate[0].set()
                gate[1].wait(30)

        disk.before_sync = hold
        calls = [asyncio.create_task(journal.append(envelope("g")))]
        await reached(gates[0][0])
        calls.append(asyncio.create_task(journal.ack(head)))
        await settle()
        calls.append(asyncio.create_task(journal.append(later := envelope())))
        await settle()
        gates[0][1].set()
        await reached(gates[1][0])
        await clock.advance(5)
        gates[1][1].set()
        await asyncio.gather(*calls)
        found = [(await journal.lease(1, wait=0, room=lambda name: int(name == "f")))[0].envelope for _ in range(2)]
        assert found == [sent[1], later]
        await journal.close()
        await database.close()


async def reached(event: threading.Event) -> None:
    while not event.is_set():
        await asyncio.to_thread(bool)


async def test_a_redriven_event_is_due_when_the_store_says_so(reopen: Reopen, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = await reopen()
    await journal.append(envelope())
    await journal.bury((await lease(journal))[0], State.DEAD, error="e")
    (dead,) = await journal.list(Query())
    told: list[float] = []
    monkeypatch.setattr(journal._leasing, "expect", lambda _, due: told.append(due))
    redrive = units.redrive

    def slow(*args: Any, **facts: Any) -> str:
        function = redrive(*args, **facts)
        clock._monotonic += 5  # until it has landed
        return function

    monkeypatch.setattr(units, "redrive", slow)
    await journal.redrive([dead.id])
    ((due,),) = await journal._database.read("SELECT due FROM events")
    assert told == [due]
