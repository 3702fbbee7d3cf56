"""Arrays: two fields come from one element, absence is asked of the elements chosen; and what a hostile event costs."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.patterns import compile_pattern
from router.events.patterns_match import Chain, Leaves, leaves_of
from router.events.patterns_parse import branches
from router.events.patterns_values import ABSENT

SCALARS = st.sampled_from(["x", "y", 1, None])
KEYS = st.sampled_from(["a", "b", "c", "a.b"])
EVENTS = st.dictionaries(
    KEYS,
    st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)), max_leaves=9),
    max_size=3,
)
OPERATORS = st.sampled_from(["x", "y", 1, {"exists": True}, {"exists": False}, {"anything-but": "x"}])
PATTERNS = st.recursive(
    st.dictionaries(KEYS, st.lists(OPERATORS, min_size=1, max_size=2), min_size=1, max_size=3),
    lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=2),
    max_leaves=4,
)


def fits(one: Chain, other: Chain) -> bool:
    for (place, index), (at, taken) in zip(one, other, strict=False):
        if place != at:
            return True
        if index != taken:
            return False
    return True


def plainly(pattern: Any, leaves: Leaves) -> bool:
    """The rule as it is said, by trying every combination."""
    for branch in branches(pattern):
        paths = sorted(branch)
        choices = []
        for path in paths:
            found: list[Any] = [chain for value, chain in leaves.get(path, ()) if any(one.accepts(value) for one in branch[path])]
            choices.append(found + [None] * (ABSENT in branch[path]))  # None: no leaf
        for combination in itertools.product(*choices):
            taken: list[Chain] = []
            for path, chosen in zip(paths, combination, strict=True):
                if chosen is None:
                    if any(all(fits(chain, one) for one in taken) for _, chain in leaves.get(path, ())):
                        break
                elif all(fits(chosen, one) for one in taken):
                    taken.append(chosen)
                else:
                    break
            else:
                return True
    return False


@given(pattern=PATTERNS, event=EVENTS)
def test_joining_finds_what_trying_everything_finds(pattern: Any, event: Any) -> None:
    assert compile_pattern(pattern).matches(event) == plainly(pattern, leaves_of(event))


@pytest.mark.parametrize(
    ("pattern", "event", "matches"),
    [
        ({"d": {"a": ["x"], "b": [{"exists": False}]}}, {"d": [{"b": 1}, {"a": "x"}]}, True),
        ({"d": {"a": [{"exists": False}], "b": ["x"]}}, {"d": [{"a": 1}, {"b": "x"}]}, False),  # asked before any element is chosen
        ({"d": {"a": ["x"], "b": [{"exists": False}]}}, {"d": [{"a": "x", "b": 1}]}, False),
        ({"d": {"a": [1], "b": [2]}}, {"d": [[{"a": 1}], [{"b": 2}]]}, False),
        ({"d": {"a": [1], "b": [2]}}, {"d": [[{"a": 1}, 7], [[{"a": 1, "b": 2}]]]}, True),
        ({"a": {"x": [1]}, "b": {"y": [2]}}, {"a": [{}, {"x": 1}], "b": [{"y": 2}, {}]}, True),
        ({"a": {"b": {"x": [1], "y": [2]}}}, {"a": {"b": [{"x": 1}]}, "a.b": [{"y": 2}]}, True),  # two arrays under one path
        ({"a": {"b": [1]}}, {"a.b": 1}, True),
        ({"a.b": [1]}, {"a": {"b": 1}}, True),
        ({"a": [None]}, {"a": []}, False),
        ({"a": ["x"]}, {"a": '["x"]'}, False),
        ({"a": ["x"]}, {"A": "x"}, False),
    ],
)
def test_verdicts(pattern: Any, event: Any, matches: bool) -> None:
    assert compile_pattern(pattern).matches(event) is matches


def hostile() -> dict[str, Any]:
    n = 20_000  # pairs of them are four hundred million
    return {
        "split": ({"d": {"a": ["x"], "b": ["y"]}}, {"d": [{"a": "x"} if index % 2 else {"b": "y"} for index in range(n)]}, False),
        "never absent": ({"d": {"a": ["x"], "b": [{"exists": False}]}}, {"d": [{"a": "x", "b": 1}] * n}, False),
        "absent in one": ({"d": {"a": ["x"], "b": [{"exists": False}]}}, {"d": [*[{"a": "x", "b": 1}] * n, {"a": "x"}]}, True),
        "arrays apart": ({"a": {"x": [1]}, "b": {"x": [1]}, "c": {"x": [1], "y": [1]}}, {key: [{"x": 1}] * n for key in "abc"}, False),
        "arrays in arrays": (
            {"d": {"e": {"x": [1], "y": [1]}, "f": [2]}},
            {"d": [{"e": [{"x": 1}, {"y": 1}] * 3, "f": 2}] * (n // 6)},
            False,
        ),
        "deep": ({"d": {"x": [1], "y": [1]}}, {"d": nested(400)}, False),
        "dots": ({"a": {"b": {"x": [1], "y": [1], "z": [1]}}}, {"a": {"b": [{"x": 1}] * 300}, "a.b": [{"y": 1}] * 300}, False),
        "many values": ({"a": [*range(700)]}, {"a": [*range(1000, n)]}, False),
    }


def nested(depth: int) -> list[Any]:
    found: list[Any] = [{"x": 1}, {"y": 1}]
    for _ in range(depth):
        found = [{"x": 1}, found, {"y": 1}]
    return found


@pytest.mark.timeout(60)
@pytest.mark.parametrize("case", hostile())
def test_a_hostile_event_costs_no_more_than_its_size(case: str) -> None:
    pattern, event, matches = hostile()[case]
    assert compile_pattern(pattern).matches(event) is matches
