"""Which objects go, and when: once all that was accepted of a version has succeeded, and not before `after` was in force."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from router.buckets.object_store import Objects
from router.config.types import Bucket, Config, Function
from router.dispatch import clearing
from router.dispatch.clearing import Clearing, Told, told
from router.errors import JournalError
from router.events import s3
from router.journal.database import Database
from router.journal.memory import MemoryJournal
from router.model import Delivery, Envelope, State
from router.sources.s3dir import S3Trigger
from router.sources.s3dir_tell import lane
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock, settle

BUCKET = Bucket("in", Path("/in"), after="delete")
ANYTHING = S3Trigger("in", s3.Filter(s3.PRODUCED))


@dataclass
class Store:
    """The objects that there are, by key, each with the sequencer of its version."""

    there: dict[str, str] = field(default_factory=dict)
    cleared: list[tuple[str, Path | None]] = field(default_factory=list)
    fails: int = 0
    looks: int = 0  # at what was told of the bucket

    async def clear(self, bucket: str, key: str, sequencer: str, to: Path | None) -> Path | bool:
        assert bucket == "in"
        await asyncio.sleep(0)
        if self.fails:
            self.fails -= 1
            raise OSError("no space left")
        if self.there.get(key) != sequencer:
            return False
        del self.there[key]
        self.cleared.append((key, to))
        return True if to is None else to / key

    async def told(self, bucket: str, after: str, limit: int) -> list[tuple[str, str]]:
        assert bucket == "in"
        self.looks += 1
        return [(key, sequencer) for key, sequencer in sorted(self.there.items()) if key > after][:limit]


def event(function: str, key: str, sequencer: str, name: str = "ObjectCreated:Put") -> Envelope:
    record = {"eventName": name, "s3": {"object": {"key": key.replace(" ", "+")}}}
    return Envelope(function, json.dumps({"Records": [record]}).encode(), "s3:in", sequencer, lane(key))


class Watched(Clearing):
    """Says when it has nothing to do."""

    quiet = False

    async def _wait(self, stop: asyncio.Event) -> None:
        self.quiet = True
        try:
            await super()._wait(stop)
        finally:
            self.quiet = False


@dataclass
class House:
    """A journal, objects, and who clears them."""

    database: Database
    clock: VirtualClock = field(default_factory=VirtualClock)
    store: Store = field(default_factory=Store)
    bucket: Bucket = BUCKET
    journal: MemoryJournal = field(init=False)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    running: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.journal = MemoryJournal(self.clock)

    def config(self) -> Config:
        functions = {name: Function(name, Path("/code"), "a.b", triggers=(ANYTHING,)) for name in ("f", "g")}
        return Config(Path("/c"), Path("/state"), buckets={"in": self.bucket}, functions=functions)

    async def start(self) -> None:
        """As a start of the daemon does."""
        if self.running is not None:
            self.stop.set()
            await self.running
        self.stop = asyncio.Event()
        self.clearing = Watched(
            self.config(), self.journal, cast("Objects", self.store), self.database, clock=self.clock, metrics=Metrics()
        )
        await self.clearing.prepare()
        self.running = asyncio.create_task(self.clearing.run(self.stop))
        await self.idle()

    async def idle(self) -> None:
        await settle()
        while not self.clearing.quiet or self.clearing._work.is_set():
            await asyncio.to_thread(bool)  # a turn for the store's threads
            await settle()

    async def drop(self, key: str, *functions: str, sequencer: str = "1") -> None:
        """A version that these functions have an event of."""
        self.store.there[key] = sequencer
        await self.journal.append_all([event(name, key, sequencer) for name in functions])

    async def end(self, how: Callable[[Delivery], Any], *functions: str) -> None:
        """Let the events of these functions end so, which are due."""
        for delivery in await self.journal.lease(100, wait=0, room=lambda name: 100 * (name in functions)):
            await how(delivery)
            await self.idle()

    async def succeed(self, *functions: str) -> None:
        async def ack(delivery: Delivery) -> None:
            await self.journal.ack(delivery)
            self.clearing.succeeded(delivery.envelope)

        await self.end(ack, *functions)

    async def bury(self, *functions: str) -> None:
        await self.end(lambda delivery: self.journal.bury(delivery, State.DEAD, error="failed"), *functions)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    database = await Database.open(tmp_path / "store.db")
    made = House(database)
    yield made
    made.stop.set()
    if made.running is not None:
        await made.running
    await database.close()


async def test_it_goes_once_the_last_function_has_succeeded(house: House) -> None:
    await house.start()
    await house.drop("a b.csv", "f", "g")
    await house.succeed("f")
    assert house.store.cleared == []
    await house.succeed("g")
    assert house.store.cleared == [("a b.csv", None)]


async def test_it_is_moved_where_the_config_says(house: House) -> None:
    house.bucket = replace(BUCKET, after="move", goal=Path("/done"))
    await house.start()
    await house.drop("a", "f")
    await house.succeed("f")
    assert house.store.cleared == [("a", Path("/done"))]


async def test_one_that_failed_stays_until_it_is_redriven(house: House) -> None:
    await house.start()
    await house.drop("a", "f", "g")
    await house.bury("f")
    await house.succeed("g")
    assert house.store.there == {"a": "1"}
    (letter,) = await house.journal.alike([event("f", "a", "1")])
    await house.journal.redrive([letter.id])
    await house.succeed("f")
    assert house.store.cleared == [("a", None)]


async def test_a_function_that_lost_its_trigger_counts_while_its_event_is_unfinished(house: House) -> None:
    await house.start()
    await house.drop("a", "f", "former")
    await house.succeed("f")
    assert house.store.there == {"a": "1"}
    await house.succeed("former")
    assert house.store.cleared == [("a", None)]


async def test_a_newer_version_stays(house: House) -> None:
    await house.start()
    await house.drop("a", "f")
    house.store.there["a"] = "2"
    await house.succeed("f")
    assert house.store.there == {"a": "2"}


async def test_a_removal_and_an_event_by_hand_clear_nothing(house: House) -> None:
    await house.start()
    house.store.there["nobody's"] = "1"
    await house.drop("a")
    await house.journal.append(event("f", "a", "1", "ObjectRemoved:Delete"))
    await house.succeed("f")
    house.clearing.succeeded(Envelope("f", b'{"Records": []}', "s3:in", "1", "a"))
    house.clearing.succeeded(Envelope("f", b"no json", "s3:in", "1", "a"))
    await house.idle()
    assert house.store.there == {"a": "1", "nobody's": "1"}


async def test_an_object_that_nobody_was_told_of_stays(house: House) -> None:
    house.store.there["nobody's"] = "1"
    await house.start()
    assert house.store.there == {"nobody's": "1"}


async def test_what_was_missed_is_found_at_the_next_start(house: House) -> None:
    await house.start()
    for number in range(3):
        await house.drop(f"{number}", "f")
    house.clearing.succeeded = lambda envelope: None  # type: ignore[method-assign] # the daemon dies before it looks
    await house.succeed("f")
    await house.drop("queued", "f")
    await house.start()
    assert sorted(house.store.cleared) == [("0", None), ("1", None), ("2", None)]
    assert house.store.there == {"queued": "1"}


async def test_pages_are_gone_through_to_the_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing, "PAGE", 2)
    await house.start()
    for number in range(5):
        await house.drop(f"{number}", "f")
    house.clearing.succeeded = lambda envelope: None  # type: ignore[method-assign]
    await house.succeed("f")
    await house.start()
    assert house.store.there == {}


async def test_what_was_handled_before_after_was_in_force_stays(house: House) -> None:
    """What one function has handled before and another since goes with the last."""
    house.bucket = replace(BUCKET, after="keep")
    await house.start()
    await house.drop("old", "f")
    await house.drop("half", "f", "g")
    await house.succeed("f")
    house.clock.jump(60)
    await reload(house, "delete")
    assert house.store.there == {"old": "1", "half": "1"}
    await house.drop("new", "f")
    await house.succeed("f")
    assert house.store.cleared == [("new", None)]
    await house.succeed("g")
    assert house.store.cleared[1:] == [("half", None)]
    assert house.clearing._counted.value("in", "delete") == 2
    house.clock.jump(60)
    await house.start()
    assert house.store.there == {"old": "1"}


async def test_a_wall_clock_that_is_set_back_keeps_no_object(house: House) -> None:
    await house.start()
    house.clock.jump(-3600)
    for key in ("a", "b"):
        await house.drop(key, "f")
        await house.succeed("f")
    assert house.store.cleared == [("a", None), ("b", None)]
    await house.clock.advance(1)
    await house.drop("missed", "f")
    house.clearing.succeeded = lambda envelope: None  # type: ignore[method-assign] # the daemon dies before it looks
    await house.succeed("f")
    await house.start()
    assert house.store.there == {}


async def reload(house: House, after: str) -> None:
    """As a reload does."""
    house.bucket = replace(house.bucket, after=after)  # type: ignore[arg-type]
    house.clearing.adopt(house.config())
    await house.idle()


async def test_a_reload_that_changes_nothing_of_it_looks_at_nothing(house: House) -> None:
    await house.start()
    looks = house.store.looks
    await reload(house, "delete")
    assert house.store.looks == looks
    await reload(house, "move")
    assert house.store.looks == looks + 1


async def test_a_bucket_that_keeps_again_begins_anew(house: House) -> None:
    await house.start()
    house.clock.jump(60)
    await reload(house, "keep")
    await house.drop("between", "f")
    await house.succeed("f")
    house.clock.jump(60)
    await reload(house, "delete")
    assert house.store.there == {"between": "1"}


async def test_what_failed_is_tried_again(house: House) -> None:
    await house.start()
    house.store.fails = 2
    await house.drop("a", "f")
    await house.succeed("f")
    assert house.store.there == {"a": "1"}
    for _ in range(2):
        await house.clock.advance(clearing.PAUSE)
        await house.idle()
    assert house.store.cleared == [("a", None)]


async def test_a_store_that_cannot_be_read_is_asked_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.start()
    counts, broken = house.journal.counts, [True]

    async def sometimes() -> Any:
        if broken:
            broken.pop()
            raise JournalError("no space left on the device")
        return await counts()

    monkeypatch.setattr(house.journal, "counts", sometimes)
    await house.drop("a", "f")
    await house.succeed("f")
    assert house.store.there == {"a": "1"}
    await house.clock.advance(clearing.PAUSE)
    await house.idle()
    assert house.store.cleared == [("a", None)]


async def test_more_than_may_wait_is_found_by_a_look_at_the_bucket(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing, "MOST", 2)
    await house.start()
    for number in range(6):
        await house.drop(f"{number}", "f")
    deliveries = await house.journal.lease(100, wait=0, room=lambda _: 100)
    for delivery in deliveries:
        await house.journal.ack(delivery)
    for delivery in deliveries:  # at once: nobody can take any in between
        house.clearing.succeeded(delivery.envelope)
    assert len(house.clearing._waiting) == 2
    await house.idle()
    await house.clock.advance(clearing.PAUSE)
    await house.idle()
    assert house.store.there == {}


def test_what_an_event_tells_of() -> None:
    assert told(event("f", "in/a b.csv", "7")) == Told("in", "in/a b.csv", "7")
    assert told(event("f", "a", "")) is None
    assert told(Envelope("f", b"[]", "s3:in", "7")) is None
