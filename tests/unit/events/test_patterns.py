"""Patterns as a whole: AWS's own verdicts, and what no case of its shows."""

import json
from pathlib import Path
from typing import Any

import pytest

from router.events.patterns import compile_pattern, refusal
from router.events.patterns_values import InvalidPattern

GOLDEN = Path(__file__).parents[2] / "golden"
CASES = [
    case
    for name in ("eventbridge_pattern_cases.json", "eventbridge_pattern_array_cases.json")
    for case in json.loads((GOLDEN / name).read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_verdict_and_the_words_are_awss(case: dict[str, Any]) -> None:
    assert verdict(case) == (case["expect"], case.get("error_message"))


def verdict(case: dict[str, Any]) -> tuple[str, str | None]:
    try:
        matches = compile_pattern(json.dumps(case["pattern"])).matches(case["event"])
    except InvalidPattern as error:
        return "error", refusal(error)
    return "match" if matches else "no_match", None


def test_all_verdicts_are_among_the_cases() -> None:
    assert {case["expect"] for case in CASES} == {"match", "no_match", "error"}
    assert len(CASES) > 130


def test_a_pattern_is_taken_as_text_bytes_or_value() -> None:
    for pattern in ('{"a": [1]}', b'{"a": [1]}', {"a": [1]}):
        assert compile_pattern(pattern).matches({"a": 1})
        assert not compile_pattern(pattern).matches({"a": 2})


@pytest.mark.parametrize("event", [None, [], "x", 1])
def test_what_is_no_object_matches_nothing(event: Any) -> None:
    assert not compile_pattern({"a": [{"exists": False}]}).matches(event)
