"""What rules and schedules hand to queues, buses, log groups and functions: durable with the event, and told twice handed once."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import names
from router.config.types import Bus, Config, Destination, Function, Queue, Subscription, Topic
from router.dispatch.relay import Relay
from router.errors import ConfigError, JournalError
from router.events.agenda import Cursor
from router.events.eventbridge import Place, envelope
from router.events.patterns import compile_pattern
from router.events.schedule import parse
from router.events.transform import Input
from router.journal.base import Query
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.model import Envelope
from router.queues.outbox import Outbox, Parcel
from router.queues.store import Queues
from router.sources.base import Binding, House
from router.sources.bus import BusSource
from router.sources.bus_rules import Occurrence
from router.sources.bus_trigger import EventTrigger
from router.sources.planned import Planned
from router.sources.ruling import Ruling
from router.sources.schedule import ScheduleSource
from router.sources.schedule_store import Wanted
from router.sources.schedule_trigger import ScheduleTrigger
from router.sources.scheduled_targets import Schedule
from router.sources.targets import Target, Told, arn_of
from router.sources.topic import TopicSource
from router.telemetry.logs import LogStore
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock

T = 1_790_000_040.0  # a whole minute
PLACE = Place("us-east-1", "123456789012")
SHOP = compile_pattern({"source": ["shop"]})
QUEUES = {name: Queue(name) for name in ("jobs", "lost")} | {
    "line.fifo": Queue("line.fifo", fifo=True),
    "small": Queue("small", max_message_size=1024),
}


def to(kind: str, name: str, **keys: Any) -> Target:
    return Target(Destination(kind, name), **keys)


def rule(*targets: Target, name: str = "big", **keys: Any) -> Ruling:
    numbered = tuple(Target(t.to, f"t{place}", t.input, t.group, t.dead_letter, t.attempts, t.age) for place, t in enumerate(targets))
    return Ruling(name, pattern=SHOP, written='{"source":["shop"]}', targets=numbered, **keys)


class Bench:
    """A store with queues, a journal and an outbox; the outlet is the journal itself."""

    def __init__(self, place: Path) -> None:
        self.place, self.clock, self.metrics = place, VirtualClock(T), Metrics()
        self.rules: dict[str, Ruling] = {}
        self.schedules: dict[str, Planned] = {}
        self.buses = {"default": Bus("default"), "orders": Bus("orders", archive=86400.0), "third": Bus("third")}
        self.fail = False

    async def open(self) -> None:
        self.database = await Database.open(self.place / "journal.db")
        self.journal = await SqliteJournal.open(self.database, self.clock)
        self.queues = await Queues.open(self.database, self.clock, QUEUES, region=PLACE.region, account=PLACE.account)
        self.outbox = await Outbox.open(self.database, self.queues)

    def house(self) -> House:
        functions = {"f": Function("f", Path(), "app.handler")}
        config = Config(
            self.place / "config.yaml",
            self.place,
            queues=QUEUES,
            buses=self.buses,
            rules=self.rules,
            schedules=self.schedules,
            functions=functions,
            topics={"news": Topic("news", subscriptions=(Subscription("a", "queue", "lost", raw=True),))},
        )
        house = House(config, self.clock, self.database, self.metrics, self.queues, self.outbox)
        TopicSource.build([], house)
        return house

    async def emit(self, one: Envelope) -> None:
        await self.emit_all([one])

    async def emit_all(self, envelopes: Any, beside: Any = None) -> None:
        def unit(connection: Any) -> None:
            if beside is not None:
                beside(connection)
            if self.fail:
                raise JournalError("disk full")

        await self.journal.append_all(envelopes, unit)

    async def publish(self, house: House, *, bus: str = "default", detail: Any = None, times: int = 1, **keys: Any) -> int:
        BusSource.build([], house)
        event = envelope("shop", "placed", detail or {"id": 7}, event_id="e-1", at=T, place=PLACE)
        occurrence = Occurrence.of(bus, event, T)._replace(**keys)
        for _ in range(times):
            count = await house.buses.publish(self, [occurrence])  # type: ignore[arg-type]
        return count

    async def messages(self, queue: str) -> list[Any]:
        return list(await self.queues.receive(queue, most=10))

    async def bodies(self, queue: str) -> list[Any]:
        return [json.loads(one.body) for one in await self.messages(queue)]

    async def functions(self) -> list[Any]:
        rows = await self.journal.list(Query(limit=100))
        return [json.loads((await self.journal.find(row.id)).payload) for row in reversed(rows)]

    async def until(self, holds: Callable[[], Any]) -> None:
        async with asyncio.timeout(20):
            while not await holds():
                for _ in range(5):
                    await asyncio.to_thread(bool)
                await self.clock.advance(1.0)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    await made.open()
    yield made
    await made.journal.close()
    await made.database.close()


# -- rules


async def test_all_targets_of_a_rule_get_the_event_in_one_transaction(bench: Bench) -> None:
    bench.rules["big"] = rule(
        to("function", "f"),
        to("queue", "jobs", group="tenant"),
        to("queue", "line.fifo", group="all"),
        to("bus", "orders"),
        to("log_group", "/aws/events/x"),
    )
    assert await bench.publish(bench.house()) == 5
    (event,) = await bench.functions()
    assert (event["id"], event["detail"]) == ("e-1", {"id": 7})
    (message,) = await bench.messages("jobs")
    assert (json.loads(message.body), message.group, message.fifo) == (event, "tenant", None)
    (message,) = await bench.messages("line.fifo")
    assert message.group == "all"
    rows = await bench.outbox.page("[]", 10)
    assert [(row.kind, row.target, json.loads(row.body)) for row in rows] == [
        ("bus", "orders", event),
        ("log_group", "/aws/events/x", event),
    ]


async def test_who_waits_for_what_is_handed_over_is_told(bench: Bench) -> None:
    """Else a queue's mapping looks a while later, and what sends on to buses and topics within the hour."""
    woken: list[str] = []
    bench.outbox.on_post = lambda: woken.append("relay")
    bench.rules["big"] = rule(to("queue", "jobs"), to("bus", "orders"))
    with bench.queues.bell("jobs") as bell:
        bell.event.clear()
        await bench.publish(bench.house())
        assert bell.event.is_set()
    assert woken == ["relay"]


async def test_nothing_is_handed_over_when_the_store_fails(bench: Bench) -> None:
    bench.rules["big"] = rule(to("queue", "jobs"), to("bus", "orders"))
    bench.fail = True
    with pytest.raises(JournalError):
        await bench.publish(bench.house())
    assert await bench.messages("jobs") == []
    assert await bench.outbox.page("[]", 10) == []


async def test_told_twice_a_fifo_queue_and_a_function_take_it_once(bench: Bench) -> None:
    bench.rules["big"] = rule(to("function", "f"), to("queue", "line.fifo", group="all"))
    await bench.publish(bench.house(), times=2)
    assert len(await bench.functions()) == 1
    assert len(await bench.messages("line.fifo")) == 1


async def test_two_targets_may_be_one_function(bench: Bench) -> None:
    bench.rules["big"] = rule(to("function", "f", input=Input.constant(1)), to("function", "f", input=Input.part("$.detail.id")))
    await bench.publish(bench.house())
    assert sorted(await bench.functions()) == [1, 7]


async def test_a_rule_that_is_off_or_another_bus_s_is_not_asked(bench: Bench) -> None:
    bench.rules["off"] = rule(to("queue", "jobs"), name="off", enabled=False)
    bench.rules["orders/x"] = rule(to("queue", "jobs"), name="x", bus="orders")
    assert await bench.publish(bench.house()) == 0


async def test_what_a_queue_cannot_take_lies_in_the_dead_letter_queue(bench: Bench) -> None:
    bench.rules["big"] = rule(to("queue", "small", dead_letter="lost"), to("queue", "small"), to("queue", "jobs"))
    assert await bench.publish(bench.house(), detail={"text": "x" * 2000}) == 2
    (letter,) = await bench.messages("lost")
    told = {name: one.value for name, one in letter.attributes.items()}
    assert json.loads(letter.body)["id"] == "e-1"
    assert (told["ERROR_CODE"], told["RETRY_ATTEMPTS"]) == ("ERROR_FROM_TARGET", "0")
    assert told["RULE_ARN"] == "arn:aws:events:us-east-1:123456789012:rule/big"
    assert told["TARGET_ARN"] == "arn:aws:sqs:us-east-1:123456789012:small"
    assert await bench.messages("small") == []
    assert len(await bench.messages("jobs")) == 1
    assert 'router_bus_undeliverable_total{bus="default",rule="big"} 2' in bench.metrics.exposition()


async def test_an_event_that_came_from_another_bus_goes_to_no_third(bench: Bench) -> None:
    bench.rules["orders/on"] = rule(to("bus", "third", dead_letter="lost"), to("queue", "jobs"), name="on", bus="orders")
    await bench.publish(bench.house(), bus="orders", forwarded=True)
    (letter,) = await bench.messages("lost")
    assert letter.attributes["ERROR_CODE"].value == "THIRD_ACCOUNT_HOP_DETECTED"
    assert len(await bench.messages("jobs")) == 1
    assert await bench.outbox.page("[]", 10) == []


def test_one_name_is_one_rule_s(tmp_path: Path) -> None:
    config = Config(tmp_path / "c.yaml", tmp_path, rules={"f-0": rule(name="f-0", enabled=False)})
    binding = Binding(Function("f", Path(), "app.handler"), EventTrigger(SHOP), 0)
    house = House(config, VirtualClock(T), None, Metrics())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="rule f-0 of bus default: two rules have this name"):
        BusSource.build([binding], house)


def test_a_bus_s_policy_is_read_strictly(tmp_path: Path) -> None:
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": "*", "Colour": "red"}]}
    config = Config(tmp_path / "c.yaml", tmp_path, buses={"default": Bus("default", policy=json.dumps(policy))})
    house = House(config, VirtualClock(T), None, Metrics())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"buses\.default\.policy: .*Colour"):
        BusSource.build([], house)


# -- the relay


async def test_the_relay_sends_on_and_writes_logs(bench: Bench, tmp_path: Path) -> None:
    bench.rules["big"] = rule(to("bus", "orders"), to("log_group", "/aws/events/x"), to("topic", "news", input=Input.part("$.detail")))
    bench.rules["orders/on"] = rule(to("queue", "jobs"), to("bus", "third"), name="on", bus="orders")
    house = bench.house()
    await bench.publish(house)
    relay, stop = Relay(bench.outbox, bench, house), asyncio.Event()  # type: ignore[arg-type]
    relay.logs = LogStore(tmp_path / "logs", bench.clock)
    task = asyncio.create_task(relay.run(stop))

    async def empty() -> bool:
        return not await bench.outbox.page("[]", 1)

    await bench.until(empty)
    stop.set()
    await task
    relay.logs.close()
    (event,) = await bench.bodies("jobs")
    assert event["id"] == "e-1"
    assert await bench.bodies("lost") == [{"id": 7}], "who has subscribed to the topic got it"
    assert [row[0] for row in await bench.database.read("SELECT event_id FROM bus_events")] == ["e-1"], "the second bus's archive has it"
    (file,) = (tmp_path / "logs/groups").rglob("*.jsonl")
    assert json.loads(json.loads(file.read_text())["m"]) == event


async def test_an_event_waits_for_a_disk_that_takes_no_log(bench: Bench, tmp_path: Path) -> None:
    bench.rules["big"] = rule(to("log_group", "/aws/events/x"))
    house = bench.house()
    await bench.publish(house)
    (tmp_path / "logs").write_text("no directory")
    relay, stop = Relay(bench.outbox, bench, house), asyncio.Event()  # type: ignore[arg-type]
    relay.logs = LogStore(tmp_path / "logs", bench.clock)
    task = asyncio.create_task(relay.run(stop))

    async def refused() -> bool:
        assert relay.logs is not None
        return relay.logs.dropped > 1

    await bench.until(refused)
    (row,) = await bench.outbox.page("[]", 10)
    assert row.kind == "log_group"
    (tmp_path / "logs").unlink()

    async def empty() -> bool:
        return not await bench.outbox.page("[]", 1)

    await bench.until(empty)
    stop.set()
    await task
    (file,) = (tmp_path / "logs/groups").rglob("*.jsonl")
    assert [json.loads(json.loads(line)["m"])["id"] for line in file.read_text().splitlines() if line] == ["e-1"]


async def test_what_is_tried_in_vain_lies_in_the_dead_letter_queue(bench: Bench) -> None:
    house = bench.house()
    told = Told(b"{}", "event:default/big", "e-1", "arn:aws:events:us-east-1:123456789012:rule/big", T, "e-1")
    failing = told.for_target(to("bus", "orders", dead_letter="lost", attempts=2), PLACE)
    gone = told.for_target(to("bus", "gone", dead_letter="lost"), PLACE)
    assert isinstance(failing, Parcel)
    assert isinstance(gone, Parcel)
    await bench.database.transact(lambda connection: bench.outbox.post(connection, [failing, gone]))
    relay, stop = Relay(bench.outbox, bench, house), asyncio.Event()  # type: ignore[arg-type]

    async def nowhere(*_: Any) -> None:
        raise KeyError("no way")  # a mistake of ours: no reason to lose anything at once

    house.buses.publish = nowhere  # type: ignore[assignment,method-assign]
    task = asyncio.create_task(relay.run(stop))

    async def empty() -> bool:
        return not await bench.outbox.page("[]", 1)

    await bench.until(empty)
    stop.set()
    await task
    letters = await bench.messages("lost")
    found = {one.attributes["ERROR_CODE"].value: one.attributes for one in letters}
    assert set(found) == {"NO_RESOURCE", "UNKNOWN"}
    assert (found["UNKNOWN"]["RETRY_ATTEMPTS"].value, found["UNKNOWN"]["EXHAUSTED_RETRY_CONDITION"].value) == ("2", "MaximumRetryAttempts")
    assert "EXHAUSTED_RETRY_CONDITION" not in found["NO_RESOURCE"]


# -- schedules


def every(text: str = "rate(1 minute)", **keys: Any) -> ScheduleTrigger:
    return ScheduleTrigger(text, parse(text), **keys)


def done(source: ScheduleSource, now: float) -> bool:
    """Whether all that was due is handed over."""
    wake = source._agenda.wake
    return (wake is None or wake > now) and not any(schedule.pending for schedule in source._schedules.values())


async def ticked(bench: Bench, *, minutes: int = 1, sources: int = 1) -> None:
    for _ in range(sources):
        (source,) = ScheduleSource.build([], bench.house())
        stop = asyncio.Event()
        task = asyncio.create_task(source.run(bench, stop))  # type: ignore[arg-type]
        async with asyncio.timeout(20):
            while source.health() and not task.done():
                await asyncio.to_thread(bool)
            for _ in range(minutes):
                await bench.clock.advance(60)
                while not done(source, bench.clock.now()):
                    await asyncio.to_thread(bool)
        stop.set()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_schedule_hands_its_input_to_a_queue_and_an_event_to_a_bus(bench: Bench) -> None:
    bench.schedules["a"] = Planned("a", every(own=True, start=T + 60, input='"go <aws.scheduler.scheduled-time>"'), to("queue", "jobs"))
    bus = Target(Destination("bus", "orders"), source="clock", detail_type="tick")
    bench.schedules["night/b"] = Planned("b", every(own=True, start=T + 60, input='{"n":1}'), bus, "night")
    bench.schedules["c"] = Planned("c", every(own=True, start=T + 60), to("queue", "lost"))
    bench.schedules["off"] = Planned("off", every(own=True, start=T + 60), to("queue", "jobs"), enabled=False)
    await ticked(bench)
    (message,) = await bench.messages("jobs")
    assert message.body == f"go {names.iso_s(T + 60)}"
    (row,) = await bench.outbox.page("[]", 10)
    event = json.loads(row.body)
    assert (row.arn, event["source"], event["detail-type"], event["detail"]) == (
        "arn:aws:scheduler:us-east-1:123456789012:schedule/night/b",
        "clock",
        "tick",
        {"n": 1},
    )
    (whole,) = await bench.bodies("lost")
    assert (whole["source"], whole["resources"]) == ("aws.scheduler", ["arn:aws:scheduler:us-east-1:123456789012:schedule/default/c"])


async def test_a_rate_that_is_switched_on_again_counts_from_then(bench: Bench) -> None:
    on = Planned("a", every("rate(2 minutes)", own=True), to("queue", "jobs"))
    off = replace(on, enabled=False)
    for one, messages in ((off, 0), (on, 1), (off, 1), (on, 1), (on, 2), (None, 2), (on, 3)):
        bench.schedules = {"a": one} if one is not None else {}
        await ticked(bench)
        assert (await bench.queues.count("jobs")).messages == messages


async def test_a_rule_on_a_schedule_hands_a_tick_to_all_its_targets(bench: Bench) -> None:
    given = (to("function", "f", id="a"), to("queue", "jobs", id="b", input=Input.part("$.source")))
    bench.rules["tick"] = Ruling("tick", schedule=every(), targets=given)
    await ticked(bench, minutes=2)
    events = await bench.functions()
    assert [(one["source"], one["resources"]) for one in events] == [
        ("aws.events", ["arn:aws:events:us-east-1:123456789012:rule/tick"])
    ] * 2
    assert await bench.bodies("jobs") == ["aws.events", "aws.events"]


async def test_a_tick_that_comes_again_after_a_crash_is_handed_over_once(bench: Bench) -> None:
    bench.schedules["a"] = Planned("a", every(own=True), to("queue", "jobs"))
    (source,) = ScheduleSource.build([], bench.house())
    await source._store.load({"a": Wanted("rate(1 minute)", Cursor(int(T), int(T)))}, int(T))
    tick = ("a", int(T) - 60)
    await bench.database.write("INSERT INTO ticks VALUES (?, ?)", *tick)
    source._outlet = bench  # type: ignore[assignment]
    for _ in range(2):
        await source._hand_over(bench, [tick])  # type: ignore[arg-type]
    assert len(await bench.messages("jobs")) == 1


async def test_a_schedule_is_run_by_hand(bench: Bench) -> None:
    bench.schedules["a"] = Planned("a", every(own=True, input='{"n":1}'), to("queue", "jobs"))
    (source,) = ScheduleSource.build([], bench.house())
    source._outlet = bench  # type: ignore[assignment]
    assert await source.fire("a")
    assert await bench.bodies("jobs") == [{"n": 1}]


# -- names


@given(st.sampled_from(["function", "queue", "bus", "topic", "log_group"]), st.from_regex(r"[a-z]{1,20}", fullmatch=True))
def test_every_kind_has_an_arn_that_ends_with_its_name(kind: str, name: str) -> None:
    arn = arn_of(Destination(kind, name), PLACE)
    assert arn.startswith("arn:aws:")
    assert arn.split(":")[3:5] == [PLACE.region, PLACE.account]
    assert arn.endswith(name)


@given(st.text())
def test_a_queue_gets_a_text_as_it_is(text: str) -> None:
    one = Schedule("a", (to("queue", "jobs"),), every(own=True, input=json.dumps(text.replace("<", ""))))
    (parcel,) = one.handed(Config(Path("c"), Path()), int(T), sequencer="1", now=T)
    assert isinstance(parcel, Parcel)
    assert parcel.body == text.replace("<", "").encode(errors="replace")
