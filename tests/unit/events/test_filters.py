"""Filters of event source mappings: the table of data formats, and OR between patterns."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.filters import Filters
from router.events.patterns_values import InvalidPattern

GOLDEN = Path(__file__).parents[2] / "golden"


def message(body: str, **more: Any) -> dict[str, Any]:
    return {"messageId": "m", "body": body, "attributes": {}, **more}


@pytest.mark.parametrize(
    ("body", "pattern", "passes"),
    [
        ("hello", {"body": ["hello"]}, True),
        ("hello", {"body": [{"prefix": "he"}]}, True),
        ("other", {"body": ["hello"]}, False),
        ("hello", {"body": {"a": [1]}}, False),
        ("hello", {"body": {"a": [{"exists": False}]}}, False),
        ('{"a": 1}', {"body": {"a": [1]}}, True),
        ('{"a": 2}', {"body": {"a": [1]}}, False),
        ('{"b": 2}', {"body": {"a": [{"exists": False}]}}, True),
        ('[{"a": 1}, {"a": 2}]', {"body": {"a": [2]}}, True),
        ('{"a": 1}', {"body": ['{"a": 1}']}, False),
        ('["hello"]', {"body": ["hello"]}, False),
        ("{broken", {"body": ["{broken"]}, True),
        ("123", {"body": ["123"]}, True),
        ("[NaN]", {"body": ["[NaN]"]}, True),
        ("[" * 100_000, {"body": [{"prefix": "[["}]}, True),
        ('{"a": 1, "b": 123456789012345678901234567890, "c": "\\ud800"}', {"body": {"a": [1]}}, True),
        ("hello", {"messageId": ["m"]}, True),
        ('{"a": 1}', {"messageId": ["n"]}, False),
        ("hello", {"$or": [{"body": ["hello"]}, {"body": {"a": [1]}}]}, True),
        ('{"a": 1}', {"$or": [{"body": ["hello"]}, {"body": {"a": [1]}}]}, True),
    ],
)
def test_data_meets_a_pattern_of_its_own_form_only(body: str, pattern: dict[str, Any], passes: bool) -> None:
    assert Filters.of([pattern], "body").passes(message(body)) is passes


def test_one_of_several_patterns_is_enough_and_none_at_all_lets_everything_pass() -> None:
    filters = Filters.of([{"body": ["a"]}, {"body": ["b"]}], "body")
    assert [filters.passes(message(body)) for body in "abc"] == [True, True, False]
    assert Filters().passes(message("c"))


def test_a_table_s_record_is_matched_as_it_is() -> None:
    record = json.loads((GOLDEN / "dynamodb_streams_insert_modify.json").read_text(encoding="utf-8"))["Records"][0]
    assert Filters.of([{"eventName": ["INSERT"], "dynamodb": {"Keys": {"Id": {"N": ["101"]}}}}]).passes(record)
    assert not Filters.of([{"dynamodb": {"Keys": {"Id": {"N": [101]}}}}]).passes(record)
    assert not Filters.of([{"dynamodb": {"Keys": {"Id": {"N": [{"numeric": ["=", 101]}]}}}}]).passes(record)


def test_a_record_without_its_data_passes_by_its_metadata_only() -> None:
    assert Filters.of([{"messageId": ["m"]}], "body").passes({"messageId": "m"})
    assert not Filters.of([{"body": ["x"]}], "body").passes({"messageId": "m"})
    assert not Filters.of([{"body": {"x": [{"exists": False}]}}], "body").passes({"messageId": "m", "body": None})


def test_a_bad_pattern_is_refused() -> None:
    with pytest.raises(InvalidPattern, match="Empty arrays are not allowed"):
        Filters.of([{"body": []}], "body")


@given(body=st.text())
def test_any_body_passes_a_filter_for_itself_unless_it_is_structured(body: str) -> None:
    try:
        structured = isinstance(json.loads(body, parse_constant=float), dict | list)
    except ValueError:
        structured = False
    assert Filters.of([{"body": [body]}], "body").passes(message(body)) is not structured
