"""Which lines pass the level of a JSON log."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.telemetry.levels import Level, admitted

AT = "2026-11-23T10:11:12.345Z"


@given(line=st.text().filter(lambda text: not text.startswith("{")), minimum=st.sampled_from(Level))
def test_text_always_passes(line: str, minimum: Level) -> None:
    assert admitted(line, minimum)


@given(level=st.sampled_from(Level), minimum=st.sampled_from(Level), lower=st.booleans())
def test_an_object_passes_by_its_level(level: Level, minimum: Level, lower: bool) -> None:
    name = level.name.lower() if lower else level.name
    assert admitted(json.dumps({"timestamp": AT, "level": name}), minimum) == (level >= minimum)


@pytest.mark.parametrize(("name", "level"), [("WARNING", Level.WARN), ("CRITICAL", Level.FATAL)])
def test_pythons_names_are_known(name: str, level: Level) -> None:
    line = json.dumps({"timestamp": AT, "level": name})
    assert admitted(line, level)
    assert level is Level.FATAL or not admitted(line, Level(level + 1))


@given(
    record=st.dictionaries(
        st.sampled_from(["timestamp", "level", "message"]), st.none() | st.text() | st.integers() | st.floats() | st.lists(st.integers())
    )
)
def test_without_a_level_or_a_time_an_object_counts_as_info(record: dict[str, Any]) -> None:
    record.pop("timestamp", None)
    line = json.dumps(record)
    assert admitted(line, Level.INFO)
    readable = "NaN" not in line and "Infinity" not in line and "\\ud" not in line  # what is no JSON is text
    assert not admitted(line, Level.WARN) or not readable


@pytest.mark.parametrize("at", ["", "yesterday", "2026-11-23", "2026-11-23T10:11:12", "12:00Z", 5, None])
def test_a_time_that_is_none_counts_for_no_level(at: Any) -> None:
    assert admitted(json.dumps({"timestamp": at, "level": "DEBUG"}), Level.INFO)
    assert not admitted(json.dumps({"timestamp": at, "level": "FATAL"}), Level.WARN)


@pytest.mark.parametrize("line", ["{", "{}{}", "{" * 5000, '{"level": NaN}'])
def test_what_is_no_object_after_all_is_text(line: str) -> None:
    assert admitted(line, Level.FATAL)
