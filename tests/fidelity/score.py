"""The score: fields right out of fields known, by source type."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.fidelity import (
    answer_cases,
    authorizer_cases,
    batch_cases,
    bus_cases,
    http_api_cases,
    message_cases,
    outcome_cases,
    rest_cases,
    s3_cases,
    stream_cases,
)
from tests.fidelity.case import Case

CASES: Sequence[Case] = (
    *s3_cases.CASES,
    *bus_cases.CASES,
    *stream_cases.CASES,
    *message_cases.CASES,
    *http_api_cases.CASES,
    *rest_cases.CASES,
    *authorizer_cases.CASES,
    *answer_cases.CASES,
    *batch_cases.CASES,
    *outcome_cases.CASES,
)


@dataclass(frozen=True, slots=True)
class Score:
    """One source type."""

    kind: str
    samples: int  # files
    right: int  # fields in which ours is the sample's
    known: int  # fields compared, without those in which the sample is wrong
    flawed: int  # fields in which the sample is wrong


@dataclass(frozen=True, slots=True)
class Known:
    """A deviation as the page tells it."""

    kind: str
    sample: str
    path: str
    fields: int
    reason: str
    flawed: bool


def scores(cases: Iterable[Case] = CASES) -> list[Score]:
    """One row a source type, in the order of the cases."""
    by_kind: dict[str, list[Case]] = {}
    for case in cases:
        by_kind.setdefault(case.kind, []).append(case)
    return [_score(kind, found) for kind, found in by_kind.items()]


def _score(kind: str, cases: Sequence[Case]) -> Score:
    fields = [(case, field) for case in cases for field in case.fields]
    right = sum(field.right for _, field in fields)
    flawed = sum(1 for case, field in fields if not field.right and (known := case.deviation(field)) is not None and known.flawed)
    return Score(kind, len({case.sample for case in cases}), right, len(fields) - flawed, flawed)


def known(cases: Iterable[Case] = CASES) -> list[Known]:
    """Every deviation that is in use, once for each sample."""
    found: Counter[tuple[str, str, str, str, bool]] = Counter()
    for case in cases:
        for field in case.fields:
            if not field.right and (one := case.deviation(field)) is not None:
                found[(case.kind, case.sample, one.path, one.reason, one.flawed)] += 1
    return [Known(kind, sample, path, count, reason, flawed) for (kind, sample, path, reason, flawed), count in found.items()]
