"""What a log group gets of an event."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.log_entries import AHEAD, PAST, entry

AT = 1_790_000_000.0  # 2026-09-21T14:13:20Z


def told(**members: Any) -> tuple[float, str]:
    return entry(json.dumps(members).encode(), AT)


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        ("2026-09-21T13:40:00Z", AT - 2000),
        ("2026-09-21T15:40:00.250+02:00", AT - 1999.75),
        (1_789_999_000_000, AT - 1000),
        ((AT - PAST) * 1000, AT - PAST),
        ((AT + AHEAD) * 1000, AT + AHEAD),
    ],
)
def test_a_template_gives_the_time_and_the_message(timestamp: Any, at: float) -> None:
    assert told(timestamp=timestamp, message="paid") == (at, "paid")


@pytest.mark.parametrize(
    "timestamp",
    ["", "yesterday", "2026-09-21T13:00:00", "2026-09-21", None, True, [1], {}, (AT - PAST) * 1000 - 1, (AT + AHEAD) * 1000 + 1, 1e300],
)
def test_a_time_that_is_none_or_too_far_away_is_now(timestamp: Any) -> None:
    assert told(timestamp=timestamp, message="paid") == (AT, "paid")


def test_a_message_that_is_no_text_is_its_json() -> None:
    assert told(timestamp="", message={"a": [1, "é"]})[1] == '{"a":[1,"é"]}'


@pytest.mark.parametrize(
    "body",
    [
        '{"version":"0","detail":{"timestamp":"x","message":"y"}}',
        '{"message":"y"}',
        '{"timestamp":"2026-09-21T13:00:00Z","message":"y","more":1}',
        '["timestamp","message"]',
        '"text"',
        '{"timestamp":"\\ud800","message":"y"}',
    ],
)
def test_anything_else_is_kept_as_it_is(body: str) -> None:
    assert entry(body.encode(), AT) == (AT, body)


@given(st.binary(max_size=200))
def test_whatever_comes_is_an_entry(body: bytes) -> None:
    at, message = entry(body, AT)
    assert at == AT or -PAST <= at - AT <= AHEAD
    assert isinstance(message, str)
