"""Outcomes on their way: from the end of an event to queues, functions, buses and buckets, over a real store."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from router.config.types import Bucket, Bus, Config, Destination, Function, Queue, Subscription, Topic
from router.dispatch.destinations import Destinations, refuse_loops
from router.dispatch.dispatcher import Dispatcher
from router.dispatch.relay import STORE_PAUSE, Relay, write
from router.dispatch.slots import Slots
from router.errors import ConfigError, JournalError, StoreFull
from router.events import s3
from router.events.patterns import compile_pattern
from router.functions.registry import Functions
from router.journal.base import Query
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.model import Envelope, Outcome, State
from router.queues.outbox import STEPS, Outbox, Parcel, Terms
from router.queues.store import Queues
from router.sources.base import Binding, House
from router.sources.bucket_notification import BucketNotification
from router.sources.bus import BusSource
from router.sources.bus_trigger import EventTrigger
from router.sources.s3dir import S3Trigger
from router.sources.topic_trigger import SnsTrigger
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock, settle

FAILED = Outcome(b'{"errorMessage": "no", "errorType": "Exception"}', "Unhandled", "Exception")
COLUMNS_BEFORE = "kind, target, function, arn, request_id, success, key, trace, made, body, terms"  # posted came later
QUEUES = {name: Queue(name) for name in ("done", "failed", "dead")}


class Pool:
    """Answers as the test says."""

    def __init__(self) -> None:
        self.answer: Callable[[Any], Outcome] = lambda _: Outcome(b'{"ok": true}')
        self.ran: list[Any] = []

    async def invoke(self, invocation: Any) -> Outcome:
        self.ran.append(invocation)
        await asyncio.sleep(0)
        return self.answer(invocation)


class Rig:
    """A dispatcher with its destinations."""

    def __init__(self, place: Path) -> None:
        self.place, self.clock, self.pool, self.metrics = place, VirtualClock(), Pool(), Metrics()
        (place / "bucket").mkdir(exist_ok=True)

    def config(self, *functions: Function) -> Config:
        return Config(
            self.place / "config.yaml",
            self.place,
            queues=QUEUES,
            buckets={"results": Bucket("results", self.place / "bucket")},
            buses={"default": Bus("default")},
            functions={function.name: function for function in functions},
        )

    async def open(self, *functions: Function) -> None:
        config = self.config(*functions)
        self.database = await Database.open(self.place / "journal.db")
        self.journal = await SqliteJournal.open(self.database, self.clock)
        self.queues = await Queues.open(self.database, self.clock, QUEUES, region=config.region, account=config.account)
        self.outbox = await Outbox.open(self.database, self.queues)
        registry = Functions(config)
        self.slots = Slots(config.functions, limit=4, clock=self.clock)
        self.dispatcher = Dispatcher(self.journal, self.pool, registry, self.slots, clock=self.clock, metrics=self.metrics)  # type: ignore[arg-type]
        self.dispatcher.deliveries.destinations = Destinations(self.outbox, registry, self.journal, self.clock)
        house = House(config, self.clock, self.database, self.metrics, self.queues)
        rules = [Binding(f, trigger, 0) for f in functions for trigger in f.triggers if isinstance(trigger, EventTrigger)]
        BusSource.build(rules, house)
        self.stop = asyncio.Event()
        self.relay = Relay(self.outbox, self.dispatcher, house)
        self.tasks = [asyncio.create_task(self.dispatcher.run(self.stop)), asyncio.create_task(self.relay.run(self.stop))]

    async def close(self) -> None:
        self.stop.set()
        await asyncio.wait_for(asyncio.gather(*self.tasks), 20)
        await self.journal.close()
        await self.database.close()

    async def die(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.database.close()

    async def until(self, holds: Callable[[], Any], step: float = 1.0) -> None:
        async with asyncio.timeout(30):
            while not await holds():
                for _ in range(5):
                    await asyncio.to_thread(bool)
                await self.clock.advance(step)

    async def at_rest(self) -> None:
        """Until the dispatcher and the relay have found nothing to do, and wait."""
        async with asyncio.timeout(30):
            while self.clock.sleepers < len(self.tasks):
                await asyncio.to_thread(bool)

    async def ended(self, count: int = 1) -> None:
        async def holds() -> bool:
            rows = await self.journal.list(Query(states=frozenset({State.SUCCEEDED, State.DEAD, State.EXPIRED, State.DISCARDED})))
            return len(rows) >= count

        await self.until(holds)

    async def messages(self, queue: str) -> list[Any]:
        return await self.queues.receive(queue, most=10, wait=0)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path)
    yield made
    await made.close()


def function(name: str = "f", **over: Any) -> Function:
    return Function(name, Path("/code"), "app.handler", **over)


def to(kind: str, name: str) -> Destination:
    return Destination(kind, name)


async def test_a_success_goes_to_its_queue(rig: Rig) -> None:
    await rig.open(function(on_success=to("queue", "done"), on_failure=to("queue", "failed")))
    sent = Envelope("f", b'{"n": 1}', "test")
    await rig.dispatcher.emit(sent)
    await rig.ended()
    (message,) = await rig.messages("done")
    record = json.loads(message.body)
    assert record["requestContext"] == {
        "requestId": sent.request_id,
        "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
        "condition": "Success",
        "approximateInvokeCount": 1,
    }
    assert (record["requestPayload"], record["responsePayload"]) == ({"n": 1}, {"ok": True})
    assert await rig.messages("failed") == []


async def test_exhausted_retries_go_to_destination_and_dead_letter_queue(rig: Rig) -> None:
    rig.pool.answer = lambda _: FAILED
    await rig.open(function(on_failure=to("queue", "failed"), dead_letter=to("queue", "dead")))
    await rig.dispatcher.emit(Envelope("f", b'{"n": 1}', "test"))
    await rig.ended()
    (message,) = await rig.messages("failed")
    record = json.loads(message.body)
    assert (record["requestContext"]["condition"], record["requestContext"]["approximateInvokeCount"]) == ("RetriesExhausted", 3)
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    (dead,) = await rig.messages("dead")
    assert dead.body == '{"n": 1}'
    assert {name: one.value for name, one in dead.attributes.items()} == {
        "RequestID": record["requestContext"]["requestId"],
        "ErrorCode": "200",
        "ErrorMessage": "no",
    }


async def test_a_function_that_is_switched_off_says_so(rig: Rig) -> None:
    await rig.open(function(on_failure=to("queue", "failed"), reserved_concurrency=0))
    await rig.dispatcher.emit(Envelope("f", b"{}", "test"))
    await rig.ended()
    (message,) = await rig.messages("failed")
    record = json.loads(message.body)
    assert (record["requestContext"]["condition"], record["requestContext"]["approximateInvokeCount"]) == ("ZeroReservedConcurrency", 0)
    assert "responseContext" not in record
    assert "responsePayload" not in record


async def test_an_event_past_its_age_says_how_often_it_ran(rig: Rig) -> None:
    rig.pool.answer = lambda _: FAILED
    await rig.open(function(on_failure=to("queue", "failed"), maximum_event_age=60.0))
    await rig.dispatcher.emit(Envelope("f", b"{}", "test"))
    await rig.ended()
    (message,) = await rig.messages("failed")
    record = json.loads(message.body)
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] in {1, 2}
    assert record["responsePayload"]["errorMessage"] == "no"


async def test_a_function_and_a_bus_hear_of_it_once(rig: Rig) -> None:
    pattern = compile_pattern({"source": ["lambda"]})
    rule = EventTrigger(pattern, written='{"source": ["lambda"]}')
    await rig.open(
        function(on_success=to("function", "g")), function("g", on_success=to("bus", "default")), function("h", triggers=(rule,))
    )
    await rig.dispatcher.emit(Envelope("f", b"{}", "test"))
    await rig.ended(3)
    ran = {invocation.function.name: json.loads(invocation.payload) for invocation in rig.pool.ran}
    assert len(rig.pool.ran) == 3
    assert ran["g"]["requestContext"]["condition"] == "Success"
    heard = ran["h"]
    assert (heard["source"], heard["detail-type"]) == ("lambda", "Lambda Function Invocation Result - Success")
    assert heard["detail"]["requestPayload"] == ran["g"]
    assert heard["resources"] == [
        "arn:aws:events:us-east-1:123456789012:event-bus/default",
        "arn:aws:lambda:us-east-1:123456789012:function:g:$LATEST",
    ]
    assert await rig.outbox.page("[]", 10) == []


async def test_a_bucket_holds_the_record(rig: Rig) -> None:
    rig.pool.answer = lambda _: FAILED
    await rig.open(function(on_failure=to("bucket", "results"), maximum_retry_attempts=0))
    sent = Envelope("f", b"{}", "test")
    await rig.dispatcher.emit(sent)

    async def written() -> bool:
        return not await rig.outbox.page("[]", 1) and bool(list((rig.place / "bucket").rglob("*-" + sent.request_id)))

    await rig.until(written)
    (path,) = (path for path in (rig.place / "bucket").rglob("*") if path.is_file())
    assert path.relative_to(rig.place / "bucket").parts[:4] == ("aws", "lambda", "async", "f")
    assert json.loads(path.read_text())["requestContext"]["condition"] == "RetriesExhausted"


async def test_what_cannot_be_handed_over_waits_and_holds_up_nobody(rig: Rig) -> None:
    (rig.place / "bucket").rmdir()
    await rig.open(function(on_success=to("bucket", "results")), function("g", on_success=to("function", "h")), function("h"))
    await rig.dispatcher.emit(Envelope("f", b"{}", "test"))
    await rig.dispatcher.emit(Envelope("g", b"{}", "test"))
    await rig.ended(3)
    assert len(await rig.outbox.page("[]", 10)) == 1
    (rig.place / "bucket").mkdir()

    async def written() -> bool:
        return not await rig.outbox.page("[]", 1)

    await rig.until(written)
    assert any(path.is_file() for path in (rig.place / "bucket").rglob("*"))
    looks, page = list[int](), rig.outbox.page

    async def counted(skip: str, limit: int) -> Any:
        looks.append(1)
        return await page(skip, limit)

    rig.outbox.page = counted  # type: ignore[method-assign]
    for _ in range(50):
        await asyncio.to_thread(bool)
        await settle()
    assert len(looks) <= 1, "once nothing waits it rests"


async def posted(rig: Rig, *parcels: Parcel) -> None:
    """Records in the outbox, as the ends of events leave them."""
    await rig.database.transact(lambda connection: rig.outbox.post(connection, parcels))
    rig.outbox.landed(parcels)


async def test_a_destination_that_is_gone_is_told_and_after_a_day_dropped(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    await rig.open(function())
    made = rig.clock.now()
    await posted(rig, Parcel(to("function", "gone"), b"{}", "f", "arn", "id", made))

    async def dropped() -> bool:
        return not await rig.outbox.page("[]", 1)

    async def tried() -> bool:
        return rig.clock.now() > made + 23 * 3600

    await rig.until(tried, step=600)
    assert not await dropped()
    said = capsys.readouterr().out
    assert "record_delayed" in said
    assert "record_lost" not in said
    await rig.until(dropped, step=600)
    assert rig.clock.now() >= made + 24 * 3600
    assert "record_lost" in capsys.readouterr().out


@pytest.mark.parametrize("step", [3 * 86_400.0, -3 * 86_400.0])
async def test_a_wall_clock_that_is_set_makes_no_record_older_or_younger(rig: Rig, capsys: pytest.CaptureFixture[str], step: float) -> None:
    await rig.open(function())
    begun = rig.clock.monotonic()
    await posted(rig, Parcel(to("function", "gone"), b"{}", "f", "arn", "id", rig.clock.now()))
    await rig.clock.advance(1)
    rig.clock.jump(step)

    async def dropped() -> bool:
        return not await rig.outbox.page("[]", 1)

    async def tried() -> bool:
        return rig.clock.monotonic() > begun + 23 * 3600

    await rig.until(tried, step=600)
    assert not await dropped()
    assert "record_lost" not in capsys.readouterr().out
    await rig.until(dropped, step=600)
    assert begun + 24 * 3600 <= rig.clock.monotonic() < begun + 72 * 3600  # virtual time runs ahead of the store's threads


async def test_a_former_versions_records_are_as_old_as_they_were(tmp_path: Path) -> None:
    clock, database = VirtualClock(), await Database.open(tmp_path / "journal.db")
    await database.migrate("outbox", STEPS[:2])
    row = ("bucket", "b", "f", "arn", "id", 0, "", "", clock.now() - 60, b"{}", "")
    await database.write(f"INSERT INTO outbox ({COLUMNS_BEFORE}) VALUES ({', '.join('?' * len(row))})", *row)
    queues = await Queues.open(database, clock, QUEUES, region="r", account="a")
    outbox = await Outbox.open(database, queues)
    (waiting,) = await outbox.page("[]", 1)
    assert outbox.age(waiting) == pytest.approx(60)
    await database.close()


async def test_a_store_that_takes_nothing_spends_no_try_of_a_target(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.open(function())
    emit_all, full = rig.dispatcher.emit_all, [True] * 3

    async def sometimes(*args: Any) -> None:
        if full:
            full.pop()
            raise StoreFull("the device is full but for a reserve")
        await emit_all(*args)

    monkeypatch.setattr(rig.dispatcher, "emit_all", sometimes)
    await posted(rig, Parcel(to("function", "f"), b"{}", "", "arn", "id", rig.clock.now(), terms=Terms(0, 60, "", "arn")))
    await rig.ended()
    assert not full
    assert len(rig.pool.ran) == 1


async def test_a_store_that_takes_nothing_for_a_day_loses_the_record(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.open(function())

    async def never(*_: Any) -> None:
        raise JournalError("the store fails")

    monkeypatch.setattr(rig.dispatcher, "emit_all", never)
    begun = rig.clock.monotonic()
    await posted(rig, Parcel(to("function", "f"), b"{}", "", "arn", "id", rig.clock.now(), terms=Terms(0, 60, "", "arn")))

    async def dropped() -> bool:
        return not await rig.outbox.page("[]", 1)

    await rig.until(dropped, step=600)
    assert rig.clock.monotonic() >= begun + 24 * 3600


async def test_a_store_that_does_not_take_a_dead_letter_is_asked_again_after_a_pause(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.open(function())
    await rig.at_rest()  # a look that is under way would see the row before it is told of it, and the telling cuts the pause short
    post, tries = rig.outbox.post, list[float]()

    def sometimes(connection: Any, parcels: Any) -> None:
        tries.append(rig.clock.monotonic())
        if len(tries) < 4:
            raise JournalError("the store fails")
        post(connection, parcels)

    row = Parcel(to("bus", "gone"), b'{"n": 1}', "", "arn", "id", rig.clock.now(), terms=Terms(0, 60, "dead", "arn"))
    await posted(rig, row)
    monkeypatch.setattr(rig.outbox, "post", sometimes)

    async def buried() -> bool:
        return not await rig.outbox.page("[]", 1)

    await rig.until(buried)
    (dead,) = await rig.messages("dead")
    assert dead.body == '{"n": 1}'
    assert all(after - before >= STORE_PAUSE for before, after in pairwise(tries))


async def test_what_a_reload_took_out_and_another_brought_back_has_its_records(rig: Rig) -> None:
    await rig.open(function(on_success=to("function", "g")), function("g"))
    whole = rig.relay._config
    rig.relay.adopt(replace(whole, functions={"f": whole.functions["f"]}))
    await rig.dispatcher.emit(Envelope("f", b"{}", "test"))
    await rig.ended()
    await rig.clock.advance(10)
    assert [invocation.function.name for invocation in rig.pool.ran] == ["f"]
    rig.relay.adopt(whole)
    await rig.ended(2)
    assert [invocation.function.name for invocation in rig.pool.ran] == ["f", "g"]


async def test_many_that_are_put_off_are_a_line_for_each_target_now_and_then(rig: Rig) -> None:
    (rig.place / "bucket").rmdir()
    await rig.open(function())
    kinds = [to("bucket", "results"), to("function", "gone")]
    with capture_logs() as said:
        for n in range(60):
            await posted(rig, *(Parcel(kind, b"{}", "f", "arn", f"id-{n}", rig.clock.now()) for kind in kinds))
            await rig.clock.advance(0.1)

        async def tried() -> bool:
            return all(tries > 4 for _, tries in rig.relay._later.values()) and len(rig.relay._later) == 120

        async def told() -> bool:
            found = {line["target"]: line["tries"] for line in said if line["event"] == "record_delayed"}
            return all(found[target] > 4 for target in ("results", "gone"))

        await rig.until(tried)
        await rig.clock.advance(400)
        await rig.until(told, step=60.0)  # a line comes with the next round, which the store's threads have a say in
    lines = [line for line in said if line["event"] == "record_delayed"]
    by_target = {target: [line for line in lines if line["target"] == target] for target in ("results", "gone")}
    for target, each in by_target.items():
        assert 2 <= len(each) <= 30, target
        assert sum(line["count"] for line in each) >= 60 * 4, "each try is counted"
        assert each[-1]["tries"] > 4
    assert {line["error"] for line in by_target["gone"]} == {"the config has no function gone"}


async def test_a_function_that_sets_itself_off_is_stopped_after_sixteen(rig: Rig) -> None:
    await rig.open(function(on_success=to("function", "f"), on_failure=to("queue", "failed")))
    await rig.dispatcher.emit(Envelope("f", b"{}", "test"))
    await rig.ended(17)
    await settle()
    assert len(rig.pool.ran) == 16
    (row,) = await rig.journal.list(Query(states=frozenset({State.DISCARDED})))
    assert row.error == "RecursiveInvocation"
    (message,) = await rig.messages("failed")
    assert json.loads(message.body)["requestContext"]["condition"] == "RecursiveInvocation"


@pytest.mark.parametrize("kind", ["queue", "function"])
async def test_a_store_that_fails_at_the_end_leaves_event_and_record_together(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the end is recorded, it is there with its record or neither is: then the event runs again."""
    rig = Rig(tmp_path)
    await rig.open(function(on_success=to(kind, "done" if kind == "queue" else "g")), function("g"))
    real = Outbox.post

    def post(self: Outbox, connection: Any, parcels: Any) -> None:
        real(self, connection, parcels)
        raise JournalError("cut off")

    monkeypatch.setattr(Outbox, "post", post)
    await rig.dispatcher.emit(Envelope("f", b"{}", "test"))
    while not rig.pool.ran:
        await asyncio.sleep(0.001)
    for _ in range(50):
        await asyncio.to_thread(bool)
    await rig.die()
    monkeypatch.setattr(Outbox, "post", real)
    await rig.open(function(on_success=to(kind, "done" if kind == "queue" else "g")), function("g"))
    await rig.ended(1 if kind == "queue" else 2)
    assert [invocation.function.name for invocation in rig.pool.ran].count("f") == 2
    told = len(await rig.messages("done")) if kind == "queue" else [invocation.function.name for invocation in rig.pool.ran].count("g")
    assert told == 1
    await rig.close()


def test_a_function_must_not_set_itself_off_by_its_own_records(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    everything = S3Trigger("results", s3.Filter(frozenset({s3.CREATED})))
    elsewhere = S3Trigger("results", s3.Filter(frozenset({s3.CREATED}), prefix="in/"))
    looping = function(triggers=(everything,), on_success=to("bucket", "results"))
    with pytest.raises(ConfigError, match="would set it off again without end"):
        refuse_loops(rig.config(looping))
    refuse_loops(rig.config(replace(looping, triggers=(elsewhere,))))


@pytest.mark.parametrize("how", ["trigger", "subscription"])
def test_a_function_is_not_set_off_by_its_own_records_through_a_topic(tmp_path: Path, how: str) -> None:
    rig = Rig(tmp_path)
    function_ = function(triggers=(SnsTrigger("news"),) if how == "trigger" else (), on_failure=to("bucket", "results"))
    listed = (Subscription("f", "function", function_.name),) if how == "subscription" else ()
    told = BucketNotification("n", "results", Destination("topic", "news"), s3.Filter(frozenset({s3.CREATED})), "n")
    config = replace(rig.config(function_), topics={"news": Topic("news", subscriptions=listed)})
    refuse_loops(config)
    with pytest.raises(ConfigError, match="would set it off again without end"):
        refuse_loops(replace(config, notifications={"n": told}))
    refuse_loops(replace(config, notifications={"n": replace(told, wanted=s3.Filter(frozenset({s3.CREATED}), prefix="in/"))}))
    refuse_loops(replace(config, notifications={"n": replace(told, to=Destination("queue", "done"))}))


def test_an_object_is_written_whole_and_never_outside(tmp_path: Path) -> None:
    bucket, outside = tmp_path / "bucket", tmp_path / "outside"
    bucket.mkdir()
    outside.mkdir()
    write(bucket, "a/b/c", b"one")
    write(bucket, "a/b/c", b"two")
    assert (bucket / "a/b/c").read_bytes() == b"two"
    assert [path.name for path in (bucket / "a/b").iterdir()] == ["c"]
    (bucket / "link").symlink_to(outside)
    with pytest.raises(OSError, match="symbolic link"):
        write(bucket, "link/x", b"")
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "nowhere", "x", b"")


def test_an_object_is_on_the_disk_with_its_directories_before_its_row_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done, fsync, replace_ = list[str](), os.fsync, os.replace

    def synced(descriptor: int) -> None:
        done.append(os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), tmp_path))
        fsync(descriptor)

    def renamed(*args: Any, **kwargs: Any) -> None:
        done.append("rename")
        replace_(*args, **kwargs)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    write(tmp_path, "a/b/c", b"one")
    assert done == [".", "a", "a/b/.c.part", "rename", "a/b"]


def test_no_object_is_written_where_a_link_leads_that_stands_in_the_place_of_its_bucket(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "bucket").symlink_to(tmp_path / "state")
    with pytest.raises(OSError, match=r"Too many levels of symbolic links|Not a directory"):
        write(tmp_path / "bucket", "a/b", b"one")
    assert list((tmp_path / "state").iterdir()) == []
    (tmp_path / "real").mkdir()
    (tmp_path / "real/.b.part").symlink_to(tmp_path / "state/made")
    write(tmp_path / "real", "b", b"one")
    assert {path.name: path.read_bytes() for path in (tmp_path / "real").iterdir()} == {"b": b"one"}
    assert list((tmp_path / "state").iterdir()) == []
