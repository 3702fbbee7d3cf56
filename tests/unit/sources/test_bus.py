"""Buses: what is put, who gets it, what is kept, and replays. The store and the journal are real, time is virtual."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from router.config.types import Bus, Config, Function
from router.errors import ConfigError, InvalidParameter, JournalError, ShuttingDown
from router.events.eventbridge import InvalidRequest, Place, envelope
from router.events.patterns import compile_pattern
from router.events.transform import WHOLE, Input
from router.journal.base import EventDetail, Query
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.model import Envelope
from router.sources import bus_replays, bus_store
from router.sources.base import Binding, House
from router.sources.bus import BusSource
from router.sources.bus_replays import ResourceNotFound
from router.sources.bus_rules import Drawn, Occurrence
from router.sources.bus_store import BusStore, Replay
from router.sources.bus_trigger import EventTrigger
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock

T = 1_790_000_000.0
DAY = 86400.0
END = 253_402_300_799.0


class JournalOutlet:
    """The dispatcher's doors, straight into a journal."""

    def __init__(self, journal: SqliteJournal) -> None:
        self.journal = journal
        self.fail = False
        self.calls = 0  # of emit_all: each is one transaction

    async def emit(self, one: Envelope) -> None:
        await self.journal.append(one)

    async def emit_all(self, envelopes: Any, beside: Any = None) -> None:
        def failing(connection: Any) -> None:
            if beside is not None:
                beside(connection)
            raise JournalError("disk full")

        self.calls += 1
        await self.journal.append_all(envelopes, failing if self.fail else beside)


class Bench:
    """One store, a journal in it, and rules: function → trigger."""

    def __init__(self, place: Path) -> None:
        self.place, self.clock, self.metrics = place, VirtualClock(T), Metrics()
        self.buses = {"default": Bus("default", archive=7 * DAY), "orders": Bus("orders")}
        self.database: Database
        self.outlet: JournalOutlet

    @property
    def config(self) -> Config:
        return Config(self.place / "config.yaml", self.place, buses=self.buses)

    def source(self, rules: Mapping[str, EventTrigger]) -> BusSource:
        bindings = [Binding(Function(name, Path(), "app.handler"), trigger, 0) for name, trigger in rules.items()]
        (source,) = BusSource.build(bindings, House(self.config, self.clock, self.database, self.metrics))
        return source

    @asynccontextmanager
    async def running(self, **rules: EventTrigger) -> AsyncIterator[BusSource]:
        source, stop = self.source(rules), asyncio.Event()
        task = asyncio.create_task(source.run(self.outlet, stop))  # type: ignore[arg-type]
        async with asyncio.timeout(20):
            while source.health() and not task.done():
                await asyncio.to_thread(bool)
        try:
            yield source
        finally:
            stop.set()
            async with asyncio.timeout(20):
                await task

    async def events(self) -> list[tuple[str, Any]]:
        """Function and payload of everything that the journal took, the oldest first."""
        rows = await self.outlet.journal.list(Query(limit=1000))
        found: list[EventDetail] = [await self.outlet.journal.find(row.id) for row in reversed(rows)]
        return [(one.row.function, json.loads(one.payload)) for one in found]

    async def kept(self) -> list[str]:
        return [row[0] for row in await self.database.read("SELECT event_id FROM bus_events ORDER BY id")]

    async def until(self, holds: Callable[[], Any]) -> None:
        async with asyncio.timeout(20):
            while not await holds():
                await asyncio.to_thread(bool)

    async def finished(self, source: BusSource, name: str) -> dict[str, Any]:
        async def over() -> bool:
            return any(row["name"] == name and row["ended"] for row in await source.replay_rows())

        await self.until(over)
        return next(row for row in await source.replay_rows() if row["name"] == name)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    made.database = await Database.open(tmp_path / "journal.db")
    journal = await SqliteJournal.open(made.database, made.clock)
    made.outlet = JournalOutlet(journal)
    yield made
    await journal.close()
    await made.database.close()


def on(pattern: Any, **keys: Any) -> EventTrigger:
    return EventTrigger(compile_pattern(pattern), **keys)


def entry(source: str = "shop", detail: Any = None, **keys: Any) -> dict[str, Any]:
    return {"Source": source, "DetailType": "order placed", "Detail": json.dumps(detail or {}), **keys}


SHOP = on({"source": ["shop"]})


# -- PutEvents


async def test_each_rule_that_matches_gets_the_event_under_one_id(bench: Bench) -> None:
    async with bench.running(a=SHOP, b=on({"detail": {"total": [{"numeric": [">", 100]}]}}), c=on({"source": ["till"]})) as source:
        answer = await source.put({"Entries": [entry(detail={"total": 120}), entry(detail={"total": 7})]})
    assert answer["FailedEntryCount"] == 0
    first, second = (one["EventId"] for one in answer["Entries"])
    got = await bench.events()
    assert sorted((function, event["id"]) for function, event in got) == sorted([("a", first), ("b", first), ("a", second)])
    event = got[0][1]
    assert event == {
        "version": "0",
        "id": first,
        "detail-type": "order placed",
        "source": "shop",
        "account": "123456789012",
        "time": "2026-09-21T14:13:20Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {"total": 120},
    }
    assert await bench.kept() == [first, second]


async def test_what_is_wrong_with_one_entry_is_its_own_answer(bench: Bench) -> None:
    async with bench.running(a=SHOP) as source:
        answer = await source.put(
            {
                "Entries": [
                    entry(),
                    entry(source="aws.s3"),
                    {"Source": "shop", "DetailType": "t", "Detail": "[]"},
                    entry(EventBusName="nowhere"),
                    entry(Time=-5),
                    entry(EventBusName="arn:aws:events:us-east-1:123456789012:event-bus/default", Time="2020-01-01T00:00:00Z"),
                    {"Source": "shop", "DetailType": "t", "Detail": '{"a":' * 20_000 + "1" + "}" * 20_000},
                ]
            }
        )
    assert [one.get("ErrorCode") for one in answer["Entries"]] == [
        None,
        "NotAuthorizedForSourceException",
        "MalformedDetail",
        "ResourceNotFoundException",
        "InvalidArgument",
        None,
        "MalformedDetail",
    ]
    assert answer["FailedEntryCount"] == 5
    assert [event["time"] for _, event in await bench.events()] == ["2026-09-21T14:13:20Z", "2020-01-01T00:00:00Z"]


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ({}, "Entries is a list"),
        ({"Entries": []}, "greater than or equal to 1"),
        ({"Entries": [entry()] * 11}, "less than or equal to 10"),
        ({"Entries": ["x"]}, "list of objects"),
        ({"Entries": [entry(Source=5)]}, "are texts"),
        ({"Entries": [entry(Resources="x")]}, "Resources is a list"),
        ({"Entries": [entry(TraceHeader="x" * 501)]}, "TraceHeader is 500 printable characters at most"),
        ({"Entries": [entry(TraceHeader="Root=1\n")]}, "TraceHeader is 500"),
        ({"Entries": [entry(Time="soon")]}, "Time is epoch seconds"),
        ({"Entries": [entry(Time=True)]}, "Time is epoch seconds"),
        ({"Entries": [entry(detail={"x": "y" * 600_000})] * 2}, "over the limit"),
    ],
)
async def test_a_call_that_is_no_call_is_refused_whole(bench: Bench, call: Any, wrong: str) -> None:
    async with bench.running(a=SHOP) as source:
        with pytest.raises(InvalidRequest, match=wrong):
            await source.put(call)
    assert await bench.events() == []


async def test_a_rule_hears_its_own_bus_only_and_has_an_arn_there(bench: Bench) -> None:
    template = Input.template('{"from": <aws.events.rule-arn>, "id": <id>}', {"id": "$.detail.id"})
    async with bench.running(a=on({"source": ["shop"]}, bus="orders", name="mine", input=template), b=SHOP) as source:
        await source.put({"Entries": [entry(detail={"id": 7}, EventBusName="orders")]})
        assert await bench.events() == [("a", {"from": "arn:aws:events:us-east-1:123456789012:rule/orders/mine", "id": 7})]
        assert await bench.kept() == [], "this bus has no archive"
        (row,) = await bench.outlet.journal.list(Query())
        assert row.source == "event:orders/mine"


async def test_a_rule_hears_an_event_as_often_as_it_has_rules_that_match(bench: Bench) -> None:
    function = Function("f", Path(), "app.handler")
    bindings = [Binding(function, SHOP, 0), Binding(function, on({"detail-type": [{"prefix": "order"}]}), 3)]
    (source,) = BusSource.build(bindings, House(bench.config, bench.clock, bench.database, bench.metrics))
    assert [row["name"] for row in source.rule_rows()] == ["f-0", "f-3"]
    stop = asyncio.Event()
    task = asyncio.create_task(source.run(bench.outlet, stop))  # type: ignore[arg-type]
    while source.health():
        await asyncio.to_thread(bool)
    await source.put({"Entries": [entry()]})
    stop.set()
    await task
    assert [function for function, _ in await bench.events()] == ["f", "f"]


async def test_rules_of_another_config_are_laid_when_it_is_in_force_and_not_before(bench: Bench) -> None:
    house = House(bench.config, bench.clock, bench.database, bench.metrics)

    def built(**rules: EventTrigger) -> BusSource:
        (source,) = BusSource.build([Binding(Function(name, Path(), "app.handler"), rule, 0) for name, rule in rules.items()], house)
        return source

    former = built(f=on({"source": ["shop"]}))
    wanted = built(g=on({"source": ["shop"]}))
    assert [rule.function for rule in house.buses.rules] == ["f"], "a reload may still be refused"
    former.become(wanted)
    assert [rule.function for rule in house.buses.matching("default", {"source": "shop"})] == ["g"]


async def test_the_caller_s_trace_goes_with_the_event(bench: Bench) -> None:
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    async with bench.running(a=SHOP) as source:
        await source.put({"Entries": [entry(TraceHeader=header), entry()]})
    taken = await bench.outlet.journal.lease(2, wait=0, room=lambda _: 2)
    assert [delivery.envelope.trace for delivery in taken] == [header, ""]


async def test_an_event_told_twice_is_one_event_for_each_function(bench: Bench) -> None:
    event = envelope("shop", "t", {}, event_id="one", at=T, place=Place("us-east-1", "1"))
    async with bench.running(a=SHOP, b=SHOP) as source:
        for _ in range(2):
            await source.publish([Occurrence.of("default", event, T)])
    assert len(await bench.events()) == 2
    assert await bench.kept() == ["one"]


async def test_put_and_fan_out_are_one_commit_or_none(bench: Bench) -> None:
    async with bench.running(a=SHOP, b=SHOP) as source:
        await source.put({"Entries": [entry(), entry()]})
        assert bench.outlet.calls == 1
        bench.outlet.fail = True
        with pytest.raises(JournalError):
            await source.put({"Entries": [entry()]})
    assert len(await bench.events()) == 4
    assert len(await bench.kept()) == 2


async def test_an_input_that_no_function_can_get_does_not_keep_others_from_the_event(bench: Bench) -> None:
    many = Input.template('{"a": [' + ",".join(["<aws.events.event.json>"] * 300) + "]}", {})
    async with bench.running(a=on({"source": ["shop"]}, input=many), b=SHOP) as source:
        await source.put({"Entries": [entry(detail={"x": "y" * 50_000})]})
    assert [function for function, _ in await bench.events()] == ["b"]
    assert 'router_bus_undeliverable_total{bus="default",rule="a-0"} 1' in bench.metrics.exposition()


async def test_an_event_of_a_megabyte_is_delivered(bench: Bench) -> None:
    room = 1024 * 1024 - len("shop" + "order placed" + '{"x": ""}')
    async with bench.running(a=SHOP) as source:
        answer = await source.put({"Entries": [entry(detail={"x": "y" * room})]})
    assert answer["FailedEntryCount"] == 0
    assert len(await bench.events()) == 1


async def test_before_and_after_it_runs_nothing_is_taken(bench: Bench) -> None:
    source = bench.source({"a": SHOP})
    with pytest.raises(ShuttingDown):
        await source.put({"Entries": [entry()]})
    async with bench.running(a=SHOP) as source:
        pass
    with pytest.raises(ShuttingDown):
        await source.start_replay(Replay("", "default", 0, END))


async def test_a_name_is_one_rule_s(bench: Bench) -> None:
    with pytest.raises(ConfigError, match="two rules have this name, of a and b"):
        bench.source({"a": SHOP, "b": on({"source": ["x"]}, name="a-0")})
    bench.source({"a": SHOP, "b": on({"source": ["x"]}, name="a-0", bus="orders")})


def test_an_archive_s_pattern_is_checked(bench: Bench) -> None:
    bench.buses["default"] = Bus("default", archive=DAY, archive_pattern={"a": []})
    with pytest.raises(ConfigError, match=r"buses\.default\.archive\.pattern: Empty arrays are not allowed"):
        bench.source({})


async def test_an_archive_with_a_pattern_keeps_what_matches(bench: Bench) -> None:
    bench.buses["default"] = Bus("default", archive=float("inf"), archive_pattern={"source": ["till"]})
    async with bench.running() as source:
        answer = await source.put({"Entries": [entry(), entry("till")]})
        rows = await source.rows()
    assert await bench.kept() == [answer["Entries"][1]["EventId"]]
    assert [(row["name"], row["rules"], row["archive"], row["events"]) for row in rows] == [
        ("default", 0, "forever", 1),
        ("orders", 0, None, 0),
    ]


async def test_a_bus_that_a_reload_gives_an_archive_again_has_nothing_of_the_deleted_one(bench: Bench) -> None:
    async with bench.running() as source:
        for _ in range(2):
            await source.put({"Entries": [entry()]})
            await bench.database.transact(await source.emptying("default"))  # as a deletion leaves it that was cut short
            bench.buses["default"] = Bus("default")
            await take_up(source, bench.source({}))
            bench.buses["default"] = Bus("default", archive=DAY)
            await take_up(source, bench.source({}))
            assert await bench.kept() == []
        await source.put({"Entries": [entry()]})
        await source.empty("default")
        assert len(await bench.kept()) == 1


async def take_up(source: BusSource, other: BusSource) -> None:
    """As a reload has it."""
    other._buses = source._buses
    assert source.can_become(other)
    await other.prepare(source)
    source.become(other)


async def test_a_clock_that_leaps_ahead_empties_no_archive(bench: Bench) -> None:
    async with bench.running() as source:
        await source.put({"Entries": [entry() for _ in range(5)]})
        bench.clock.jump(365 * DAY)
        for _ in range(10):
            await bench.clock.advance(60)
            await asyncio.sleep(0.01)
        assert len(await bench.kept()) == 5


async def test_archived_events_are_removed_when_their_time_is_over(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_store, "FORGET_AT_ONCE", 2)
    async with bench.running() as source:
        await source.put({"Entries": [entry() for _ in range(5)]})
        await bench.clock.advance(6 * DAY)
        await source.put({"Entries": [entry()]})

        async def left() -> bool:
            await bench.clock.advance(60)
            return len(await bench.kept()) < 6

        await bench.clock.advance(DAY)
        await bench.until(left)

        async def one() -> bool:
            return len(await bench.kept()) == 1

        await bench.until(one)


# -- replays


async def test_a_replay_sends_what_was_kept_to_its_rules_again(bench: Bench) -> None:
    async with bench.running(a=SHOP, b=SHOP) as source:
        for n in range(5):
            await source.put({"Entries": [entry(detail={"n": n}, Time=T + n)]})
        name = await source.start_replay(Replay("again", "default", T + 1, T + 3, rules=("b-0",)))
        row = await bench.finished(source, name)
    assert (row["state"], row["events"], row["from"], row["to"]) == ("COMPLETED", 3, "2026-09-21T14:13:21Z", "2026-09-21T14:13:23Z")
    replayed = [(function, event) for function, event in await bench.events() if "replay-name" in event]
    assert [(function, event["detail"]["n"], event["replay-name"]) for function, event in replayed] == [
        ("b", n, "again") for n in (1, 2, 3)
    ]
    assert list(replayed[0][1])[-1] == "replay-name"
    assert len(await bench.kept()) == 5, "what is replayed is not archived again"


async def test_what_python_s_json_can_hold_is_replayed_as_it_was(bench: Bench) -> None:
    odd = '{"n": 123456789012345678901234567890, "half": "\\ud800", "deep": ' + "[" * 500 + "]" * 500 + "}"
    async with bench.running(a=SHOP) as source:
        await source.put({"Entries": [entry() | {"Detail": odd}]})
        assert (await bench.finished(source, await source.start_replay(Replay("r", "default", 0, END))))["state"] == "COMPLETED"
    assert [event["detail"] for _, event in await bench.events()] == [json.loads(odd)] * 2


async def test_a_replay_by_pattern_and_in_the_order_of_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_replays, "PAGE", 2)
    async with bench.running(a=SHOP) as source:
        for n in (4, 2, 3, 1, 0):
            await source.put({"Entries": [entry(detail={"n": n}, Time=T + n)]})
        pattern = json.dumps({"detail": {"n": [{"numeric": ["<", 4]}]}})
        name = await source.start_replay(Replay("", "default", 0, END, pattern=pattern))
        assert name.startswith("replay-")
        assert (await bench.finished(source, name))["events"] == 4
    replayed = [event["detail"]["n"] for _, event in await bench.events() if "replay-name" in event]
    assert replayed == [0, 1, 2, 3]


async def test_a_replay_goes_on_after_a_kill_and_sends_nothing_twice(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_replays, "PAGE", 1)
    async with bench.running(a=SHOP) as source:
        await source.put({"Entries": [entry(detail={"n": n}, Time=T + n) for n in range(6)]})
    source, stuck = bench.source({"a": SHOP}), asyncio.Event()
    task = asyncio.create_task(source.run(bench.outlet, asyncio.Event()))  # type: ignore[arg-type]
    real = bench.outlet.emit_all

    async def emit_all(envelopes: Any, beside: Any = None) -> None:
        if bench.outlet.calls >= 4:  # the put, and three pages
            stuck.set()
            await asyncio.Event().wait()
        await real(envelopes, beside)

    monkeypatch.setattr(bench.outlet, "emit_all", emit_all)
    while source.health():
        await asyncio.to_thread(bool)
    await source.start_replay(Replay("long", "default", 0, END))
    await stuck.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    monkeypatch.setattr(bench.outlet, "emit_all", real)
    async with bench.running(a=SHOP) as source:
        row = await bench.finished(source, "long")
    assert (row["state"], row["events"]) == ("COMPLETED", 6)
    replayed = [event["detail"]["n"] for _, event in await bench.events() if "replay-name" in event]
    assert replayed == [0, 1, 2, 3, 4, 5]


async def test_a_replay_can_be_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench.running(a=SHOP) as source:
        await source.put({"Entries": [entry()]})
        monkeypatch.setattr(bench.outlet, "emit_all", _slow(bench.outlet))
        await source.start_replay(Replay("r", "default", 0, END))
        await source.cancel_replay("r")
        row = await bench.finished(source, "r")
        assert row["state"] in {"CANCELLED", "COMPLETED"}
        with pytest.raises(InvalidParameter, match="no replay r goes on"):
            await source.cancel_replay("r")


def _slow(outlet: JournalOutlet) -> Any:
    real = outlet.emit_all

    async def emit_all(envelopes: Any, beside: Any = None) -> None:
        await asyncio.to_thread(bool)
        await real(envelopes, beside)

    return emit_all


@pytest.mark.parametrize(
    ("replay", "error", "wrong"),
    [
        (Replay("", "nowhere", 0, END), ResourceNotFound, "Event bus nowhere does not exist"),
        (Replay("", "orders", 0, END), InvalidParameter, "bus orders has no archive"),
        (Replay("a b", "default", 0, END), InvalidParameter, "name is 1 to 64"),
        (Replay("", "default", 5, 4), InvalidParameter, "EventStartTime must be before"),
        (Replay("", "default", 0, END, rules=("z",)), ResourceNotFound, "Rule z does not exist on EventBus default"),
        (Replay("", "default", 0, END, pattern='{"a": []}'), InvalidParameter, "Event pattern is not valid. Reason: Empty arrays"),
    ],
)
async def test_a_replay_that_cannot_be_is_refused(bench: Bench, replay: Replay, error: type[Exception], wrong: str) -> None:
    async with bench.running(a=SHOP) as source:
        with pytest.raises(error, match=wrong):
            await source.start_replay(replay)
        assert await source.replay_rows() == []


async def test_names_of_replays_are_taken_once_and_ten_go_on_at_most(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench.running(a=SHOP) as source:
        await source.start_replay(Replay("r", "default", 0, END))
        with pytest.raises(InvalidParameter, match="Replay r already exists"):
            await source.start_replay(Replay("r", "default", 0, END))
        await bench.finished(source, "r")
        monkeypatch.setattr(bus_replays, "REPLAYS", 0)
        with pytest.raises(InvalidParameter, match="go on already"):
            await source.start_replay(Replay("s", "default", 0, END))


async def test_a_replay_fails_alone_when_its_bus_goes_meanwhile(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_replays, "PAGE", 1)
    async with bench.running(f=SHOP) as source:
        await source.put({"Entries": [entry() for _ in range(3)]})
        page = source._store.page

        async def going(replay: Replay, limit: int) -> Any:
            found = await page(replay, limit)
            if replay.events == 1:
                del bench.buses["default"]
                house = House(bench.config, bench.clock, bench.database, bench.metrics)
                source._buses.lay(Drawn.of((), house.config), house)
            return found

        monkeypatch.setattr(source._store, "page", going)
        await source.start_replay(Replay("rp", "default", 0.0, END))
        row = await bench.finished(source, "rp")
        assert (row["state"], row["events"], row["reason"]) == ("FAILED", 1, "the config has no bus default")
        assert (await source.put({"Entries": [entry(EventBusName="orders")]}))["FailedEntryCount"] == 0


async def test_a_replay_of_a_bus_that_is_gone_fails(bench: Bench) -> None:
    bench.buses["gone"] = Bus("gone", archive=DAY)
    await bus_store.prepare(bench.database)
    await BusStore(bench.database).begin(Replay("r", "gone", 0, END), 10)
    del bench.buses["gone"]
    async with bench.running() as source:
        row = await bench.finished(source, "r")
    assert (row["state"], row["reason"]) == ("FAILED", "the config has no bus gone")


def test_the_whole_event_is_written_once(bench: Bench) -> None:
    assert SHOP.input is WHOLE
