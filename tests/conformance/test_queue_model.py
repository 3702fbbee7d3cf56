"""The queues in SQLite against the model: whatever is done, in whatever order, and however often they die, they agree."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule

from router.config.types import Queue, Redrive
from router.errors import RouterError
from router.events.sqs import Message
from router.events.sqs_rules import New, sequence_number
from router.journal.database import Database
from router.queues.moves import Moves
from router.queues.queries import SQL
from router.queues.store import PURGE_EVERY, Queues
from router.queues.units import Sent, Settled, Wanted
from tests.helpers.clock import VirtualClock
from tests.helpers.queue_model import Held, ModelQueues

T = TypeVar("T")
Pair = tuple[Held, int, str, Message]  # of the model, its receive, the queue, of the store

QUEUES = {
    queue.name: queue
    for queue in (
        Queue("a", visibility_timeout=3, redrive=Redrive("dead", 2)),
        Queue("late", visibility_timeout=2, delay=2, retention=60),
        Queue("dead"),
        Queue("f.fifo", fifo=True, visibility_timeout=3, redrive=Redrive("dead.fifo", 2), content_based_deduplication=True),
        Queue("dead.fifo", fifo=True, delay=1, content_based_deduplication=True),
    )
}
FAMILIES = (("a", "dead"), ("late", "a", "dead"), ("f.fifo", "dead.fifo"), ("f.fifo",), tuple(QUEUES))
places = st.integers(0, 11)  # which of a family's queues
bodies = st.one_of(st.sampled_from(["x", "y"]), st.text('ab\u00e9\U0001f600\t"\\', min_size=1, max_size=6))


class Both(RuleBasedStateMachine):
    """Both are told the same and must answer the same."""

    held = Bundle("held")

    @initialize(
        family=st.sampled_from(FAMILIES), first=st.lists(st.tuples(places, bodies, st.sampled_from("ggh")), min_size=4, max_size=12)
    )
    def begin(self, family: tuple[str, ...], first: list[tuple[int, str, str]]) -> None:
        """A few queues at a time, with messages in them: of five empty ones hardly anything is ever received."""
        self.family = family
        self.loop = asyncio.new_event_loop()
        self.home = Path(tempfile.mkdtemp(prefix="queue-model-"))
        self.lives, self.ids = 0, dict[int, str]()
        self.clock = VirtualClock()
        self.latest = self.clock.now()  # that the wall clock has shown: it may be set back
        self.model = ModelQueues(QUEUES)
        self.run(self.open())
        for number, (place, body, group) in enumerate(first):
            self.send(place, body, group, None, str(number))

    def name(self, place: int) -> str:
        return self.family[place % len(self.family)]

    async def open(self) -> None:
        self.database = await Database.open(self.home / f"{self.lives}.db")
        self.queues = await Queues.open(self.database, self.clock, QUEUES, region="eu-west-1", account="123456789012")
        self.moves = Moves(self.queues, self.clock)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @rule(
        place=places,
        body=bodies,
        group=st.sampled_from("gh"),
        delay=st.sampled_from([None, None, 0, 2]),
        key=st.sampled_from(["", "k", "l"]),
    )
    def send(self, place: int, body: str, group: str, delay: int | None, key: str) -> None:
        name = self.name(place)
        message = New(body, group=group, deduplication=key) if QUEUES[name].fifo else New(body, delay=delay)
        (sent,) = self.run(self.queues.send(name, [message]))
        number = self.model.send(name, message)
        assert isinstance(sent, Sent)
        assert self.ids.setdefault(number, sent.message_id) == sent.message_id
        assert sent.sequence == (sequence_number(number) if QUEUES[name].fifo else "")

    @rule(target=held, place=places, most=st.integers(1, 4), visibility=st.sampled_from([3, 1, 0]), holder=st.sampled_from(["", "f"]))
    def receive(self, place: int, most: int, visibility: int, holder: str) -> Any:
        name = self.name(place)
        got = self.run(self.queues.take(name, Wanted(most, visibility, holder)))
        expected = self.model.receive(name, most, visibility, holder)
        assert [(m.body, m.receives, m.group) for m in got.messages] == [(m.body, m.receives, m.lane) for m in expected]
        assert [m.dead_letter_source for m in got.messages] == [self.queues.arn(m.source) if m.source else "" for m in expected]
        self.latest = max(self.latest, self.clock.now())
        assert all(m.first_received <= self.latest * 1000 for m in got.messages)
        return multiple(*((model, model.token, name, message) for model, message in zip(expected, got.messages, strict=True)))

    def settle(self, pair: Pair, item: Settled) -> str:
        (answer,) = self.run(self.queues.settle(pair[2], [item]))
        return type(answer).__name__ if isinstance(answer, RouterError) else ""

    @rule(pair=held)
    def delete(self, pair: Pair) -> None:
        assert self.settle(pair, Settled(pair[3].handle)) == self.model.delete(pair[0], pair[1], pair[2])

    @rule(pair=held, seconds=st.sampled_from([0, 1, 4]))
    def change(self, pair: Pair, seconds: int) -> None:
        assert self.settle(pair, Settled(pair[3].handle, seconds)) == self.model.change(pair[0], pair[1], pair[2], seconds)

    @rule(pair=held)
    def give_back(self, pair: Pair) -> None:
        self.settle(pair, Settled(pair[3].handle, 0, uncounted=True))
        self.model.give_back(pair[0], pair[1], pair[2])

    @rule(seconds=st.sampled_from([1, 1, 2, 61, 301]))
    def pass_time(self, seconds: int) -> None:
        self.run(self.clock.advance(seconds))
        self.model.now += seconds

    @rule(place=places, really=st.sampled_from([False, False, False, True]))
    def purge(self, place: int, really: bool) -> None:
        if not really:  # what is gone cannot be received
            return
        name = self.name(place)
        self.run(self.clock.advance(PURGE_EVERY))
        self.model.now += PURGE_EVERY
        assert self.run(self.queues.purge(name)) == self.model.purge(name)

    @rule(name=st.sampled_from(["dead", "dead.fifo"]), back=st.booleans())
    def redrive(self, name: str, back: bool) -> None:
        destination = "" if back else {"dead": "late", "dead.fifo": "f.fifo"}[name]
        self.run(self.moves.start(name, destination))
        while self.run(self.moves.step()) is not None:
            pass
        self.model.redrive(name, destination)

    @rule(jump=st.sampled_from([0, 0, -7200, 7200]))
    def die(self, jump: int) -> None:
        """Go on from the files as a killed instance leaves them; the wall clock may have been set meanwhile.

        It did something just before: with a wall clock set back, time stands still from the last change on."""
        self.run(self.queues.transact(lambda it: it.execute(SQL["tally"], ("a", 0, 0, 0, self.queues.time(), 0)), lambda _: None))
        old, self.lives, self.latest = self.database, self.lives + 1, max(self.latest, self.clock.now())
        for end in ("", "-wal"):
            shutil.copy(f"{old.path}{end}", self.home / f"{self.lives}.db{end}")
        self.run(old.close())
        self.clock.jump(min(jump, 0))
        self.run(self.open())
        self.model.die()

    @rule()
    def count(self) -> None:
        counts = {name: self.run(self.queues.count(name)) for name in QUEUES}
        assert {name: (count.messages, count.in_flight) for name, count in counts.items()} == self.model.counts()

    def teardown(self) -> None:
        if hasattr(self, "queues"):
            self.count()
            self.run(self.database.close())
            self.run(self.loop.shutdown_default_executor())
            self.loop.close()
            shutil.rmtree(self.home)


TestQueues = Both.TestCase
TestQueues.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
