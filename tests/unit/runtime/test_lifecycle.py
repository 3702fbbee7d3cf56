"""The table of an environment's life."""

import pytest

from router.runtime.lifecycle import NEXT, Event, Initialization, State, init_limit


def test_every_state_can_be_closed_and_nothing_leaves_closed() -> None:
    for state in State:
        assert NEXT[state][Event.CLOSE] is State.CLOSED
    assert set(NEXT[State.CLOSED].values()) == {State.CLOSED}


def test_a_cold_environment_becomes_ready_runs_and_is_ready_again() -> None:
    state = State.COLD
    for event in (Event.START, Event.INITIALISED, Event.INVOKE, Event.ANSWERED):
        state = NEXT[state][event]
    assert state is State.READY


@pytest.mark.parametrize("state", [State.STARTING, State.READY, State.BUSY])
def test_whoever_has_a_process_can_lose_it_and_start_again(state: State) -> None:
    assert NEXT[NEXT[state][Event.DIED]][Event.START] is State.STARTING


def test_no_invocation_reaches_an_environment_that_is_not_ready() -> None:
    assert [state for state in State if Event.INVOKE in NEXT[state]] == [State.READY]


def test_an_init_has_ten_seconds_or_more_where_nobody_waits_for_it() -> None:
    assert [init_limit(Initialization.ON_DEMAND, timeout) for timeout in (3, 900)] == [10, 10]
    assert [init_limit(Initialization.PROVISIONED, timeout) for timeout in (3, 900)] == [130, 900]
