"""A config as text is read back as it was."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config import document
from router.templates.yaml_text import scalar, written

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20) | st.sampled_from(
    [
        "yes",
        "null",
        "~",
        "1.5",
        "010",
        "08:30",
        "a: b",
        "- a",
        "# c",
        "*x",
        "&y",
        "!z",
        "{a",
        "]",
        " a ",
        "a\nb",
        "\t",
        "é",
        "${x}",
        ".5",
        ".inf",
        "<<",
        "=",
        "%",
    ]
)
NUMBERS = st.integers(-(10**15), 10**15) | st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: round(number, 3))
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def read(text: str) -> Any:
    problems, node = document.parsed(text, Path("config.yaml"), {})
    assert not problems.problems.count, problems.problems.lines()
    return node.literal()


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
def test_a_config_is_read_back_as_it_was_written(config: dict[str, Any]) -> None:
    assert read(written(config, {}, ("head",))) == config


@given(st.text())
def test_comments_stay_comments(comment: str) -> None:
    config = {"functions": {"a": {"code": "./a"}, "b": {"code": "./b"}}}
    assert read(written(config, {("functions", "a"): (comment, comment)}, (comment,))) == config


def test_order_and_comments() -> None:
    config = {"version": 1, "queues": {"b": {"delay": 5}, "a": {}}, "buckets": {"in": "./data/in"}}
    assert written(config, {("queues", "a"): ("why",)}) == (
        "version: 1\nqueues:\n  b: {delay: 5}\n  # why\n  a: {}\nbuckets:\n  in: ./data/in\n"
    )


@pytest.mark.parametrize("text", ["yes", "true", "null", "", "1", "1.5", "a: b", "x #y", "- a", "{a}", "*"])
def test_what_could_be_something_else_is_in_quotes(text: str) -> None:
    assert scalar(text) == f'"{text}"'
