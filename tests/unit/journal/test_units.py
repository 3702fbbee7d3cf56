"""What is read ahead, against the whole queue; on SQLite in memory."""

from collections.abc import Mapping
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.journal import units
from router.journal.rows import Accepted
from router.journal.sqlite import STEPS
from router.journal.turns import in_turn
from router.journal.units import Look, Read
from router.model import Envelope

NOW = 100.0


def store(counts: Mapping[str, int]) -> apsw.Connection:
    """Events of functions, as many of each as said, due one after the other."""
    connection = apsw.Connection(":memory:")
    for step in STEPS:
        connection.execute(step).fetchall()
    batch = [Accepted(Envelope(name, b"x", "s"), None, 0.0, 0.0) for name, count in counts.items() for _ in range(count)]
    for first, item in enumerate(batch, 1):
        units.append(connection, [item], first=first, now=first / 1000)
    return connection


def lines(counts: Mapping[str, int]) -> dict[str, list[int]]:
    """The ids of each function, in their order."""
    found, last = {}, 0
    for name, count in counts.items():
        found[name] = [*range(last + 1, last + count + 1)]
        last += count
    return found


def ids(read: Read, function: str) -> list[int]:
    return [waiting.delivery.id for waiting in read.found if waiting.delivery.envelope.function == function]


@given(
    counts=st.dictionaries(st.sampled_from("abcde"), st.integers(0, 25)),
    rooms=st.fixed_dictionaries(dict.fromkeys("abcde", st.integers(0, 12))),
    taken=st.sets(st.integers(1, 60)),
    limit=st.integers(1, 12),
    spare=st.integers(0, 20),
)
@settings(max_examples=100, deadline=None)
def test_what_is_read_are_the_first_of_each_and_what_a_lease_would_take(
    counts: dict[str, int], rooms: dict[str, int], taken: set[int], limit: int, spare: int
) -> None:
    queues = lines(counts)
    rooms = {name: rooms[name] for name in counts}
    look = Look(rooms, {name: frozenset(taken & {*queue}) for name, queue in queues.items()}, limit, spare)
    read = units.read_ahead(store(counts), look, now=NOW, wall=0.0)
    left = {name: [number for number in queue if number not in taken] for name, queue in queues.items()}
    for name in read.looked:
        assert ids(read, name) == left[name][: len(ids(read, name))]
        rest = left[name][len(ids(read, name)) :]
        assert not rest or read.earliest[name] <= rest[0] / 1000
        assert rest or read.earliest.get(name, NOW) <= NOW  # at worst it is looked at again
    found = {waiting.delivery.id for waiting in read.found}
    startable = in_turn([left[name][: rooms[name]] for name in counts], limit)
    assert {*startable} <= found
    assert len(found) == min(len(startable) + spare, sum(map(len, left.values())))


@pytest.mark.parametrize("functions", [1, 10])
def test_of_long_queues_no_more_rows_are_looked_at_than_wanted(functions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {f"f{number}": 400 for number in range(functions)}
    connection, looked = store(counts), 0
    ask = units._json

    def counted(on: apsw.Connection, name: str, **params: Any) -> Any:
        nonlocal looked
        answer = ask(on, name, **params)
        looked += len(answer) if name == "due" else 0
        return answer

    monkeypatch.setattr(units, "_json", counted)
    read = units.read_ahead(connection, Look(dict.fromkeys(counts, 50), {}, 50, 150), now=NOW, wall=0.0)
    assert len(read.found) == 200
    assert looked <= 200 + 2 * functions
