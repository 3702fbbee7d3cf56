"""Decisions of a queue's event source mapping."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.polling import GROWTH, MOST, START, Scale, held, hidden, verdict

GOLDEN = Path(__file__).parents[2] / "golden"
seconds = st.floats(0, 43_200)


def test_a_mapping_begins_with_five_batches_and_grows_while_all_of_them_run() -> None:
    scale = Scale.begun(MOST, 0.0)
    assert scale.batches == START
    assert scale.seen(4, 10.0).batches == START
    grown = scale.seen(5, 10.0)
    assert grown.batches == START + 10 * GROWTH
    assert grown.seen(55, 1e6).batches == MOST
    assert grown.seen(0, 20.0).batches == START


@given(st.integers(1, MOST), st.lists(st.tuples(st.sampled_from(["seen", "throttled"]), st.integers(0, MOST), st.floats(0, 1e6))))
def test_there_is_always_one_and_never_more_than_allowed(most: int, steps: list[tuple[str, int, float]]) -> None:
    scale = Scale.begun(most, 0.0)
    for step, running, now in steps:
        scale = getattr(scale, step)(running, now)
        assert 1 <= scale.batches <= most


def test_a_throttle_halves_what_runs() -> None:
    assert Scale(100.0, MOST, 0.0).throttled(40, 1.0).batches == 20
    assert Scale(1.0, MOST, 0.0).throttled(1, 1.0).batches == 1


def test_how_long_a_failed_message_is_hidden() -> None:
    """Lambda developer guide: window and timeout over the visibility timeout give both and 30 s."""
    assert hidden(visibility=30, window=0, timeout=30) == 30
    assert hidden(visibility=30, window=5, timeout=25) == 30
    assert hidden(visibility=30, window=5, timeout=26) == 61


@given(visibility=seconds, window=st.floats(0, 300), timeout=st.floats(1, 900))
def test_a_message_is_held_while_its_function_may_run(visibility: float, window: float, timeout: float) -> None:
    for_ = held(visibility=visibility, window=window, timeout=timeout)
    assert for_ >= window + timeout
    assert for_ >= hidden(visibility=visibility, window=window, timeout=timeout)


def failed(result: Any, *, partial: bool = True, error: str = "") -> list[str]:
    raw = result if isinstance(result, bytes) else json.dumps(result).encode()
    return sorted(verdict(["a", "b", "c"], function_error=error, result=raw, partial=partial).failed)


def test_awss_own_verdicts() -> None:
    cases = json.loads((GOLDEN / "responses_stream_batch_response_cases.json").read_text())
    for result in cases["whole_batch_succeeds"]:
        assert failed(result) == []
    for result in cases["whole_batch_fails"]:
        assert failed(result) == ["a", "b", "c"]
    invalid = json.loads((GOLDEN / "sqs_template_invalid_batch_response.json").read_text())["first_invocation"]["Messages"][0]["Body"][
        "result"
    ]
    assert failed(invalid) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("result", "wanted"),
    [
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, ["b"]),
        ({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "b"}, {"itemIdentifier": "a"}]}, ["a", "b"]),
        ({"batchItemFailures": [{"itemIdentifier": "z"}]}, ["a", "b", "c"]),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, ["a", "b", "c"]),
        (b"not JSON", ["a", "b", "c"]),
    ],
)
def test_partial_responses(result: Any, wanted: list[str]) -> None:
    assert failed(result) == wanted
    assert failed(result, partial=False) == []
    assert failed(result, error="Unhandled") == ["a", "b", "c"]
