"""Tokens come back as they were made, and nothing else is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.logs import tokens
from router.api.aws.service import AwsError
from router.telemetry.logpages import Spot
from router.telemetry.logsearch import Mark

numbers = st.integers(0, 2**62 - 1)


@given(numbers, numbers, st.booleans())
def test_of_a_page(segment: int, offset: int, forward: bool) -> None:
    token = tokens.of_page(Spot(segment, offset), forward=forward)
    assert len(token) == 58
    assert tokens.way(token) == tokens.way(f"{token}/s") == (forward, Spot(segment, offset))


@given(numbers, st.text(), numbers, numbers)
def test_of_a_search(at: int, stream: str, segment: int, offset: int) -> None:
    mark = Mark(at, stream, Spot(segment, offset))
    assert tokens.mark(tokens.of_search(mark)) == mark


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    for read in (tokens.way, tokens.mark):
        with pytest.raises(AwsError):
            read(text)


@pytest.mark.parametrize(
    "value", [[], [1, "a", 1], [1, 2, 3, 4], [-1, "a", 0, 0], [True, "a", "b", 0], [2**62, "a", 0, 0], {"a": 1}, "x", None]
)
def test_other_json_is_refused(value: object) -> None:
    with pytest.raises(AwsError):
        tokens.mark(tokens.packed(value))
