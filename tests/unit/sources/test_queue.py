"""Queues as event sources: what the config says, and the loop over a real store with time that only the test moves."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from router.config.types import Config, Function, Queue, Redrive
from router.errors import ConfigError, JournalError, TooManyRequests
from router.events.sqs_rules import New
from router.journal.database import Database
from router.model import Envelope, Outcome
from router.queues.store import Queues
from router.sources.base import Binding, House
from router.sources.queue import QueueSource, QueueTrigger
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock, settle
from tests.helpers.outlet import MemoryOutlet
from tests.unit.config.conftest import Place

QUEUES = {
    queue.name: queue
    for queue in (
        Queue("jobs", visibility_timeout=30, redrive=Redrive("dead", 2)),
        Queue("dead"),
        Queue("patient", visibility_timeout=40_000),  # virtual time goes far while a busy disk syncs
        Queue("line.fifo", fifo=True, visibility_timeout=30),
    )
}
OK = Outcome(b"null")
FAILED = Outcome(b'{"errorMessage": "no"}', "Unhandled", "Exception")
GOLDEN = Path(__file__).parents[2] / "golden"


def bodies(envelope: Envelope) -> list[str]:
    return [record["body"] for record in json.loads(envelope.payload)["Records"]]


class Rig:
    """One mapping that runs."""

    def __init__(self, database: Database, queues: Queues, clock: VirtualClock, outlet: MemoryOutlet, metrics: Metrics) -> None:
        self.database, self.queues, self.clock, self.outlet, self.metrics = database, queues, clock, outlet, metrics
        self.stop = asyncio.Event()

    async def send(self, name: str, *texts: str, group: str = "") -> None:
        for text in texts:
            await self.queues.send(name, [New(text, group=group, deduplication=f"{group}-{text}" if group else "")])

    async def drive(self, holds: Callable[[], object], step: float = 0.05) -> None:
        """Move time on until *holds*: what is on its way to the disk gets there first."""
        async with asyncio.timeout(60):
            while not holds():
                for _ in range(3):
                    await self.written()
                    if holds():
                        return
                await self.clock.advance(step)

    async def left(self, name: str, count: int) -> None:
        async with asyncio.timeout(60):
            while (await self.queues.count(name)).messages != count:
                for _ in range(3):
                    await self.written()
                await self.clock.advance(0.05)

    async def written(self) -> None:
        """All that was handed to the store is there, and who waited for it has gone on."""
        await self.database.transact(lambda _: None)
        await settle()

    @property
    def seen(self) -> list[list[str]]:
        return [bodies(envelope) for envelope in self.outlet.invoked]


@asynccontextmanager
async def rig(
    path: Path, queue: str = "jobs", answer: Callable[[Envelope], Any] | None = None, *, before: Any = None, outlet: Any = None, **keys: Any
):
    clock, metrics = VirtualClock(), Metrics()
    database = await Database.open(path / "store.db")
    queues = await Queues.open(database, clock, QUEUES, region="eu-west-1", account="123456789012")
    made = Rig(database, queues, clock, outlet or MemoryOutlet(answer or (lambda _: OK)), metrics)
    if before is not None:
        await before(made)
    function = Function("f", Path(), "app.handler", reserved_concurrency=keys.pop("reserved", None))
    house = House(Config(path / "config.yaml", path, region="eu-west-1"), clock, database, metrics, queues)
    (source,) = QueueSource.build([Binding(function, QueueTrigger(QUEUES[queue], **keys), 0)], house)
    task = asyncio.create_task(source.run(made.outlet, made.stop))
    try:
        yield made
    finally:
        made.stop.set()
        await made.drive(task.done)
        await task
        await database.close()


# -- the config


def triggers(place: Place, value: str) -> tuple[Any, ...]:
    from router.config.load import load

    place.file.write_text(
        f"version: 1\nqueues: {{jobs: {{}}, line.fifo: {{}}}}\nfunctions:\n  f:\n    code: ./code\n    handler: app.handler\n    triggers:\n      - queue: {value}\n"
    )
    return load(place.file, {"queue": QueueTrigger}, environ={}).functions["f"].triggers


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_trigger_as_written(place: Place) -> None:
    (bare,) = triggers(place, "jobs")
    assert (bare.queue.name, bare.batch_size, bare.batch_window, bare.partial, bare.maximum_concurrency) == ("jobs", 10, 0.0, False, None)
    (full,) = triggers(
        place,
        "{name: jobs, batch_size: 500, batch_window: 2, report_batch_item_failures: true, maximum_concurrency: 7, filter: [{body: {a: [1]}}, {body: [x]}]}",
    )
    assert (full.batch_size, full.batch_window, full.partial, full.maximum_concurrency) == (500, 2.0, True, 7)
    assert [full.filters.passes({"body": body}) for body in ('{"a": 1}', '{"a": 2}', "x", "y")] == [True, False, True, False]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("jbos", "no queue has the name jbos, did you mean jobs?"),
        ("{name: jobs, batch_size: 11}", "needs a batch_window of at least 1 s"),
        ("{name: jobs, batch_size: 10001}", "outside 1 to 10000"),
        ("{name: line.fifo, batch_size: 11}", "outside 1 to 10"),
        ("{name: line.fifo, batch_window: 1}", "batches wait for nothing"),
        ("{name: jobs, batch_window: 301}", "outside 0 to 300"),
        ("{name: jobs, maximum_concurrency: 1}", "outside 2 to 1000"),
        ("{name: jobs, filter: []}", "write 1 to 10 patterns"),
        ("{name: jobs, filter: {body: x}}", "Event pattern is not valid. Reason:"),
        ("{name: jobs, batchsize: 1}", "did you mean batch_size?"),
    ],
)
def test_mistakes_in_a_trigger(place: Place, value: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        triggers(place, value)
    assert any(told in problem for problem in caught.value.problems), caught.value.problems


def test_what_only_function_and_queue_together_show(tmp_path: Path) -> None:
    house = House(Config(tmp_path, tmp_path), VirtualClock(), None, Metrics())  # type: ignore[arg-type]
    slow = Binding(Function("f", Path(), "app.handler", timeout=31), QueueTrigger(QUEUES["jobs"]), 0)
    with pytest.raises(ConfigError) as caught:
        QueueSource.build([slow, slow], house)
    assert any("31 s is longer than the visibility timeout of queue jobs, 30 s" in problem for problem in caught.value.problems)
    assert any("two triggers read queue jobs" in problem for problem in caught.value.problems)


# -- the loop


async def test_messages_are_handed_over_and_deleted(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        await house.send("jobs", "a")
        await house.drive(lambda: house.seen == [["a"]])
        await house.left("jobs", 0)
        record = json.loads(house.outlet.invoked[0].payload)["Records"][0]
        golden = json.loads((GOLDEN / "sqs_template_message_attributes.json").read_text())["Records"][0]
        assert record.keys() == golden.keys() - {"md5OfMessageAttributes"}
        assert record["eventSourceARN"] == "arn:aws:sqs:eu-west-1:123456789012:jobs"


async def test_a_failed_batch_comes_again_after_the_visibility_timeout_and_then_is_a_dead_letter(tmp_path: Path) -> None:
    async with rig(tmp_path, answer=lambda _: FAILED) as house:
        await house.send("jobs", "poison")
        await house.drive(lambda: len(house.seen) == 1)
        start = house.clock.monotonic()
        await house.drive(lambda: len(house.seen) == 2)
        assert 25 <= house.clock.monotonic() - start <= 60
        await house.left("dead", 1)
        assert len(house.seen) == 2


async def test_only_reported_messages_come_again(tmp_path: Path) -> None:
    def answer(envelope: Envelope) -> Outcome:
        failed = [{"itemIdentifier": r["messageId"]} for r in json.loads(envelope.payload)["Records"] if r["body"] == "b"]
        return Outcome(json.dumps({"batchItemFailures": failed}).encode())

    async with rig(tmp_path, answer=answer, partial=True, before=lambda it: it.send("jobs", "a", "b", "c")) as house:
        await house.drive(lambda: len(house.seen) == 2)
        assert house.seen == [["a", "b", "c"], ["b"]]
        await house.left("dead", 1)


async def test_a_throttle_costs_no_receive(tmp_path: Path) -> None:
    """However often the function is refused."""
    refused = 0

    def answer(_: Envelope) -> Outcome:
        nonlocal refused
        if refused < 8:
            refused += 1
            raise TooManyRequests("ReservedFunctionConcurrentInvocationLimitExceeded")
        return OK

    async with rig(tmp_path, "patient", answer=answer) as house:
        await house.send("patient", "a")
        await house.drive(lambda: len(house.seen) == 9, step=5)
        await house.left("patient", 0)
        assert json.loads(house.outlet.invoked[-1].payload)["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1"


async def test_who_waits_to_be_let_in_holds_what_he_has(tmp_path: Path) -> None:
    """For longer than a receive lasts, and nobody else gets it meanwhile."""
    begun: list[float] = []

    def answer(_: Envelope) -> Outcome:
        begun.append(house.clock.monotonic())
        if begun[-1] - begun[0] < 400:
            raise TooManyRequests("ReservedFunctionConcurrentInvocationLimitExceeded")
        return OK

    async with rig(tmp_path, answer=answer) as house:
        await house.send("jobs", "a")
        while not begun or begun[-1] - begun[0] < 400:
            await house.drive(lambda: house.seen)
            assert (await house.queues.count("jobs")).visible == 0
            await house.clock.advance(1)
            await house.written()
        await house.left("jobs", 0)
        assert (await house.queues.count("dead")).messages == 0
        assert json.loads(house.outlet.invoked[-1].payload)["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1"


async def test_what_is_too_much_for_one_event_is_handed_on_apart_and_not_counted(tmp_path: Path) -> None:
    """As JSON a quote has two bytes: four messages of a megabyte are more than 6 MB."""
    large = [str(number) + '"' * 1_000_000 for number in range(4)]
    async with rig(tmp_path, "patient", before=lambda it: it.send("patient", *large)) as house:
        await house.left("patient", 0)
        assert sorted(text[0] for batch in house.seen for text in batch) == ["0", "1", "2", "3"]
        assert len(house.seen) > 1
        records = [record for envelope in house.outlet.invoked for record in json.loads(envelope.payload)["Records"]]
        assert {record["attributes"]["ApproximateReceiveCount"] for record in records} == {"1"}


async def test_a_store_that_fails_for_a_while_is_told_again_what_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig(tmp_path, "patient") as house:
        settle_, tries = house.queues.settle, list[int]()

        async def sometimes(*args: Any) -> Any:
            tries.append(1)
            if len(tries) < 4:
                raise JournalError("the disk is full")
            return await settle_(*args)

        monkeypatch.setattr(house.queues, "settle", sometimes)
        await house.send("patient", "a")
        await house.left("patient", 0)
        assert (house.seen, len(tries)) == ([["a"]], 4)


async def test_a_stop_gives_back_what_was_never_handed_on(tmp_path: Path) -> None:
    def answer(_: Envelope) -> Outcome:
        raise TooManyRequests("ConcurrentInvocationLimitExceeded")

    async with rig(tmp_path, "patient", answer=answer) as house:
        await house.send("patient", "a")
        await house.drive(lambda: house.seen)
    async with rig(tmp_path, "patient") as house:
        await house.drive(lambda: house.seen)
        assert json.loads(house.outlet.invoked[0].payload)["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1"


async def test_a_window_gathers_a_batch(tmp_path: Path) -> None:
    async with rig(tmp_path, batch_size=100, batch_window=5) as house:
        await house.send("jobs", "a")
        await house.drive(lambda: house.clock.sleepers > 0)
        await house.send("jobs", "b", "c")
        await house.drive(lambda: house.seen)
        assert house.seen == [["a", "b", "c"]]


class Held(MemoryOutlet):
    """Runs until the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.ended: list[str] = []

    async def invoke(self, envelope: Envelope) -> Outcome:
        await super().invoke(envelope)
        await self.gate.wait()
        self.ended += bodies(envelope)
        return OK


async def test_a_queue_that_goes_while_a_window_is_open_cuts_nothing_short(tmp_path: Path) -> None:
    """A reload takes queue and trigger out in one turn: what runs goes on, and what is in hand is handed on."""
    outlet = Held()
    async with rig(tmp_path, "patient", outlet=outlet, batch_size=100, batch_window=5) as house:
        await house.send("patient", "a")
        await house.drive(lambda: house.seen == [["a"]])
        await house.send("patient", "b")
        await house.drive(lambda: house.clock.sleepers > 0)
        await house.written()
        house.queues.adopt({})
        house.stop.set()
        await house.written()
        outlet.gate.set()
    assert outlet.ended == ["a", "b"]


async def test_unwanted_messages_are_deleted(tmp_path: Path) -> None:
    from router.events.filters import Filters

    wanted = Filters.of([{"body": {"kind": ["good"]}}], "body")
    async with rig(tmp_path, filters=wanted, before=lambda it: it.send("jobs", '{"kind": "good"}', '{"kind": "bad"}', "plain")) as house:
        await house.left("jobs", 0)
        assert house.seen == [['{"kind": "good"}']]
        assert (await house.queues.count("dead")).messages == 0


async def test_no_more_batches_than_allowed_at_once(tmp_path: Path) -> None:
    class Slow(MemoryOutlet):
        running = most = 0

        async def invoke(self, envelope: Envelope) -> Outcome:
            self.running += 1
            self.most = max(self.most, self.running)
            for turn in range(3000):
                if turn >= 30 and self.most >= 3:  # all that may run do, and one more had the time to begin
                    break
                await asyncio.to_thread(bool)
            self.running -= 1
            return await super().invoke(envelope)

    outlet = Slow()
    numbers = [str(n) for n in range(30)]
    sending = {"before": lambda it: it.send("patient", *numbers)}
    async with rig(tmp_path, "patient", outlet=outlet, batch_size=1, maximum_concurrency=3, **sending) as house:
        await house.left("patient", 0)
        assert sorted(text for batch in house.seen for text in batch) == sorted(numbers)
        assert outlet.most == 3


async def test_a_function_that_is_switched_off_receives_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path, reserved=0) as house:
        await house.send("jobs", "a")
        await house.clock.advance(60)
        assert house.seen == []
        assert (await house.queues.count("jobs")).visible == 1


async def test_groups_keep_their_order_one_batch_at_a_time_whatever_fails(tmp_path: Path) -> None:
    class Grouped(MemoryOutlet):
        def __init__(self) -> None:
            super().__init__()
            self.done: dict[str, list[str]] = defaultdict(list)
            self.running: set[str] = set()

        async def invoke(self, envelope: Envelope) -> Outcome:
            records = json.loads(envelope.payload)["Records"]
            groups = {record["attributes"]["MessageGroupId"] for record in records}
            assert not groups & self.running, "two batches of one group at once"
            self.running |= groups
            await super().invoke(envelope)
            await asyncio.to_thread(bool)
            self.running -= groups
            if len(self.invoked) % 3 == 0:
                return FAILED
            for record in records:
                self.done[record["attributes"]["MessageGroupId"]].append(record["body"])
            return OK

    async def before(it: Rig) -> None:
        for number in range(12):
            for group in "xyz":
                await it.send("line.fifo", str(number), group=group)

    outlet = Grouped()
    async with rig(tmp_path, "line.fifo", outlet=outlet, batch_size=4, before=before) as house:
        await house.left("line.fifo", 0)
    firsts = {group: list(dict.fromkeys(bodies)) for group, bodies in outlet.done.items()}  # a busy disk lets holds lapse in virtual time
    assert firsts == {group: [str(n) for n in range(12)] for group in "xyz"}


async def test_a_partial_failure_of_a_fifo_batch_as_recorded(tmp_path: Path) -> None:
    """What AWS delivered after each response, and how often each message had been received by then."""
    recorded = json.loads((GOLDEN / "sqs_template_fifo_partial_failure.json").read_text())
    invocations = [recorded[name]["Messages"][0]["Body"] for name in ("first_invocation", "second_invocation")]
    tokens: dict[str, str] = {}  # the recording's ids → ours

    def records_of(invocation: Any) -> list[tuple[str, str, str]]:
        told = invocation["event"]["Records"]
        return [
            (json.dumps(r["body"]), r["attributes"]["MessageDeduplicationId"], r["attributes"]["ApproximateReceiveCount"]) for r in told
        ]

    def answer(envelope: Envelope) -> Outcome:
        number = len(house.outlet.invoked) - 1
        if number >= len(invocations):
            return OK
        theirs, ours = invocations[number]["event"]["Records"], json.loads(envelope.payload)["Records"]
        tokens.update({their["messageId"]: our["messageId"] for their, our in zip(theirs, ours, strict=True)})
        assert [our.keys() for our in ours] == [their.keys() for their in theirs]
        assert [our["attributes"].keys() for our in ours] == [their["attributes"].keys() for their in theirs]
        failures = [{"itemIdentifier": tokens[one["itemIdentifier"]]} for one in invocations[number]["result"]["batchItemFailures"]]
        return Outcome(json.dumps({"batchItemFailures": failures}).encode())

    async def before(it: Rig) -> None:
        bodies = [(json.dumps(r["body"]), r["attributes"]) for r in invocations[0]["event"]["Records"]]
        await it.queues.send(
            "line.fifo", [New(body, group=told["MessageGroupId"], deduplication=told["MessageDeduplicationId"]) for body, told in bodies]
        )

    async with rig(tmp_path, "line.fifo", answer=answer, partial=True, before=before) as house:
        await house.left("line.fifo", 0)
        for recorded_one, envelope in zip(invocations, house.outlet.invoked, strict=False):
            told = json.loads(envelope.payload)["Records"]
            ours = [(r["body"], r["attributes"]["MessageDeduplicationId"], r["attributes"]["ApproximateReceiveCount"]) for r in told]
            assert ours == records_of(recorded_one)
        assert len(house.outlet.invoked) == 3
