"""The index finds what the patterns find one by one, and its work does not grow with what cannot match."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.patterns import Pattern, compile_pattern
from router.events.patterns_index import Index
from router.events.patterns_values import InvalidPattern

GOLDEN = Path(__file__).parents[2] / "golden"

VALUES = st.one_of(
    st.sampled_from(["", "a", "ab", "A", "aB", "10.0.0.1", "10.0.0.7", "::1", "0:0::1", "ß", "\ud800"]),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, 2**70, -1e300]),
    st.booleans(),
    st.none(),
)
TEXTS = st.sampled_from(["", "a", "ab", "A", "b", "SS"])
NUMBERS = st.one_of(st.integers(-3, 3), st.just(0.5))
OPERATORS = st.one_of(
    VALUES,
    st.builds(lambda text: {"prefix": text}, TEXTS),
    st.builds(lambda text: {"suffix": {"equals-ignore-case": text}}, TEXTS),
    st.builds(lambda text: {"prefix": {"equals-ignore-case": text}}, TEXTS),
    st.builds(lambda text: {"suffix": text}, TEXTS),
    st.builds(lambda text: {"equals-ignore-case": text}, TEXTS),
    st.builds(lambda text: {"wildcard": text}, st.sampled_from(["*", "a*", "*b", "a*b", "*a*", "ab", "10.*.1"])),
    st.builds(lambda text: {"anything-but": text}, st.one_of(TEXTS, NUMBERS, st.lists(TEXTS, min_size=1), st.lists(NUMBERS, min_size=1))),
    st.builds(lambda text: {"anything-but": {"prefix": text}}, st.sampled_from(["a", "ab"])),
    st.builds(lambda sign, number: {"numeric": [sign, number]}, st.sampled_from(["=", "<", "<=", ">", ">="]), NUMBERS),
    st.builds(lambda low, wide: {"numeric": [">", low, "<=", low + wide]}, st.integers(-3, 3), st.integers(1, 3)),
    st.builds(lambda there: {"exists": there}, st.booleans()),
    st.sampled_from([{"cidr": "10.0.0.0/30"}, {"cidr": "::/120"}]),
)
KEYS = st.sampled_from(["a", "b", "c", "a.b"])
PATTERNS = st.recursive(
    st.dictionaries(KEYS, st.lists(OPERATORS, min_size=1, max_size=3), min_size=1, max_size=3),
    lambda inner: st.one_of(
        st.dictionaries(KEYS, inner, min_size=1, max_size=2),
        st.builds(lambda one, other: {"$or": [one, other]}, inner, inner),
    ),
    max_leaves=4,
)
EVENTS = st.dictionaries(
    KEYS,
    st.recursive(VALUES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)), max_leaves=6),
    max_size=3,
)


@given(patterns=st.lists(PATTERNS, max_size=6), events=st.lists(EVENTS, min_size=1, max_size=4))
def test_the_index_finds_what_each_pattern_finds_alone(patterns: list[Any], events: list[Any]) -> None:
    compiled = [compile_pattern(pattern) for pattern in patterns]
    index = Index(enumerate(compiled))
    for event in events:
        assert index.find(event) == [number for number, pattern in enumerate(compiled) if pattern.matches(event)]


def test_the_index_gives_awss_verdict_with_all_cases_in_it() -> None:
    cases = [
        case
        for name in ("eventbridge_pattern_cases.json", "eventbridge_pattern_array_cases.json")
        for case in json.loads((GOLDEN / name).read_text(encoding="utf-8"))
        if case["expect"] != "error"
    ]
    index = Index((case["name"], compile_pattern(case["pattern"])) for case in cases)
    for case in cases:
        assert (case["name"] in index.find(case["event"])) is (case["expect"] == "match"), case["name"]


def test_what_is_found_comes_in_the_order_of_the_patterns() -> None:
    index = Index([(name, compile_pattern(pattern)) for name, pattern in (("one", {"a": [1]}), ("two", {"b": [1]}), ("three", {"a": [1]}))])
    assert index.find({"b": 1, "a": 1}) == ["one", "two", "three"]
    assert Index[str]([]).find({"a": 1}) == []


MANY = {"one value each": 10_000}  # the others show the same with fewer, building takes its time
EVENT = {"source": "shop", "detail-type": "order", "detail": {"id": "17", "total": 17.5, "ip": "10.0.0.17", "tags": ["t17", "x"], "f17": 1}}
FAMILIES = {
    "one value each": lambda n: {"source": ["shop"], "detail": {"id": [str(n)]}},
    "one source each": lambda n: {"source": ["shop" if n == 17 else f"shop{n}"], "detail": {"id": [{"exists": True}]}},
    "one prefix each": lambda n: {"source": ["shop"], "detail": {"id": [{"prefix": f"{n}"}] if n > 9 else ["no"]}},
    "one suffix each": lambda n: {"source": ["shop"], "detail": {"tags": [{"suffix": f"t{n}"}]}},
    "one range each": lambda n: {"source": ["shop"], "detail": {"total": [{"numeric": [">=", n, "<", n + 1]}]}},
    "one address each": lambda n: {"source": ["shop"], "detail": {"ip": [f"10.0.{n >> 8}.{n & 255}"]}},
    "one block each": lambda n: {"detail": {"ip": [{"cidr": f"10.{n >> 8}.{n & 255}.0/24"}] if n != 17 else [{"cidr": "10.0.0.16/31"}]}},
    "one field each": lambda n: {"source": ["shop"], "detail": {f"f{n}": [{"exists": True}]}},
    "one field each with any value but one": lambda n: {"source": ["shop"], "detail": {f"f{n}": [{"anything-but": "x"}]}},
    "one wildcard each": lambda n: {
        "source": ["shop"],
        "detail": {"tags": [{"wildcard": f"t{n}*"}] if n == 17 else [{"wildcard": f"u{n}*"}]},
    },
    "an exception each, told apart by source": lambda n: {
        "source": ["shop" if n == 17 else f"shop{n}"],
        "detail": {"id": [{"anything-but": f"{n}x"}], "none": [{"exists": False}]},
    },
    "many values and one each": lambda n: {"source": ["shop", "till", f"s{n}"], "detail": {"id": [f"{n}", f"{n}a", f"{n}b"]}},
    "or": lambda n: {"source": ["shop"], "$or": [{"detail": {"id": [str(n)]}}, {"detail": {"id": [f"{n}x"], "total": [n]}}]},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_work_does_not_grow_with_patterns_that_cannot_match(family: str) -> None:
    """Twice the steps that 10 patterns take, at most, one of which matches."""
    make = FAMILIES[family]
    few, many = (Index((n, compiled(make(n))) for n in numbers) for numbers in (range(10, 20), range(MANY.get(family, 600))))
    assert few.find(EVENT) == [17]
    assert 17 in many.find(EVENT)
    assert len(many.find(EVENT)) <= 2  # the prefix 1 is one of 17's too
    assert many.steps <= 2 * few.steps


def compiled(pattern: dict[str, Any]) -> Pattern:
    try:
        return compile_pattern(pattern)
    except InvalidPattern as error:  # pragma: no cover - a family that is none
        raise AssertionError(pattern) from error
