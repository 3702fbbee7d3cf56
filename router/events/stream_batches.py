"""Decisions about a stream's batch after each attempt: what is done, what is tried again and how, what is given up.

Pure. A batch is worked off as spans of its records, always the first span first. Source: Lambda developer guide, "Using Lambda with
Amazon DynamoDB", error handling; there too: splitting a batch consumes no attempt, and a partial response splits where it says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

EXHAUSTED: Final = "RetryAttemptsExhausted"
TOO_OLD: Final = "RecordAgeExceeded"
FOR_EVER: Final = -1


@dataclass(frozen=True, slots=True)
class Rules:
    """What a mapping's settings say of failures."""

    bisect: bool = False
    retries: int = FOR_EVER  # after the first attempt
    age: float = FOR_EVER  # seconds that a record is tried for
    partial: bool = False  # ReportBatchItemFailures


class Span(NamedTuple):
    """Some records of a batch, one after another, by their places in it."""

    first: int
    end: int  # behind the last
    failures: int = 0  # attempts of exactly these that failed


class Step(NamedTuple):
    """What follows an attempt."""

    again: tuple[Span, ...] = ()  # to be tried, in this order, before all that comes behind
    done: int = 0  # records before this place are done
    given_up: Span | None = None  # records that go to the destination; done too
    condition: str = ""


def fresh(span: Span, arrivals: Sequence[float], *, now: float, rules: Rules) -> Step:
    """Before an attempt: give up what is too old; *arrivals* of all records of the batch, epoch seconds."""
    first = span.first
    while rules.age != FOR_EVER and first < span.end and now - arrivals[first] > rules.age:
        first += 1
    if first == span.first:
        return Step((span,), span.first)
    rest = (Span(first, span.end, span.failures),) if first < span.end else ()
    return Step(rest, first, Span(span.first, first, span.failures), TOO_OLD)


def succeeded(span: Span) -> Step:
    """After an attempt in which nothing failed."""
    return Step((), span.end)


def failed(span: Span, rules: Rules, *, resume: int | None = None) -> Step:
    """After an attempt that failed; *resume*: the place of the first record that failed, when the function told it."""
    first = span.first if resume is None else resume
    if first > span.first:  # what is before it is done, and what is left has failed once
        return _again(Span(first, span.end, 1), rules)
    if rules.bisect and span.end - span.first > 1:
        middle = span.first + (span.end - span.first + 1) // 2
        return Step((Span(span.first, middle, span.failures), Span(middle, span.end, span.failures)), span.first)
    return _again(Span(span.first, span.end, span.failures + 1), rules)


def _again(span: Span, rules: Rules) -> Step:
    if rules.retries != FOR_EVER and span.failures > rules.retries:
        return Step((), span.end, span, EXHAUSTED)
    return Step((span,), span.first)
