"""How many may start at once."""

from hypothesis import given
from hypothesis import strategies as st

from router.runtime.ramp import DOUBLINGS, Ramp


def admitted(ramp: Ramp) -> list[int]:
    """Starts that may begin now, and do."""
    tickets = []
    while not ramp.full:
        tickets.append(ramp.begin())
    return tickets


def test_a_few_at_once_and_then_the_next_few() -> None:
    ramp = Ramp(4)
    tickets = admitted(ramp)
    assert len(tickets) == 4
    for ticket in tickets[:3]:
        ramp.end(ticket)
    assert len(admitted(ramp)) == 3


def test_those_that_take_long_hold_nobody_up() -> None:
    """A hundred that all wait for something have started after five looks."""
    ramp, started = Ramp(4), []
    for _ in range(5):
        started.append(len(admitted(ramp)))
        ramp.stalled()
    assert started == [4, 8, 16, 32, 64]


def test_what_moves_again_begins_with_a_few_again() -> None:
    ramp = Ramp(4)
    slow = admitted(ramp)
    ramp.stalled()
    quick = admitted(ramp)
    assert (len(slow), len(quick)) == (4, 8)
    for ticket in quick:
        ramp.end(ticket)
    assert len(admitted(ramp)) == 4
    for ticket in slow:
        ramp.end(ticket)  # they have not counted for long
    assert ramp.full


@given(few=st.integers(1, 64), steps=st.lists(st.sampled_from(["begin", "end", "stall", "move"]), max_size=200))
def test_whatever_happens_the_count_is_of_those_that_count(few: int, steps: list[str]) -> None:
    ramp, counted, written_off = Ramp(few), list[int](), list[int]()
    for step in steps:
        if step == "begin" and not ramp.full:
            counted.append(ramp.begin())
        elif step == "end" and (written_off or counted):
            ramp.end((written_off or counted).pop())
        elif step == "stall":
            ramp.stalled()
            written_off, counted = written_off + counted, []
        elif step == "move":
            ramp.move()
        assert ramp._starting == len(counted)
        assert ramp._doublings <= DOUBLINGS
    ramp.stalled()
    assert not ramp.full
