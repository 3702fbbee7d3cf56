"""Retry decisions of an Event invocation."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Function
from router.dispatch import policy
from router.dispatch.policy import Bury, Release, Retry
from router.model import State


def function(**over: object) -> Function:
    return Function(**{"name": "f", "code": Path("/code"), "handler": "app.handler", **over})  # type: ignore[arg-type]


def test_two_retries_after_one_and_two_minutes_then_a_dead_letter() -> None:
    assert policy.after_failure(function(), age=1, failures=1) == Retry(60)
    assert policy.after_failure(function(), age=61, failures=2) == Retry(120)
    assert policy.after_failure(function(), age=181, failures=3) == Bury(State.DEAD, "RetriesExhausted")


def test_no_retries_when_the_setting_is_zero() -> None:
    assert policy.after_failure(function(maximum_retry_attempts=0), age=0, failures=1) == Bury(State.DEAD, "RetriesExhausted")


def test_a_retry_that_would_start_past_the_age_is_not_made() -> None:
    """Recorded on AWS: a maximum age of 60 s gives one attempt."""
    assert policy.after_failure(function(maximum_event_age=60), age=0.1, failures=1) == Bury(State.EXPIRED, "EventAgeExceeded")
    assert policy.after_failure(function(maximum_event_age=62), age=1, failures=1) == Retry(60)


def test_reserved_zero_buries_without_an_attempt() -> None:
    assert policy.before_attempt(function(reserved_concurrency=0), age=0, failures=0) == Bury(State.DEAD, "ZeroReservedConcurrency")


def test_the_age_is_checked_before_the_first_attempt_too() -> None:
    assert policy.before_attempt(function(), age=21601, failures=0) == Bury(State.EXPIRED, "EventAgeExceeded")
    assert policy.before_attempt(function(), age=21599, failures=0) is None


def test_who_is_exactly_as_old_as_an_event_may_be_is_not_too_old() -> None:
    subject = function(maximum_event_age=120)
    assert policy.before_attempt(subject, age=120, failures=0) is None
    assert policy.after_failure(subject, age=60, failures=1) == Retry(60)


def test_a_lowered_setting_holds_for_events_that_wait_for_a_retry() -> None:
    assert policy.before_attempt(function(maximum_retry_attempts=0), age=9, failures=1) == Bury(State.DEAD, "RetriesExhausted")


def test_throttles_back_off_from_one_second_to_five_minutes() -> None:
    assert [policy.backoff(n) for n in (1, 2, 3, 9, 10, 10_000)] == [1, 2, 4, 256, 300, 300]


@given(deaths=st.integers(1, 20), failures=st.integers(0, 2))
def test_a_spawner_may_die_three_times_in_a_row_at_no_cost(deaths: int, failures: int) -> None:
    verdict = policy.after_spawner_death(function(), age=0, failures=failures, deaths=deaths)
    if deaths <= 3:
        assert verdict == Release(policy.backoff(deaths), "the spawner died and took the execution environment with it")
    else:
        assert verdict == policy.after_failure(function(), age=0, failures=failures + 1)


@given(retries=st.integers(0, 2), age=st.floats(0, 30000), maximum_age=st.floats(60, 21600))
def test_every_event_ends(retries: int, age: float, maximum_age: float) -> None:
    """However old it is and whatever the settings, failing for ever ends in a terminal state within three attempts."""
    subject = function(maximum_retry_attempts=retries, maximum_event_age=maximum_age)
    for failures in range(1, 4):
        verdict = policy.after_failure(subject, age=age, failures=failures)
        if isinstance(verdict, Bury):
            assert verdict.state in {State.DEAD, State.EXPIRED}
            assert failures <= retries + 1
            return
        assert age + verdict.delay <= maximum_age
        age += verdict.delay
    raise AssertionError("never ended")
