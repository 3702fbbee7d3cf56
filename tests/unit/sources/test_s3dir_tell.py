"""One event for each function that wants it."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from router.config.types import Config, Function
from router.errors import JournalError
from router.events import s3
from router.events.patterns import compile_pattern
from router.journal.database import Database
from router.sources.base import Binding, House
from router.sources.bus import BusSource
from router.sources.bus_rules import Buses
from router.sources.bus_trigger import EventTrigger
from router.sources.s3dir_tell import Bridge, Stamp, Target, Teller, Told
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock
from tests.helpers.outlet import MemoryOutlet

STAMP = Stamp("uploads", "eu-west-1", "123456789012")
CREATED = frozenset({s3.CREATED})
TOLD = Told("in/a b.jpg", s3.CREATED, "0065F0A1B200000001", 1_567_539_447.192, 5, "etag")


def teller(*targets: tuple[str, s3.Filter]) -> Teller:
    return Teller([Target(function, wanted, f"{function}-{index}") for index, (function, wanted) in enumerate(targets)], STAMP)


async def test_a_function_is_told_once_by_its_first_trigger_that_matches() -> None:
    outlet = MemoryOutlet()
    both = teller(("f", s3.Filter(CREATED, "x/")), ("f", s3.Filter(CREATED, "in/")), ("f", s3.Filter(CREATED)), ("g", s3.Filter(CREATED)))
    assert await both.tell(outlet, TOLD) == 2
    assert [(envelope.function, json.loads(envelope.payload)["Records"][0]["s3"]["configurationId"]) for envelope in outlet.emitted] == [
        ("f", "f-1"),
        ("g", "g-3"),
    ]
    for envelope in outlet.emitted:
        assert (envelope.source, envelope.sequencer, envelope.shard) == ("s3:uploads", TOLD.sequencer, TOLD.key)
    assert outlet.events()[0]["Records"][0]["eventTime"] == "2019-09-03T19:37:27.192Z"


async def test_a_bucket_decides_the_version_of_its_records() -> None:
    outlet = MemoryOutlet()
    stamp = Stamp("uploads", "eu-west-1", "123456789012", "2.6")
    await Teller([Target("f", s3.Filter(CREATED), "c")], stamp).tell(outlet, TOLD)
    await teller(("f", s3.Filter(CREATED))).tell(outlet, TOLD._replace(sequencer="0065F0A1B200000002"))
    assert [event["Records"][0]["eventVersion"] for event in outlet.events()] == ["2.6", "2.1"]


async def test_nobody_is_told_what_nobody_wants() -> None:
    outlet, only = MemoryOutlet(), teller(("f", s3.Filter(CREATED, "in/")))
    assert await only.tell(outlet, TOLD._replace(name=s3.REMOVED)) == 0
    assert await only.tell(outlet, TOLD._replace(key="out/a")) == 0
    assert outlet.emitted == []
    assert only.wants("in/x")
    assert not only.wants("out/x")


async def test_a_function_that_cannot_be_told_keeps_no_other_from_it() -> None:
    outlet = MemoryOutlet()
    outlet.refuse = 1
    with pytest.raises(JournalError):
        await teller(("f", s3.Filter(CREATED)), ("g", s3.Filter(CREATED))).tell(outlet, TOLD)
    assert [envelope.function for envelope in outlet.emitted] == ["g"]


def buses(*rules: tuple[str, dict[str, Any]]) -> Buses:
    made = House(Config(Path("/c"), Path("/s")), VirtualClock(), cast("Database", None), Metrics())
    bindings = [Binding(Function(name, Path(), "app.handler"), EventTrigger(compile_pattern(pattern)), 0) for name, pattern in rules]
    BusSource.build(bindings, made)
    return made.buses


async def test_a_bucket_on_the_bus_tells_its_rules_too_and_told_twice_it_is_one_event() -> None:
    outlet = MemoryOutlet()
    wanted = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": ["uploads"]}, "object": {"key": [{"prefix": "in/"}]}},
    }
    stamp = Stamp("uploads", "eu-west-1", "123456789012")
    both = Teller([Target("f", s3.Filter(CREATED), "c")], stamp, Bridge(buses(("g", wanted), ("h", {"source": ["shop"]})), stamp))
    assert both.wants("anything"), "who listens to a bus is for the rules to say"
    for _ in range(2):
        assert await both.tell(outlet, TOLD) == 2
    assert await both.tell(outlet, TOLD._replace(name=s3.REMOVED, sequencer="0065F0A1B200000002")) == 0
    assert [envelope.function for envelope in outlet.emitted] == ["f", "g"]
    assert len(outlet.duplicates) == 2
    event = outlet.events()[1]
    assert (event["detail"]["object"]["key"], event["detail"]["object"]["size"], event["time"]) == ("in/a b.jpg", 5, "2019-09-03T19:37:27Z")
    assert event["resources"] == ["arn:aws:s3:::uploads"]


async def test_a_bus_without_rules_and_archive_costs_nothing() -> None:
    outlet = MemoryOutlet()
    outlet.refuse = 1
    assert await Teller([], STAMP, Bridge(buses(), STAMP)).tell(outlet, TOLD) == 0
