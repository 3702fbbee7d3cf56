"""Shares of slots that several functions have in common."""

from hypothesis import example, given
from hypothesis import strategies as st

from router.dispatch.fairness import HEADROOM, NOTED, RECENT, About, room

COUNT = st.integers(0, 200)


@given(capacity=COUNT, running=st.lists(st.integers(0, 50), min_size=1, max_size=20))
def test_nobody_gets_what_is_not_there_and_who_is_alone_gets_all(capacity: int, running: list[int]) -> None:
    free = max(0, capacity - sum(running))
    for one in running:
        assert 0 <= room(free, one, capacity=capacity, about=len(running)) <= free
        assert room(free, one, capacity=capacity, about=1) == free


@given(capacity=st.integers(HEADROOM, 200), about=st.integers(2, 50))
def test_however_one_floods_another_finds_a_slot(capacity: int, about: int) -> None:
    running = 0
    while room(capacity - running, running, capacity=capacity, about=about) > 0:
        running += 1
    assert capacity - running == capacity // HEADROOM or running <= max(1, capacity // about)
    assert room(capacity - running, 0, capacity=capacity, about=about) > 0


def test_an_equal_share_of_slots_that_are_too_few_is_one() -> None:
    """Who runs one already leaves those that are kept to who runs none."""
    assert room(1, 0, capacity=HEADROOM, about=HEADROOM + 1) == 1
    assert room(1, 1, capacity=HEADROOM, about=HEADROOM + 1) == 0


@given(capacity=st.integers(0, HEADROOM - 1), running=st.integers(0, 8), about=st.integers(2, 9))
def test_of_a_few_slots_none_is_kept(capacity: int, running: int, about: int) -> None:
    free = max(0, capacity - running)
    assert room(free, running, capacity=capacity, about=about) == free


@given(asked=st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 50)), min_size=1))
@example(asked=[("a", 0.0), ("a", 0.5), ("b", 10.5), ("b", 49.5)])  # what was asked within a second of the last note is not noted
@example(asked=[("a", 0.0), ("b", 59.5), ("b", 0.75)])  # nor is anybody forgotten then
def test_who_asked_of_late_is_about(asked: list[tuple[str, float]]) -> None:
    """Whoever asks again within a second is not noted again, and then nobody is forgotten."""
    about, now, count, noted = About(), 0.0, 0, dict[str, float]()
    for function, pause in asked:
        now += pause
        if function not in noted or now - noted[function] >= NOTED:
            noted[function] = now
            count = sum(at >= now - RECENT for at in noted.values())
        assert about.count(function, now) == count
