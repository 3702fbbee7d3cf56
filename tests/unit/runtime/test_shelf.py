"""Which idle environment is next."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Function
from router.runtime.capacity import Idle
from router.runtime.lifecycle import Initialization, State
from router.runtime.shelf import Shelf

F = Function("f", Path("/f"), "a.b", provisioned_concurrency=1)
G = Function("g", Path("/f"), "a.b", memory=256)


@dataclass(eq=False)
class Resting:
    """What the shelf looks at."""

    function: Function
    initialization: Initialization = Initialization.ON_DEMAND
    state: State = State.READY


def shelf(*environments: Resting) -> Any:
    made = Shelf()
    for at, environment in enumerate(environments):
        made.put(cast("Any", environment), float(at))
    return made


def test_the_most_recently_used_of_the_function() -> None:
    one, two, other = Resting(G), Resting(G), Resting(F)
    made = shelf(one, two, other)
    assert [made.take(G), made.take(G), made.take(G)] == [two, one, None]
    assert (one in made, other in made) == (False, True)


def test_an_initialised_one_before_one_that_is_not() -> None:
    one, two = Resting(G), Resting(G, state=State.BROKEN)
    made = shelf(one, two)
    assert [made.take(G), made.take(G)] == [one, two]


def test_a_provisioned_one_before_any_other_and_never_evicted() -> None:
    one, two = Resting(F, Initialization.PROVISIONED), Resting(F)
    made = shelf(one, two)
    assert list(made.evictable()) == [Idle(two, 128, only=True)]
    assert made.expired(9.0) == [two]
    assert [made.take(F), made.take(F)] == [one, two]


def test_order_of_eviction_and_expiry() -> None:
    one, two = Resting(F), Resting(G)
    made = shelf(one, two)
    assert list(made.evictable()) == [Idle(one, 128, only=True), Idle(two, 256, only=True)]
    assert (made.expired(-1.0), made.expired(0.0), made.expired(1.0)) == ([], [one], [one, two])
    assert made.oldest(7.0) == 0.0
    assert shelf().oldest(7.0) == 7.0


@given(st.lists(st.tuples(st.sampled_from([F, G]), st.sampled_from(list(Initialization)), st.booleans()), max_size=12))
def test_all_that_is_put_is_taken_once(kinds: list[tuple[Function, Initialization, bool]]) -> None:
    idle = [Resting(function, kind, State.READY if ready else State.BROKEN) for function, kind, ready in kinds]
    made = shelf(*idle)
    taken = [one for function in (F, G) for _ in idle if (one := made.take(function)) is not None]
    assert sorted(map(id, taken)) == sorted(map(id, idle))
    assert not list(made.evictable())
