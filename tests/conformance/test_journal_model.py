"""The journal in SQLite against the model: whatever is done, in whatever order, and however often it dies, they agree."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from router.errors import RouterError
from router.journal.base import EventRow, Journal, Query
from router.journal.database import Database
from router.journal.memory import MemoryJournal
from router.journal.sqlite import SqliteJournal
from router.model import Delivery, Envelope, State
from tests.helpers.clock import VirtualClock
from tests.helpers.slots import lane

T = TypeVar("T")
Held = tuple[Delivery, Delivery]  # of the model, of the journal

functions = st.sampled_from(["a", "b", "c"])
texts = st.one_of(st.just("e"), st.text(st.characters(codec="utf-8"), max_size=20))


class Journals(RuleBasedStateMachine):
    """Both are told the same and must answer the same."""

    held = Bundle("held")
    events = Bundle("events")

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.home = Path(tempfile.mkdtemp(prefix="journal-model-"))
        self.lives = 0
        self.clock = VirtualClock()
        self.model = MemoryJournal(self.clock)
        self.loop.run_until_complete(self.open())

    async def open(self) -> None:
        self.database = await Database.open(self.home / f"{self.lives}.db")
        self.journal = await SqliteJournal.open(self.database, self.clock)

    def both(self, call: Any) -> tuple[Any, Any]:
        """What both answer to *call*; what they raise is an answer too."""

        async def answer(journal: Journal) -> Any:
            try:
                return await call(journal)
            except RouterError as error:
                return type(error)

        return self.run(answer(self.model)), self.run(answer(self.journal))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @rule(
        target=events,
        sent=st.lists(st.tuples(functions, st.sampled_from(["", "x", "y"]), st.sampled_from(["", "1", "2"])), max_size=4),
    )
    def append_all(self, sent: list[tuple[str, str, str]]) -> Any:
        envelopes = [Envelope(function, b"{}", "s", sequencer, shard) for function, shard, sequencer in sent]
        model, journal = self.both(lambda it: it.append_all(envelopes))
        assert model == journal
        return multiple(*(envelope.request_id for envelope, new in zip(envelopes, model, strict=True) if new))

    @rule(
        target=events,
        function=functions,
        source=st.sampled_from(["s", "t"]),
        shard=st.sampled_from(["", "k", "l"]),
        sequencer=st.sampled_from(["", "", "1", "2", "3"]),
        payload=st.binary(max_size=40),
    )
    def append(self, **fields: Any) -> str:
        envelope = Envelope(**fields)
        model, journal = self.both(lambda it: it.append(envelope))
        assert journal == model
        return envelope.request_id

    @rule(event=events)
    def append_the_id_again(self, event: str) -> None:
        model, journal = self.both(lambda it: it.append(Envelope("a", b"", "s", request_id=event)))
        assert journal == model

    @rule(
        target=held, limit=st.integers(1, 6), rooms=st.fixed_dictionaries(dict.fromkeys("abc", st.integers(0, 4))), shared=st.integers(1, 6)
    )
    def lease(self, limit: int, rooms: dict[str, int], shared: int) -> Any:
        """*shared*: slots that a and b have together."""
        model, journal = self.both(lambda it: it.lease(limit, wait=0, room=rooms.__getitem__, take=lane(shared)))
        assert [replace(d, id=0) for d in journal] == [replace(d, id=0) for d in model]
        return multiple(*zip(model, journal, strict=True))

    def settle(self, pair: Held, call: Any) -> None:
        deliveries = {id(self.model): pair[0], id(self.journal): pair[1]}
        model, journal = self.both(lambda it: call(it, deliveries[id(it)]))
        assert journal == model

    @rule(pair=consumes(held))
    def ack(self, pair: Held) -> None:
        self.settle(pair, lambda it, delivery: it.ack(delivery))

    @rule(pair=held, delay=st.integers(0, 3), error=texts)
    def retry(self, pair: Held, delay: int, error: str) -> None:
        self.settle(pair, lambda it, delivery: it.retry(delivery, delay=delay, error=error))

    @rule(pair=held, delay=st.integers(0, 3), reason=st.sampled_from(["", "no room"]))
    def release(self, pair: Held, delay: int, reason: str) -> None:
        self.settle(pair, lambda it, delivery: it.release(delivery, delay=delay, reason=reason))

    @rule(pair=held, state=st.sampled_from([State.DEAD, State.DEAD, State.EXPIRED, State.DISCARDED]), error=texts)
    def bury(self, pair: Held, state: State, error: str) -> None:
        self.settle(pair, lambda it, delivery: it.bury(delivery, state, error=error))

    @rule(event=events)
    def redrive(self, event: str) -> None:
        model, journal = self.both(lambda it: it.redrive([event]))
        assert journal == model

    @rule(target=events, event=events, function=st.sampled_from(["", "c"]), number=st.integers())
    def replay(self, event: str, function: str, number: int) -> str:
        model, journal = self.both(lambda it: it.replay(event, function=function, request_id=f"copy-{number}"))
        assert journal == model
        return f"copy-{number}"

    @rule(seconds=st.integers(0, 4))
    def pass_time(self, seconds: int) -> None:
        self.run(self.clock.advance(seconds))

    @rule(age=st.integers(0, 3), limit=st.integers(0, 5))
    def forget(self, age: int, limit: int) -> None:
        before = self.clock.now() - age
        model, journal = self.both(lambda it: it.forget(before=before, limit=limit))
        assert journal == model

    @rule(event=events)
    def find(self, event: str) -> None:
        model, journal = self.both(lambda it: it.find(event))
        if isinstance(model, type):
            assert journal == model
        else:
            assert (shown(journal.row), journal.payload, journal.attempts) == (shown(model.row), model.payload, model.attempts)

    @rule()
    def die(self) -> None:
        """Go on from the files as a killed instance leaves them."""
        old, self.lives = self.database, self.lives + 1
        for end in ("", "-wal"):
            shutil.copy(f"{old.path}{end}", self.home / f"{self.lives}.db{end}")
        self.run(old.close())
        self.run(self.open())
        self.model._served = ""
        for event in self.model._events.values():
            if event.state is State.RUNNING:
                event.state, event.due = event.waiting(), self.clock.monotonic()

    @invariant()
    def they_agree(self) -> None:
        if hasattr(self, "journal"):
            model, journal = self.both(lambda it: it.list(Query(limit=1000)))
            assert [shown(row) for row in journal] == [shown(row) for row in model]
            model, journal = self.both(lambda it: it.counts())
            assert journal == model

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.run(self.journal.close())
            self.run(self.database.close())
            self.run(self.loop.shutdown_default_executor())
            self.loop.close()
            shutil.rmtree(self.home)


def shown(row: EventRow) -> EventRow:
    return row if row.due is None else replace(row, due=round(row.due, 3))


TestJournals = Journals.TestCase
TestJournals.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
