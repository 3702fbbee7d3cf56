"""Decisions about a stream's batch."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from router.events.stream_batches import EXHAUSTED, TOO_OLD, Rules, Span, Step, failed, fresh, succeeded


def test_a_failed_batch_is_tried_again_as_often_as_allowed() -> None:
    rules = Rules(retries=2)
    assert failed(Span(0, 4), rules) == Step((Span(0, 4, 1),))
    assert failed(Span(0, 4, 1), rules) == Step((Span(0, 4, 2),))
    assert failed(Span(0, 4, 2), rules) == Step((), 4, Span(0, 4, 3), EXHAUSTED)
    assert failed(Span(0, 4, 10_000), Rules()).again == (Span(0, 4, 10_001),)


def test_a_bisected_batch_costs_no_attempt() -> None:
    rules = Rules(bisect=True, retries=0)
    assert failed(Span(0, 5), rules) == Step((Span(0, 3), Span(3, 5)), 0)
    assert failed(Span(3, 4), rules) == Step((), 4, Span(3, 4, 1), EXHAUSTED)


def test_a_partial_response_says_where_to_go_on() -> None:
    rules = Rules(bisect=True, retries=1, partial=True)
    assert failed(Span(0, 5), rules, resume=2) == Step((Span(2, 5, 1),), 2)
    assert failed(Span(2, 5, 1), rules, resume=2) == Step((Span(2, 4, 1), Span(4, 5, 1)), 2)
    assert failed(Span(2, 3, 1), rules, resume=2) == Step((), 3, Span(2, 3, 2), EXHAUSTED)
    assert failed(Span(0, 2), Rules(retries=0), resume=1) == Step((), 2, Span(1, 2, 1), EXHAUSTED)


def test_old_records_are_given_up_before_an_attempt() -> None:
    rules = Rules(age=60)
    arrivals = [0.0, 10.0, 100.0]
    assert fresh(Span(0, 3), arrivals, now=60, rules=rules) == Step((Span(0, 3),))
    assert fresh(Span(0, 3), arrivals, now=71, rules=rules) == Step((Span(2, 3),), 2, Span(0, 2), TOO_OLD)
    assert fresh(Span(0, 3), arrivals, now=1e9, rules=rules) == Step((), 3, Span(0, 3), TOO_OLD)
    assert fresh(Span(0, 3), arrivals, now=1e9, rules=Rules()) == Step((Span(0, 3),))


@given(size=st.integers(1, 60), poison=st.sets(st.integers(0, 59)), bisect=st.booleans(), retries=st.integers(0, 3), partial=st.booleans())
def test_every_record_ends_once_and_in_order(size: int, poison: set[int], bisect: bool, retries: int, partial: bool) -> None:
    """With bisect or partial responses exactly the poison ones are given up; without, batches that hold one."""
    rules = Rules(bisect=bisect, retries=retries, partial=partial)
    work, took, lost, runs = [Span(0, size)], [], [], Counter()
    done = 0
    while work:
        span, *work = work
        assert span.first == done, "something was left out or overtaken"
        bad = [place for place in range(span.first, span.end) if place in poison]
        runs.update([span.first])
        step = succeeded(span) if not bad else failed(span, rules, resume=bad[0] if partial else None)
        until = step.given_up.first if step.given_up else step.done
        took += range(done, until)
        if step.given_up:
            lost += range(step.given_up.first, step.given_up.end)
        work = [*step.again, *work]
        done = step.done
        assert done == (work[0].first if work else size)
    assert sorted(took + lost) == list(range(size))
    assert took == sorted(took)
    assert poison & set(range(size)) <= set(lost)
    if bisect:
        assert set(lost) == poison & set(range(size)) or partial
    if bisect and not partial:
        assert set(lost) == poison & set(range(size))
