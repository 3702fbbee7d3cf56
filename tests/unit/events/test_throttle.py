"""A token bucket never lets more pass than its rate and its burst say, and never less than it could."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.throttle import TokenBucket, retry_after

STEPS = st.lists(st.integers(0, 4000), min_size=1, max_size=200)  # milliseconds between requests


def test_a_burst_and_then_the_rate() -> None:
    bucket = TokenBucket(2, 3, 100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.take(100.4) == pytest.approx(0.1)
    assert bucket.take(100.5) == 0
    assert bucket.take(100.5) == 0.5


def test_it_is_never_fuller_than_its_burst() -> None:
    bucket = TokenBucket(1000, 2, 0.0)
    assert [bucket.take(1e6) for _ in range(3)] == [0, 0, 0.001]


def test_time_that_runs_backwards_stands_still() -> None:
    bucket = TokenBucket(1, 1, 10.0)
    assert bucket.take(10.0) == 0
    assert bucket.take(5.0) == 1
    assert bucket.take(11.0) == 0


@given(rate=st.integers(1, 50), burst=st.integers(1, 20), steps=STEPS)
def test_no_window_sees_more_than_burst_and_rate(rate: int, burst: int, steps: list[int]) -> None:
    bucket, now, passed = TokenBucket(rate, burst, 0.0), 0, []
    for step in steps:
        now += step
        if bucket.take(now / 1000) == 0:
            passed.append(now)
    for first, begin in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + rate * (passed[last] - begin) / 1000 + 1e-6


@given(rate=st.integers(1, 50), burst=st.integers(1, 20), steps=STEPS)
def test_it_does_what_exact_arithmetic_does(rate: int, burst: int, steps: list[int]) -> None:
    """The oracle counts in fractions; where it has a whole token but for a rounding error, either answer is right."""
    bucket, now, tokens = TokenBucket(rate, burst, 0.0), 0, Fraction(burst)
    for step in steps:
        now += step
        tokens = min(Fraction(burst), tokens + Fraction(step * rate, 1000))
        wait = bucket.take(now / 1000)
        if abs(tokens - 1) < Fraction(1, 10**6):
            tokens = tokens - 1 if wait == 0 else tokens
            continue
        assert (wait == 0) == (tokens >= 1)
        if wait:
            assert wait == pytest.approx(float((1 - tokens) / rate), abs=1e-6)
        else:
            tokens -= 1


@given(rate=st.floats(0.001, 1e6), burst=st.integers(1, 100), late=st.floats(0, 1e6))
def test_who_waits_as_told_passes(rate: float, burst: int, late: float) -> None:
    bucket = TokenBucket(rate, burst, late)
    for _ in range(burst):
        assert bucket.take(late) == 0
    wait = bucket.take(late)
    assert 0 < wait <= 1 / rate
    assert bucket.take(late + wait * (1 + 1e-9) + 1e-6) == 0


@pytest.mark.parametrize(("wait", "header"), [(0.001, 1), (1.0, 1), (1.2, 2), (59.5, 60)])
def test_a_retry_after_is_whole_seconds(wait: float, header: int) -> None:
    assert retry_after(wait) == header
    assert math.ceil(wait) <= header
