"""Reasons why a pattern is none. Those with a recording are in test_patterns.py; these are AWS's open-source matcher's, or our own."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.patterns import compile_pattern
from router.events.patterns_parse import BRANCHES, DEPTH, branches
from router.events.patterns_values import InvalidPattern


def field(operator: Any) -> Any:
    return {"a": [operator]}


COMPLEX = "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character"


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ([], "Filter is not an object"),
        ("null", "Filter is not an object"),
        ("{", "It is not valid JSON"),
        ('{"a": [NaN]}', "It is not valid JSON"),
        ("[" * 5000, "It is not valid JSON"),
        ({}, "Empty objects are not allowed"),
        ({"a": {}}, "Empty objects are not allowed"),
        ({"a": [[1]]}, "Match value must be String, number, true, false, or null"),
        (field({}), "Match expression name not found"),
        (field({"prefix": "x", "suffix": "y"}), "Only one key allowed in match expression"),
        (field({"numeric": [">", 1], "x": 1}), "Too many elements in numeric expression"),
        (field({"exactly": 1}), "exact match pattern must be a string"),
        (field({"prefix": {}}), "Prefix expression name not found"),
        (field({"suffix": {}}), "Suffix expression name not found"),
        (field({"prefix": {"wildcard": "x"}}), "Unsupported prefix pattern: wildcard"),
        (field({"suffix": {"prefix": "x"}}), "Unsupported suffix pattern: prefix"),
        (field({"prefix": {"equals-ignore-case": 1}}), "equals-ignore-case match pattern must be a string"),
        (field({"prefix": {"equals-ignore-case": "x", "y": 1}}), "Only one key allowed in match expression"),
        (field({"wildcard": "a**b"}), "Consecutive wildcard characters at pos 2"),
        (field({"wildcard": "ü**"}), "Consecutive wildcard characters at pos 3"),
        (field({"wildcard": "a\\b"}), "Invalid escape character at pos 2"),
        (field({"wildcard": "a\\"}), "Invalid escape character at pos 2"),
        (field({"wildcard": "*a*b*c*d*e*"}), COMPLEX),
        (field({"anything-but": {}}), "Anything-But expression name not found"),
        (field({"anything-but": {"numeric": [">", 1]}}), "Unsupported anything-but pattern: numeric"),
        (
            field({"anything-but": {"prefix": {"equals-ignore-case": "x"}}}),
            "Value of anything-but must be an array or single string/number value.",
        ),
        (field({"anything-but": True}), "Value of anything-but must be an array or single string/number value."),
        (field({"anything-but": []}), "Inside anything but list, either all values are number or string, mixed type is not supported"),
        (
            field({"anything-but": ["a", 1]}),
            "Inside anything but list, either all values are number or string, mixed type is not supported",
        ),
        (field({"anything-but": [{"prefix": "a"}]}), "Inside anything but list, start|null|boolean is not supported."),
        (field({"anything-but": [["a"]]}), "Inside anything but list, start|null|boolean is not supported."),
        (field({"anything-but": [6e9]}), "Value must be between -5.0E9 and 5.0E9, inclusive"),
        (field({"anything-but": {"prefix": "a", "x": 1}}), "Too many elements in numeric expression"),
        (field({"numeric": ">"}), "Value of numeric must be an array."),
        (field({"numeric": []}), "Invalid member in numeric match: ]"),
        (field({"numeric": [1]}), "Invalid member in numeric match: 1"),
        (field({"numeric": [{}]}), "Invalid member in numeric match: {"),
        (field({"numeric": ["!", 1]}), "Unrecognized numeric range operator: !"),
        (field({"numeric": ["=", "1"]}), "Value of equals must be numeric"),
        (field({"numeric": ["<="]}), "Value of <= must be numeric"),
        (field({"numeric": [">", True]}), "Value of > must be numeric"),
        (field({"numeric": ["=", 1, "<", 2]}), "Too many elements in numeric expression"),
        (field({"numeric": ["<", 1, ">", 2]}), "Too many elements in numeric expression"),
        (field({"numeric": [">", 1, 2]}), "Bad value in numeric range: 2"),
        (field({"numeric": [">", 1, "<", 2, 3]}), "Too many terms in numeric range expression"),
        (field({"numeric": [">", 2, "<", 1]}), "Bottom must be less than top"),
        (field({"numeric": [">", 6e9]}), "Value must be between -5.0E9 and 5.0E9, inclusive"),
        (field({"exists": 1}), "exists match pattern must be either true or false."),
        (field({"cidr": "10.0.0.0/32"}), "IPv4 mask bits must be < 32"),
        (field({"cidr": "::/128"}), "IPv6 mask bits must be < 128"),
        (field({"cidr": "10.0.0.0/-1"}), "Malformed CIDR, mask bits must not be negative"),
        (field({"cidr": "10.0.0.0/8/8"}), "Malformed CIDR, one '/' required"),
        (field({"cidr": "10.0.0/8"}), "Nonstandard IP address: 10.0.0"),
        ({"$or": [{"a": [1]}, {"b": [{"prefix": 1}]}]}, "prefix match pattern must be a string"),
        ({"$or": [{"a": [1]}, "b"]}, "Only JSON object is allowed in array of $or relationship."),
        ({"$or": [{"a": [1]}]}, "There must have at least 2 Objects in $or relationship."),
        ({"$or": 1}, "It must be an Array followed with $or."),
    ],
)
def test_reasons(pattern: Any, reason: str) -> None:
    with pytest.raises(InvalidPattern) as error:
        compile_pattern(pattern if isinstance(pattern, str | dict) else json.dumps(pattern))
    assert str(error.value) == reason


def test_or_is_a_field_where_it_cannot_be_the_operator() -> None:
    assert compile_pattern({"$or": {"a": [1]}}).matches({"$or": {"a": 1}})
    assert compile_pattern({"$or": ["x"]}).matches({"$or": "x"})
    assert compile_pattern({"$or": [{"prefix": "x"}, {"suffix": "y"}]}).matches({"$or": "xz"}), "names of operators are no fields"


def test_or_multiplies() -> None:
    pattern = {"s": [1], "$or": [{"a": [1]}, {"b": [1], "$or": [{"c": [1]}, {"d": [1]}]}], "e": {"$or": [{"f": [1]}, {"g": [1]}]}}
    assert [sorted(branch) for branch in branches(pattern)] == [
        ["a", "e.f", "s"],
        ["b", "c", "e.f", "s"],
        ["b", "d", "e.f", "s"],
        ["a", "e.g", "s"],
        ["b", "c", "e.g", "s"],
        ["b", "d", "e.g", "s"],
    ]


def test_what_multiplies_too_often_or_is_nested_too_deeply_is_refused() -> None:
    many: dict[str, Any] = {}
    for level in range(11):
        many = {"$or": [{f"a{level}": [1]}, {f"b{level}": [1]}], "x": many} if many else {"$or": [{"a": [1]}, {"b": [1]}]}
    with pytest.raises(InvalidPattern, match=f"more than {BRANCHES}"):
        branches(many)
    deep: Any = [1]
    for _ in range(DEPTH + 2):
        deep = {"a": deep}
    with pytest.raises(InvalidPattern, match=f"more than {DEPTH} levels deep"):
        branches(deep)


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    pattern = compile_pattern('{"a": [1], "a": [2]}')
    assert (pattern.matches({"a": 1}), pattern.matches({"a": 2})) == (False, True)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.text(max_size=3), st.sampled_from(["$or", "prefix", "anything-but", "numeric", "cidr", "wildcard", "exists", ">"])
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=12,
)


@given(pattern=JSON, event=JSON)
def test_whatever_it_is_it_is_a_pattern_or_has_a_reason(pattern: Any, event: Any) -> None:
    try:
        verdict = str(compile_pattern(pattern if isinstance(pattern, dict) else {"a": [pattern]}).matches(event))
    except InvalidPattern as error:
        verdict = str(error)
    assert verdict
