"""One event for each function that wants it."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from router.config.types import Config, Destination, Function, Queue
from router.errors import JournalError
from router.events import s3
from router.events.patterns import compile_pattern
from router.journal.database import Database
from router.queues.outbox import Outbox
from router.queues.store import Queues
from router.sources.base import Binding, House
from router.sources.bucket_notification import BucketNotification
from router.sources.bus import BusSource
from router.sources.bus_rules import Buses
from router.sources.bus_trigger import EventTrigger
from router.sources.s3dir_tell import Bridge, Post, Stamp, Target, Teller, Told
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
    assert await both.tell(outlet, [TOLD]) == 2
    assert [(envelope.function, json.loads(envelope.payload)["Records"][0]["s3"]["configurationId"]) for envelope in outlet.emitted] == [
        ("f", "f-1"),
        ("g", "g-3"),
    ]
    for envelope in outlet.emitted:
        assert (envelope.source, envelope.sequencer, envelope.shard) == ("s3:uploads", TOLD.sequencer, TOLD.key)
    assert outlet.events()[0]["Records"][0]["eventTime"] == "2019-09-03T19:37:27.192Z"


async def test_an_event_continues_the_trace_of_who_made_the_change_and_does_not_tell_it(store: "Store") -> None:
    outlet = MemoryOutlet()
    outlet.store = store.database
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    made = TOLD._replace(caller=s3.Caller("AWS:AIDAEXAMPLE", trace=trace))
    to = [notification("queue", "jobs"), notification("topic", "news")]
    await store.teller(*to, targets=[Target("f", s3.Filter(CREATED), "c")]).tell(outlet, [made])
    (message,) = await store.queues.receive("jobs", most=10)
    (row,) = await store.outbox.page("[]", 10)
    (envelope,) = outlet.emitted
    assert [message.trace, row.trace, envelope.trace] == [trace] * 3
    assert trace not in message.body


async def test_a_bucket_decides_the_version_of_its_records() -> None:
    outlet = MemoryOutlet()
    stamp = Stamp("uploads", "eu-west-1", "123456789012", "2.6")
    await Teller([Target("f", s3.Filter(CREATED), "c")], stamp).tell(outlet, [TOLD])
    await teller(("f", s3.Filter(CREATED))).tell(outlet, [TOLD._replace(sequencer="0065F0A1B200000002")])
    assert [event["Records"][0]["eventVersion"] for event in outlet.events()] == ["2.6", "2.1"]


async def test_nobody_is_told_what_nobody_wants() -> None:
    outlet, only = MemoryOutlet(), teller(("f", s3.Filter(CREATED, "in/")))
    assert await only.tell(outlet, [TOLD._replace(name=s3.REMOVED)]) == 0
    assert await only.tell(outlet, [TOLD._replace(key="out/a")]) == 0
    assert outlet.emitted == []
    assert only.wants("in/x")
    assert not only.wants("out/x")


async def test_all_changes_and_what_is_beside_are_told_at_once_or_not_at_all(store: "Store") -> None:
    outlet = MemoryOutlet()
    outlet.store = store.database
    both = teller(("f", s3.Filter(CREATED)), ("g", s3.Filter(CREATED)))
    changes = [TOLD, TOLD._replace(key="in/b", sequencer="0065F0A1B200000002"), TOLD._replace(key="in/c", name=s3.REMOVED)]

    def beside(connection: apsw.Connection) -> None:
        connection.execute("CREATE TABLE beside (x)").fetchall()

    outlet.refuse = 1
    with pytest.raises(JournalError):
        await both.tell(outlet, changes, beside)
    assert outlet.emitted == []
    assert await store.database.read("SELECT count(*) FROM sqlite_schema WHERE name = 'beside'") == [(0,)]
    assert await both.tell(outlet, changes, beside) == 4
    assert [(one.function, one.shard) for one in outlet.emitted] == [(f, key) for key in (TOLD.key, "in/b") for f in ("f", "g")]
    assert await store.database.read("SELECT count(*) FROM beside") == [(0,)]


async def test_a_bus_is_told_in_the_same_breath(store: "Store") -> None:
    outlet = MemoryOutlet()
    outlet.store, outlet.refuse = store.database, 1
    both = Teller([Target("f", s3.Filter(CREATED), "c")], STAMP, Bridge(buses(("g", {"source": ["aws.s3"]})), STAMP))
    with pytest.raises(JournalError):
        await both.tell(outlet, [TOLD])
    assert outlet.emitted == []
    assert await both.tell(outlet, [TOLD]) == 2
    assert [one.function for one in outlet.emitted] == ["f", "g"]


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
        assert await both.tell(outlet, [TOLD]) == 2
    assert await both.tell(outlet, [TOLD._replace(name=s3.REMOVED, sequencer="0065F0A1B200000002")]) == 0
    assert [envelope.function for envelope in outlet.emitted] == ["f", "g"]
    assert len(outlet.duplicates) == 2
    event = outlet.events()[1]
    assert (event["detail"]["object"]["key"], event["detail"]["object"]["size"], event["time"]) == ("in/a b.jpg", 5, "2019-09-03T19:37:27Z")
    assert event["resources"] == ["arn:aws:s3:::uploads"]


async def test_a_bus_without_rules_and_archive_costs_nothing() -> None:
    outlet = MemoryOutlet()
    outlet.refuse = 1
    assert await Teller([], STAMP, Bridge(buses(), STAMP)).tell(outlet, [TOLD]) == 0


class Store(NamedTuple):
    """What queues and topics are told through."""

    database: Database
    queues: Queues
    outbox: Outbox

    async def bodies(self, queue: str = "jobs") -> list[Any]:
        return [json.loads(one.body) for one in await self.queues.receive(queue, most=10)]

    def teller(self, *told: BucketNotification, targets: Sequence[Target] = ()) -> Teller:
        return Teller(targets, STAMP, post=Post(self.outbox, STAMP, told, VirtualClock()))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    database = await Database.open(tmp_path / "store")
    config = {"jobs": Queue("jobs"), "small": Queue("small", max_message_size=1024)}
    queues = await Queues.open(database, VirtualClock(), config, region="eu-west-1", account="123456789012")
    yield Store(database, queues, await Outbox.open(database, queues))
    await database.close()


def notification(kind: str, to: str, *, identity: str = "id", prefix: str = "", name: str = s3.CREATED) -> BucketNotification:
    return BucketNotification("n", "uploads", Destination(kind, to), s3.Filter(frozenset({name}), prefix), identity)


async def test_a_queue_has_the_notification_that_a_function_gets_and_what_is_beside(store: Store) -> None:
    outlet = MemoryOutlet()
    outlet.store = store.database
    both = store.teller(notification("queue", "jobs", identity="mine"), targets=[Target("f", s3.Filter(CREATED), "mine")])
    assert await both.tell(outlet, [TOLD], lambda connection: connection.execute("CREATE TABLE beside (x)").fetchall() and None) == 2
    assert await store.bodies() == outlet.events()
    assert await store.database.read("SELECT count(*) FROM beside") == [(0,)]


async def test_a_topic_is_told_by_a_row_with_the_subject(store: Store) -> None:
    outlet = MemoryOutlet()
    outlet.store = store.database
    assert await store.teller(notification("topic", "news", identity="mine")).tell(outlet, [TOLD]) == 1
    (row,) = await store.outbox.page("[]", 10)
    assert (row.kind, row.target, row.arn) == ("topic", "news", "arn:aws:s3:::uploads")
    assert row.made == VirtualClock().now(), "a topic is tried for a day from now on, however old the file"
    assert row.agreed is not None
    assert (row.agreed.subject, row.agreed.target) == ("Amazon S3 Notification", "arn:aws:sns:eu-west-1:123456789012:news")
    assert json.loads(row.body)["Records"][0]["s3"]["configurationId"] == "mine"


async def test_each_is_told_once_by_the_first_that_matches(store: Store) -> None:
    outlet = MemoryOutlet()
    outlet.store = store.database
    told = store.teller(
        notification("queue", "jobs", identity="other key", prefix="out/"),
        notification("queue", "jobs", identity="other event", name=s3.REMOVED),
        notification("queue", "jobs", identity="in", prefix="in/"),
        notification("queue", "jobs", identity="all"),
    )
    assert await told.tell(outlet, [TOLD]) == 1
    assert await told.tell(outlet, [TOLD._replace(key="x", name=s3.REMOVED)]) == 1
    assert await told.tell(outlet, [TOLD._replace(name=s3.COPIED)]) == 0
    ids = [one["Records"][0]["s3"]["configurationId"] for one in await store.bodies()]
    assert sorted(ids) == ["in", "other event"]
    assert told.wants("anything")
    assert [told.hears(name, "out/x") for name in (s3.CREATED, s3.REMOVED, s3.COPIED, "")] == [True, True, False, False]
    assert not store.teller(notification("queue", "jobs", prefix="in/")).wants("out/x")


async def test_nothing_is_told_when_the_store_takes_nothing(store: Store) -> None:
    outlet = MemoryOutlet()
    outlet.store, outlet.refuse = store.database, 1
    with pytest.raises(JournalError):
        await store.teller(notification("queue", "jobs"), targets=[Target("f", s3.Filter(CREATED), "c")]).tell(outlet, [TOLD])
    assert await store.bodies() == []
    assert outlet.emitted == []


async def test_a_queue_that_is_too_small_is_told_nothing_and_keeps_no_other_from_it(store: Store) -> None:
    outlet = MemoryOutlet()
    outlet.store = store.database
    told = store.teller(notification("queue", "small"), notification("queue", "jobs"))
    with capture_logs() as logs:
        assert await told.tell(outlet, [TOLD._replace(key="é" * 500)]) == 1
    (line,) = logs
    assert (line["event"], line["bucket"], line["target"], line["log_level"]) == (
        "bucket_notification_lost",
        "uploads",
        "queue:small",
        "error",
    )
    assert len(await store.bodies()) == 1
    assert await store.bodies("small") == []


@given(keys=st.lists(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20), max_size=8))
async def test_a_queue_is_told_what_its_filter_covers_and_nothing_else(keys: list[str]) -> None:
    post = Post(cast("Outbox", Roomy()), STAMP, [notification("queue", "jobs", prefix="a"), notification("topic", "news")], VirtualClock())
    for key in keys:
        found = {
            parcel.to.kind: json.loads(parcel.body)["Records"][0]["s3"]["object"]["key"] for parcel in post.parcels(TOLD._replace(key=key))
        }
        assert found == {"topic": s3.encoded(key)} | ({"queue": s3.encoded(key)} if key.startswith("a") else {})


class Roomy:
    """An outbox that takes everything."""

    def room(self, to: Destination) -> int:
        del to
        return 10**6
