"""Which messages a filter policy lets through."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.sns_errors import TopicError
from router.events.sns_filters import Filter
from router.events.sqs import Attribute

ATTRIBUTES = {
    "store": Attribute("String", "example_corp"),
    "price": Attribute("Number", "210.75"),
    "count": Attribute("Number", "3"),
    "interests": Attribute("String.Array", '["rugby", "soccer", 7, true, null]'),
    "raw": Attribute("Binary", b"x"),
}


@pytest.mark.parametrize(
    ("policy", "passes"),
    [
        ({"store": ["example_corp"]}, True),
        ({"store": ["other"]}, False),
        ({"store": [{"anything-but": ["other"]}]}, True),
        ({"store": [{"prefix": "example"}], "count": [3]}, True),
        ({"store": [{"prefix": "example"}], "count": [4]}, False),
        ({"price": [{"numeric": [">", 200, "<=", 300]}]}, True),
        ({"price": ["210.75"]}, False),
        ({"count": [3.0]}, True),
        ({"interests": ["soccer"]}, True),
        ({"interests": [7]}, True),
        ({"interests": ["tennis"]}, False),
        ({"missing": [{"exists": False}]}, True),
        ({"missing": [{"anything-but": ["x"]}]}, False),
        ({"store": [{"exists": True}]}, True),
        ({"raw": ["x"]}, False),
        ({"$or": [{"store": ["no"]}, {"count": [3]}]}, True),
        ({"store": [{"wildcard": "ex*corp"}]}, True),
        ({"store": [{"equals-ignore-case": "EXAMPLE_CORP"}]}, True),
    ],
)
def test_attributes(policy: dict[str, Any], passes: bool) -> None:
    assert Filter.of(policy, body=False).passes("{}", ATTRIBUTES) is passes


@pytest.mark.parametrize(
    ("policy", "body", "passes"),
    [
        ({"a": {"b": ["x"]}}, '{"a": {"b": "x"}}', True),
        ({"a": {"b": ["x"]}}, '{"a": [{"b": "y"}, {"b": "x"}]}', True),
        ({"a": {"b": ["x"]}}, '{"a": "x"}', False),
        ({"a": ["x"]}, "x", False),
        ({"a": ["x"]}, "[]", False),
        ({"a": [1]}, "[" * 5000, False),
        ({"a.b.c": ["x"]}, '{"a": {"b": {"c": "x"}}}', True),
        ({"a.b.c": ["x"]}, '{"a.b.c": "x"}', True),
        ({"a.b.c": ["x"]}, '{"a.b": {"c": "x"}}', True),
        ({"a.b.c": ["x"]}, '{"a": {"b.c": "x"}}', True),
        ({"a.b.c": ["x"]}, '{"a": {"b": {"c": "y"}}}', False),
        (
            {"r": {"s3": {"o": {"key": [{"prefix": "auto-"}]}}}},
            '{"r": [{"s3": {"o": [[{"key": "auto-1"}]]}}, {"s3": {"o": {"key": "home-1"}}}]}',
            True,
        ),
    ],
)
def test_bodies(policy: dict[str, Any], body: str, passes: bool) -> None:
    assert Filter.of(policy, body=True).passes(body, {}) is passes


@pytest.mark.parametrize(
    "policy", [[], "x", {"a": []}, {"a": "x"}, {"a": {"b": ["x"]}}, {"a": [{"nonsense": 1}]}, {str(n): ["x"] for n in range(6)}]
)
def test_a_policy_that_is_none_is_refused(policy: Any) -> None:
    with pytest.raises(TopicError):
        Filter.of(policy, body=False)


def test_a_policy_is_bounded() -> None:
    deep: Any = ["x"]
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(TopicError):
        Filter.of(deep, body=True)
    with pytest.raises(TopicError):
        Filter.of({"a": list(range(76)), "b": [1, 2]}, body=False)


def _values(count: int) -> list[str]:
    return [str(n) for n in range(count)]


@pytest.mark.parametrize(
    ("policy", "body", "taken"),
    [
        ({"a": _values(3), "$or": [{"b": _values(6)}, {"c": _values(4), "$or": [{"d": _values(4)}, {"e": _values(7)}]}]}, False, True),
        ({"a": _values(4), "$or": [{"b": _values(6)}, {"c": _values(4), "$or": [{"d": _values(4)}, {"e": _values(4)}]}]}, False, False),
        ({"$or": [{"a": _values(3)}, {"b": _values(2)}], "d": {"c": _values(2), "$or": [{"s": ["x"]}, {"t": _values(3)}]}}, True, False),
        ({"$or": [{"a": _values(2)}, {"b": _values(2)}], "d": {"c": _values(2), "$or": [{"s": ["x"]}, {"t": _values(3)}]}}, True, True),
        ({"a": _values(100), "b": _values(51)}, False, False),
        ({"a": _values(75), "b": _values(2)}, False, True),
    ],
)
def test_branches_of_or_are_added_up(policy: dict[str, Any], body: bool, taken: bool) -> None:
    """Of AWS: 150 combinations are taken, 152 and 160 are too complex."""
    if taken:
        Filter.of(policy, body=body)
        return
    with pytest.raises(TopicError, match=r"FilterPolicy: Filter policy is too complex$"):
        Filter.of(policy, body=body)


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4), max_leaves=6
)


@given(st.dictionaries(st.text(max_size=5), values, max_size=4), values, st.booleans())
def test_any_policy_is_refused_or_decides(policy: Any, message: Any, body: bool) -> None:
    try:
        made = Filter.of(policy, body=body)
    except TopicError:
        return
    assert made.passes(json.dumps(message), ATTRIBUTES) in {True, False}
