"""As few requests are under way as keep the loop busy; none is held up where it is not."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from router.web.crowd import LEAST, MOST, SPAN, Crowd


def aged(crowd: Crowd, shares: list[float], *, pressed: bool = True) -> list[float]:
    """The bound after each generation, in which the loop's thread had that share of the time."""
    now = spent = 0.0
    crowd.watch(now, spent)
    bounds = []
    for share in shares:
        crowd.pressed = pressed
        now, spent = now + SPAN, spent + share * SPAN
        crowd.age(now, spent)
        bounds.append(crowd.bound)
    return bounds


def test_nothing_is_bounded_before_somebody_waits() -> None:
    crowd = Crowd()
    assert [crowd.enter() for _ in range(1000)] == [0] * 1000
    assert (crowd.young, crowd.bound) == (1000, inf)


def test_a_loop_without_time_to_spare_has_fewer_and_fewer_under_way() -> None:
    crowd = Crowd()
    for _ in range(32):
        crowd.enter()
    bounds = aged(crowd, [1.0] * 20)
    assert bounds[0] == 28
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[-1] == LEAST


def test_a_loop_that_keeps_having_time_to_spare_has_twice_as_many_each_time_until_nobody_is_held_up() -> None:
    crowd = Crowd()
    crowd.enter()
    *bounds, last = aged(crowd, [1.0, 0.5, 0.5, 0.5, 0.99])
    assert bounds == [LEAST, LEAST * 8 // 7 + 1, 2 * bounds[1], 4 * bounds[1]]
    assert last == LEAST, "of what is under way, which is less than the bound"
    assert aged(crowd, [0.1] * 20)[-1] == inf


def test_a_loop_that_was_idle_once_has_a_few_more_and_soon_as_many_as_before() -> None:
    crowd = Crowd()
    for _ in range(100):
        crowd.enter()
    assert aged(crowd, [1.0, 0.2, 1.0, 0.2, 1.0, 0.2]) == [87, 100, LEAST, LEAST * 8 // 7 + 1, LEAST, LEAST * 8 // 7 + 1]


def test_time_to_spare_before_anybody_waited_is_forgotten() -> None:
    crowd = Crowd()
    crowd.enter()
    assert aged(crowd, [1.0, 0.5]) == [LEAST, LEAST * 8 // 7 + 1]
    assert aged(crowd, [0.5]) == [(LEAST * 8 // 7 + 1) * 8 // 7 + 1]


def test_a_generation_in_which_nobody_waited_is_the_last_with_a_bound() -> None:
    crowd = Crowd()
    crowd.enter()
    assert aged(crowd, [1.0]) == [LEAST]
    assert aged(crowd, [1.0], pressed=False) == [inf]


def test_who_runs_for_two_generations_counts_no_more() -> None:
    crowd = Crowd()
    first = crowd.enter()
    aged(crowd, [1.0])
    second = crowd.enter()
    assert crowd.young == 2
    aged(crowd, [1.0])
    assert crowd.young == 1
    crowd.leave(first)
    assert crowd.young == 1, "it was not counted"
    crowd.leave(second)
    assert crowd.young == 0


@given(st.lists(st.one_of(st.just("enter"), st.integers(0, 5), st.floats(0, 1)), max_size=60))
def test_young_are_those_of_two_generations_that_have_not_ended(steps: list[str | int | float]) -> None:
    crowd, under_way = Crowd(), list[int]()
    for step in steps:
        if step == "enter":
            under_way.append(crowd.enter())
        elif isinstance(step, float):
            aged(crowd, [step])
        elif under_way:
            crowd.leave(under_way.pop(int(step) % len(under_way)))
        assert crowd.young == sum(generation >= crowd.generation - 1 for generation in under_way)
        assert crowd.bound == inf or LEAST <= crowd.bound <= 2 * MOST
