"""Events read ahead: against a queue that is one sorted list."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.journal import ahead as module
from router.journal.ahead import AHEAD, Ahead, Due, Waiting, shares, within
from router.journal.base import always
from router.journal.turns import in_turn
from router.model import Delivery, Envelope
from tests.helpers.slots import lane

functions = st.sampled_from("abc")
sizes = st.integers(0, 30)


def waiting(number: int, due: float, function: str = "f", size: int = 1) -> Waiting:
    return Waiting(due, Delivery(number, Envelope(function, b"x" * size, "s"), 1, 0, 0.0))


@dataclass
class Queue:
    """A store as Ahead sees it: who waits, in which order; and how it is read."""

    ahead: Ahead = field(default_factory=lambda: Ahead({}))
    rows: dict[int, Waiting] = field(default_factory=dict)  # all that is due
    out: dict[int, Waiting] = field(default_factory=dict)
    last: int = 0
    now: float = 0.0

    def line(self, function: str) -> list[Waiting]:
        mine = [row for row in self.rows.values() if row.delivery.envelope.function == function]
        return sorted(mine, key=lambda row: (row.due, row.delivery.id))

    def append(self, function: str, *, told: bool = True) -> Waiting:
        self.last += 1
        row = self.rows[self.last] = waiting(self.last, self.now, function)
        if told:
            self.ahead.accept(row)
        return row

    def read(self, rooms: dict[str, int], limit: int, meanwhile: Any = None) -> None:
        """One reading; *meanwhile* happens between the store's answer and its arrival."""
        taken = {name: self.ahead.taken(name) for name in rooms}
        spare = self.ahead.spare()
        assumed = self.ahead.look(rooms)
        lines = {name: [Due(r.delivery.id, r.due, 1) for r in self.line(name) if r.delivery.id not in taken[name]] for name in rooms}
        chosen = shares(lines, rooms, limit, spare)
        found = [self.rows[due.id] for due in chosen]
        rest = {name: [due.due for due in line if due not in set(chosen)] for name, line in lines.items()}
        if meanwhile is not None:
            meanwhile()
        assert assumed.keys() <= rooms.keys()
        self.ahead.read(found, {name: dues[0] for name, dues in rest.items() if dues})

    def lease(self, limit: int, rooms: dict[str, int], shared: int = 100) -> list[int]:
        """As Leasing does it, and held against what the whole queue says. *shared*: what a and b may take of it together."""
        ready = {name: rooms[name] for name in self.ahead.ready(self.now, "") if rooms[name]}
        if any(self.ahead.more(name, self.now) for name in ready):
            self.read(ready, limit)
        best = in_turn([self.line(name)[:room] for name, room in sorted(rooms.items())], limit)
        may = lane(shared)
        best = [row for row in best if may(row.delivery.envelope.function)]
        taken = [delivery.id for delivery in self.ahead.hand_out(ready, limit, lane(shared))]
        assert taken == [row.delivery.id for row in best]
        for number in taken:
            self.out[number] = self.rows.pop(number)
        return taken

    def put_back(self, number: int) -> None:
        row = self.out.pop(number)
        self.rows[number] = row._replace(due=self.now)
        self.ahead.settled(row.delivery)
        self.ahead.expect(row.delivery.envelope.function, self.now, number)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), functions, st.booleans()),
        st.tuples(
            st.just("lease"),
            st.integers(1, 5),
            st.tuples(st.fixed_dictionaries(dict.fromkeys("abc", st.integers(0, 4))), st.integers(1, 5)),
        ),
        st.tuples(st.just("back"), st.integers(0, 50), st.none()),
        st.tuples(st.just("done"), st.integers(0, 50), st.none()),
        st.tuples(st.just("pass"), st.none(), st.none()),
        st.tuples(st.just("race"), functions, st.tuples(st.sampled_from(["append", "back", "done"]), functions, st.booleans())),
    ),
    max_size=60,
)


AGAIN = ("race", "a", ("append", "a", False))


@given(steps=steps, spare=st.sampled_from([1, 2, 4, AHEAD]))
@example(steps=[("append", "a", False), AGAIN, AGAIN], spare=1)  # the second reading has what belongs behind what came during the first
@settings(max_examples=150, deadline=None)
def test_what_is_handed_out_is_what_the_whole_queue_would_give(steps: list[tuple[str, Any, Any]], spare: int) -> None:
    """Whatever comes, goes and comes back, also while the store is read; with little room ahead and with much."""
    before, module.AHEAD = module.AHEAD, spare  # type: ignore[misc]
    try:
        queue = Queue()
        for step, one, other in steps:
            _do(queue, step, one, other)
        while queue.lease(3, dict.fromkeys("abc", 5)):
            pass
        assert not queue.rows
        assert (queue.ahead.count, queue.ahead.bytes) == (0, 0)
    finally:
        module.AHEAD = before  # type: ignore[misc]


def _do(queue: Queue, step: str, one: Any, other: Any) -> None:
    if step == "append":
        row = queue.append(one, told=other)
        if not other:  # known of as a redriven one is
            queue.ahead.expect(one, row.due)
    elif step == "lease":
        queue.lease(one, *other)
    elif step == "back" and queue.out:
        queue.put_back(_held(queue, one))
    elif step == "done" and queue.out:
        queue.ahead.settled(queue.out.pop(_held(queue, one)).delivery)
    elif step == "pass":
        queue.now += 1
    elif step == "race":
        queue.read({one: 2}, 2, lambda: _do(queue, *other))


def _held(queue: Queue, which: Any) -> int:
    """One of those that are out: by number, or the first of a function's."""
    out = sorted(queue.out)
    if isinstance(which, int):
        return out[which % len(out)]
    return next((number for number in out if queue.out[number].delivery.envelope.function == which), out[0])


def test_of_a_long_queue_a_bounded_part_is_held() -> None:
    queue = Queue()
    for _ in range(3 * AHEAD):
        queue.append("a")
    assert queue.ahead.count == AHEAD
    queue.lease(5, {"a": 5, "b": 0, "c": 0})
    assert queue.ahead.count <= AHEAD


def test_what_was_handed_out_is_not_read_again_before_it_is_settled() -> None:
    ahead = Ahead({"f": 0.0})
    ahead.look(["f"])
    ahead.read([waiting(1, 0.0)], {})
    (delivery,) = ahead.hand_out({"f": 1}, 1, always)
    assert ahead.taken("f") == {1}
    ahead.settled(delivery)
    assert ahead.taken("f") == frozenset()


def test_what_was_due_before_what_is_ahead_comes_before_it_however_late_its_commit_was() -> None:
    ahead = Ahead({"f": 0.0})
    ahead.look(["f"])
    ahead.read([waiting(1, 5.0)], {})
    ahead.accept(waiting(2, 4.0))
    assert (ahead.holds("f"), ahead.more("f", 5.0), ahead.taken("f")) == (0, True, frozenset()), "both are read anew, in order"


@given(found=st.lists(sizes, max_size=20), limit=st.integers(0, 60))
def test_what_fits_is_a_head_of_the_list_and_never_empty(found: list[int], limit: int) -> None:
    fitting = within([(size, size) for size in found], limit)
    assert fitting == found[: len(fitting)]
    assert len(fitting) >= min(1, len(found))
    assert len(fitting) <= 1 or sum(fitting) <= limit
    assert len(fitting) == len(found) or sum(found[: len(fitting) + 1]) > limit


@given(
    lines=st.dictionaries(functions, st.lists(sizes, max_size=8)),
    rooms=st.fixed_dictionaries(dict.fromkeys("abc", st.integers(0, 5))),
    limit=st.integers(0, 9),
    spare=st.integers(0, 9),
)
def test_shares_are_heads_of_their_lines(lines: dict[str, list[int]], rooms: dict[str, int], limit: int, spare: int) -> None:
    numbered = {name: [Due(ord(name) * 100 + n, float(n), size) for n, size in enumerate(line)] for name, line in lines.items()}
    chosen = shares(numbered, rooms, limit, spare)
    assert len(chosen) <= limit + spare
    assert len(set(chosen)) == len(chosen)
    leased = in_turn([line[: rooms[name]] for name, line in numbered.items()], limit)
    assert chosen[: len(leased)] == leased
    mine: dict[str, list[Due]] = defaultdict(list)
    for due in chosen:
        mine[chr(due.id // 100)].append(due)
    for name, line in mine.items():
        assert line == numbered[name][: len(line)]
