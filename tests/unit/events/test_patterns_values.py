"""Operators, one value at a time."""

import fnmatch
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.patterns import compile_pattern

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())


def accepts(operator: Any, value: Any) -> bool:
    return compile_pattern({"a": [operator]}).matches({"a": value})


@pytest.mark.parametrize(
    ("operator", "yes", "no"),
    [
        (300, [300, 300.0], ["300", 301, True]),
        (1, [1, 1.0], [True, "1"]),
        (True, [True], [1, "true", False]),
        (None, [None], ["", 0, False]),
        ("", [""], ["a", None]),
        (123456789012, [123456789012], [123456789013]),
        ({"exactly": "a"}, ["a"], ["A"]),
        ({"prefix": ""}, ["", "a"], [1, None]),
        ({"prefix": {"equals-ignore-case": "EVENT"}}, ["eventually", "EvEnT"], ["an event"]),
        ({"suffix": {"equals-ignore-case": ".PNG"}}, ["a.png", ".pNg"], ["a.png.jpg"]),
        ({"equals-ignore-case": "straße"}, ["STRASSE", "Straße"], ["strase"]),
        ({"wildcard": "a*c"}, ["ac", "abc", "a*c"], ["abcd", "ab"]),
        ({"wildcard": "a\\*c\\\\"}, ["a*c\\"], ["abc\\"]),
        ({"wildcard": "aa*aa"}, ["aaaa", "aabaa"], ["aaa"]),
        ({"wildcard": ""}, [""], ["a"]),
        ({"numeric": ["=", 5]}, [5, 5.0], ["5", 6, True]),
        ({"numeric": [">", 0, "<=", 5]}, [0.0001, 5], [0, 5.0001, "3", True, None]),
        ({"numeric": [">=", -5e9]}, [-5e9, 5e9], [5e9 + 1, -5e9 - 1, 2**80]),
        ({"anything-but": [1, 2]}, [3, "1", None, True], [1, 2.0]),
        ({"anything-but": {"suffix": [".txt", ".md"]}}, ["a.png", 1, None], ["a.txt", "a.md"]),
        ({"anything-but": {"equals-ignore-case": ["A", "B"]}}, ["c", 1], ["a", "B"]),
        ({"anything-but": {"wildcard": ["a*", "*z"]}}, ["b", 1], ["ab", "yz"]),
        ({"cidr": "10.0.0.5/24"}, ["10.0.0.5", "10.0.0.255"], ["10.0.0.4", "10.0.1.0", "x", 167772165, "::a00:5"]),
        ({"cidr": "2001:db8::/32"}, ["2001:db8::1", "2001:0DB8:ffff::"], ["2001:db9::", "10.0.0.1"]),
        ("::1", ["::1", "0:0:0:0:0:0:0:1"], ["::2"]),
        ("10.0.0.1", ["10.0.0.1"], ["10.0.0.10", "010.0.0.1"]),
    ],
)
def test_what_is_accepted(operator: Any, yes: list[Any], no: list[Any]) -> None:
    assert [value for value in yes if not accepts(operator, value)] == []
    assert [value for value in no if accepts(operator, value)] == []


@given(value=SCALARS)
def test_exists_and_anything_but(value: Any) -> None:
    assert accepts({"exists": True}, value)
    assert not accepts({"exists": False}, value)
    if isinstance(value, str):
        assert accepts(value, value)
        assert not accepts({"anything-but": value}, value)


@given(parts=st.lists(st.text("ab*\\", max_size=3), min_size=1, max_size=6), value=st.text("ab*\\", max_size=12))
def test_wildcards_are_what_a_regular_expression_says(parts: list[str], value: str) -> None:
    middle = [part for part in parts[1:-1] if part]
    texts = [parts[0], *middle, *parts[-1:]] if len(parts) > 1 else parts
    written = "*".join(re.sub(r"([*\\])", r"\\\1", part) for part in texts)
    assert accepts({"wildcard": written}, value) == bool(re.fullmatch(".*".join(map(re.escape, texts)), value, re.DOTALL))


@given(text=st.text("ab", max_size=6), value=st.text("ab", max_size=6))
def test_prefix_suffix_and_their_wildcards_agree(text: str, value: str) -> None:
    assert accepts({"prefix": text}, value) == accepts({"wildcard": f"{text}*"}, value) == fnmatch.fnmatchcase(value, f"{text}*")
    assert accepts({"suffix": text}, value) == accepts({"wildcard": f"*{text}"}, value)
