"""Subscription filters: what of log groups is handed to functions, and from where on."""

import asyncio
import gzip
import json
import re
from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from router.config.fragments import Fragment
from router.config.load import load
from router.config.types import Config, Function, Logging
from router.errors import ConfigError
from router.journal.database import Database
from router.sources import TRIGGERS
from router.sources import logs as source_of_logs
from router.sources.base import Binding, House
from router.sources.logs import TIDY_EVERY, LogsSource
from router.sources.logs_trigger import LogsTrigger
from router.telemetry.logfiles import encoded
from router.telemetry.loggroups import LogGroups
from router.telemetry.logs import LogStore
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock
from tests.helpers.outlet import MemoryOutlet

SAY = "/aws/lambda/say"
BASE = """\
version: 1
functions:
  say: {code: ., handler: app.handler}
  tell: {code: ., handler: app.handler, log_group: /shop/all}
  alert: {code: ., handler: app.handler, triggers: [TRIGGERS]}
"""


def rested(source: LogsSource, clock: VirtualClock) -> bool:
    """Whether all that was written is handed over: no stream waits to be looked at, and the source waits itself."""
    return clock.sleepers > 0 and not any(one.waiting for one in source._filters)


class Rig:
    """Log groups, and a source over them."""

    def __init__(self, place: Path) -> None:
        self.place, self.clock, self.metrics, self.outlet = place, VirtualClock(), Metrics(), MemoryOutlet()

    async def open(self) -> None:
        self.database = await Database.open(self.place / "store.db")
        self.outlet.store = self.database
        self.store = LogStore(self.place / "logs", self.clock)
        self.groups = await LogGroups.open(self.place / "logs", self.database, self.store, self.clock)
        self.said = self.store.stream("say")

    async def close(self) -> None:
        self.store.close()
        await self.database.close()

    def write(self, *messages: str) -> None:
        for message in messages:
            self.said.write(message, self.clock.now())
        self.said.flush()

    async def run(self, *triggers: LogsTrigger, write: Sequence[str] = (), advance: float = 5.0) -> list[Any]:
        """One life of the source, in which this is written; the rows of places before its end."""
        bindings = [Binding(Function("alert", Path("/code"), "app.handler"), trigger, index) for index, trigger in enumerate(triggers)]
        config = Config(self.place / "config.yaml", self.place)
        (source,) = LogsSource.build(bindings, House(config, self.clock, self.database, self.metrics, logs=self.groups))
        stop = asyncio.Event()
        task = asyncio.create_task(source.run(self.outlet, stop))
        async with asyncio.timeout(30):
            while source.health():
                await asyncio.to_thread(bool)
            self.write(*write)
            for _ in range(20):
                await self.clock.advance(advance / 20)
                await asyncio.to_thread(bool)
            while not rested(source, self.clock):
                await self.clock.advance(0.5)
                await asyncio.to_thread(bool)
            rows = await self.database.read("SELECT stream, offset FROM log_places")
            stop.set()
            while not task.done():
                await self.clock.advance(0.5)
                await asyncio.to_thread(bool)
        await task
        assert not self.store.listeners
        assert source.health()
        return rows

    @property
    def told(self) -> list[str]:
        """The messages that were handed over."""
        return [line["message"] for data in self.data for line in data["logEvents"]]

    @property
    def data(self) -> list[Any]:
        """What the function gets to see."""
        return [json.loads(gzip.decompress(b64decode(json.loads(one.payload)["awslogs"]["data"]))) for one in self.outlet.emitted]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path)
    await made.open()
    yield made
    await made.close()


async def test_what_the_pattern_lets_pass_is_one_event_of_its_stream(rig: Rig) -> None:
    await rig.run(LogsTrigger(SAY, "ERROR", "bad"), write=["ERROR a", "fine", "ERROR b"])
    (data,) = rig.data
    ids = [line.pop("id") for line in data["logEvents"]]
    assert data == {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": SAY,
        "logStream": rig.said.name,
        "subscriptionFilters": ["bad"],
        "logEvents": [{"timestamp": 1_790_000_000_000, "message": message} for message in ("ERROR a", "ERROR b")],
    }
    assert len(set(ids)) == 2
    assert all(len(one) == 56 and one.isdigit() for one in ids)
    (envelope,) = rig.outlet.emitted
    assert (envelope.function, envelope.source, envelope.shard) == ("alert", f"logs:{SAY}", "")
    assert rig.metrics.exposition().count('router_log_events_handed_over_total{function="alert"} 2') == 1


async def test_columns_are_taken_out(rig: Rig) -> None:
    await rig.run(LogsTrigger(SAY, "[level = ERROR, ..., size]"), write=["ERROR one two 17"])
    assert rig.data[0]["logEvents"][0]["extractedFields"] == {"level": "ERROR", "2": "one", "3": "two", "size": "17"}


async def test_a_new_filter_begins_behind_what_is_there(rig: Rig) -> None:
    rig.write("before")
    rig.said.write("in memory before", rig.clock.now())
    await rig.run(LogsTrigger(SAY), write=["after"])
    assert rig.told == ["after"]


async def test_what_is_written_while_it_does_not_run_is_told_at_its_next_start(rig: Rig) -> None:
    await rig.run(LogsTrigger(SAY), write=["one"])
    rig.write("two")
    rig.said = rig.store.stream("say")
    rig.write("three")
    await rig.run(LogsTrigger(SAY), write=["four"])
    assert sorted(rig.told) == ["four", "one", "three", "two"]


async def test_what_no_pattern_let_pass_is_not_looked_at_again_after_a_stop(rig: Rig) -> None:
    await rig.run(LogsTrigger(SAY, "ERROR"), write=["fine"])
    await rig.run(LogsTrigger(SAY, "fine"))  # the same filter, with another pattern
    assert rig.told == []


async def test_what_no_pattern_let_pass_is_recorded_now_and_then(rig: Rig) -> None:
    size = len(encoded(rig.clock.now(), "fine"))
    assert await rig.run(LogsTrigger(SAY, "ERROR"), write=["fine"]) == []
    assert await rig.run(LogsTrigger(SAY, "ERROR"), write=["fine"], advance=2 * TIDY_EVERY + 10) == [(rig.said.name, 2 * size)]


async def test_a_stream_that_lost_its_end_is_told_from_there_on(rig: Rig) -> None:
    await rig.run(LogsTrigger(SAY), write=["one", "two"])
    rig.store.close()
    (file,) = (rig.place / "logs").rglob("*.jsonl")
    with file.open("rb+") as opened:
        opened.truncate(len(encoded(rig.clock.now(), "one")))
    await rig.run(LogsTrigger(SAY))
    await rig.run(LogsTrigger(SAY), write=["six"])
    assert rig.told == ["one", "two", "six"]


async def test_two_filters_go_their_own_ways(rig: Rig) -> None:
    await rig.run(LogsTrigger(SAY, "a"), write=["a1", "b1"])
    await rig.run(LogsTrigger(SAY, "a"), LogsTrigger(SAY, "b"), write=["a2", "b2"])
    assert sorted(rig.told) == ["a1", "a2", "b2"]


async def test_a_filter_that_is_taken_out_and_comes_back_begins_anew(rig: Rig) -> None:
    await rig.run(LogsTrigger(SAY), write=["one"])
    await rig.run()
    rig.write("two")
    await rig.run(LogsTrigger(SAY), write=["three"])
    assert rig.told == ["one", "three"]


async def test_much_goes_in_pieces_and_streams_share_a_look(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.sources.logs_filter.LOOK", 200)
    monkeypatch.setattr(source_of_logs, "STREAMS", 2)
    streams = [rig.store.stream("say") for _ in range(5)]

    def write() -> list[str]:
        for number, stream in enumerate(streams):
            for line in range(10):
                stream.write(f"{number} {line}", rig.clock.now())
            stream.flush()
        return [f"{number} {line}" for number in range(5) for line in range(10)]

    await rig.run(LogsTrigger(SAY))
    wanted = write()
    await rig.run(LogsTrigger(SAY))
    assert sorted(rig.told) == sorted(wanted)
    assert max(len(data["logEvents"]) for data in rig.data) < 10


async def test_streams_that_are_gone_are_forgotten_and_one_made_anew_is_read_whole(rig: Rig) -> None:
    await rig.groups.make("own", "s")
    trigger = LogsTrigger("own")
    await rig.run(trigger)
    await rig.groups.write("own", "s", [(1, "one"), (2, "two")])
    await rig.run(trigger)
    await rig.groups.unmake("own", "s")
    assert await rig.run(trigger, advance=2 * TIDY_EVERY + 10) == []
    await rig.groups.make("own", "s")
    await rig.groups.write("own", "s", [(3, "three")])
    await rig.run(trigger)
    assert rig.told == ["one", "two", "three"]


async def test_what_is_lost_is_told(rig: Rig) -> None:
    await rig.run(LogsTrigger(SAY), write=["one"])
    await rig.database.write("UPDATE log_places SET segment = 5, offset = 7")
    rig.said.segment = 7
    rig.said._store.forget(rig.said)
    rig.write("two")
    with capture_logs() as lines:
        await rig.run(LogsTrigger(SAY))
    (line,) = [line for line in lines if line["event"] == "log_events_missed"]
    assert (line["group"], line["filter"], line["stream"]) == (SAY, "alert-0", rig.said.name)
    assert rig.told == ["one", "two"]


# -- the config


def read(place: Path, triggers: str) -> Config:
    (place / "app.py").write_text("")
    (place / "config.yaml").write_text(BASE.replace("TRIGGERS", triggers))
    return load(place / "config.yaml", TRIGGERS, environ={})


@pytest.mark.parametrize(
    ("written", "trigger"),
    [
        (f"{{logs: {SAY}}}", LogsTrigger(SAY)),
        ("{logs: {group: /shop/all, filter_pattern: '?ERROR ?WARN', name: bad lines}}", LogsTrigger("/shop/all", "?ERROR ?WARN", "bad lines")),
    ],
)  # fmt: skip
def test_a_trigger_as_written(tmp_path: Path, written: str, trigger: LogsTrigger) -> None:
    assert read(tmp_path, written).functions["alert"].triggers == (trigger,)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{logs: /aws/lambda/sya}", "no function has the name sya, did you mean say?"),
        ("{logs: 'a b'}", "1 to 512 letters"),
        ("{logs: {filter_pattern: x}}", "group: is required"),
        ("{logs: {group: g, filter_pattern: '{ $.a'}}", "{ without a }"),
        ("{logs: {group: g, name: 'a:b'}}", "without : and *"),
        ("{logs: {group: g, pattern: x}}", "unknown key"),
        ("{logs: {group: g, name: n}}, {logs: {group: g, name: n}}", "subscription filter n of log group g is taken"),
    ],
)
def test_what_is_no_trigger_is_refused(tmp_path: Path, written: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        read(tmp_path, written)


def test_what_was_declared_through_the_api_outlives_the_function_whose_log_it_is(tmp_path: Path) -> None:
    trigger = {"logs": {"group": "/aws/lambda/gone", "name": "n"}}
    (tmp_path / "app.py").write_text("")
    (tmp_path / "config.yaml").write_text(BASE.replace("TRIGGERS", ""))
    fragments = [Fragment("triggers", "t", {"function": "alert", "trigger": trigger})]
    config = load(tmp_path / "config.yaml", TRIGGERS, environ={}, declared=lambda _: fragments)
    assert config.functions["alert"].triggers == (LogsTrigger("/aws/lambda/gone", name="n"),)


def built(*pairs: tuple[Function, LogsTrigger]) -> None:
    bindings = [Binding(function, trigger, 0) for function, trigger in pairs]
    LogsSource.build(bindings, House(Config(Path("c"), Path()), VirtualClock(), None, Metrics()))  # type: ignore[arg-type]  # nothing runs


def function(name: str, group: str = "") -> Function:
    return replace(Function(name, Path("/code"), "app.handler"), logging=Logging(group=group))


@pytest.mark.parametrize(
    "pairs",
    [
        [(function("f"), LogsTrigger("/aws/lambda/f"))],
        [(function("f", "/shop"), LogsTrigger("/shop"))],
        [(function("f"), LogsTrigger("/aws/lambda/g")), (function("g"), LogsTrigger("/aws/lambda/f"))],
        [(function("f", "a"), LogsTrigger("b")), (function("g", "b"), LogsTrigger("c")), (function("h", "c"), LogsTrigger("a"))],
    ],
)
def test_a_log_that_would_come_back_to_itself_is_refused(pairs: list[tuple[Function, LogsTrigger]]) -> None:
    with pytest.raises(ConfigError, match="without end") as error:
        built(*pairs)
    assert len(error.value.problems) == len(pairs)


def test_a_chain_that_ends_is_none(tmp_path: Path) -> None:
    built((function("f"), LogsTrigger("/aws/lambda/g")), (function("g"), LogsTrigger("/aws/lambda/h")), (function("x", "/aws/lambda/y"), LogsTrigger("/aws/lambda/x")))  # fmt: skip


def test_a_name_that_was_made_and_given_is_one_too_many() -> None:
    with pytest.raises(ConfigError, match="has the name f-0 in log group a too"):
        built((function("f"), LogsTrigger("a")), (function("g"), LogsTrigger("a", name="f-0")))
