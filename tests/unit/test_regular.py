"""Patterns for text of strangers, against Python's own matcher, and against texts that it would never be done with."""

import re
import time
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.regular import Regular, Unfit

ATOMS = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", r"\w", r"\.", "[]a]", r"\x61", "\\141", "A", "\n", "{", "(?:)", "(?#c)"])
REPEATS = st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{,2}", "{1,}", "{0}", "{0,3}?", "{,}", "{2,4}"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda many: f"(?:{'|'.join(many)})"),
        st.tuples(inner, REPEATS).map(lambda pair: f"({pair[0]}){pair[1]}"),
        inner.map(lambda one: f"(?i:{one})"),
        inner.map(lambda one: f"(?s-i:{one})"),
    ),
    max_leaves=8,
)
ENDS = st.tuples(st.sampled_from(["", "^", r"\A", "(?i)^", "(?ais)"]), st.sampled_from(["", "$", r"\Z"]))


@given(PATTERNS, ENDS, st.lists(st.text("abcAB.]{\n\u017f", max_size=8), min_size=1, max_size=8))
def test_a_pattern_matches_what_python_says(pattern: str, ends: tuple[str, str], texts: list[str]) -> None:
    whole = f"{ends[0]}{pattern}{ends[1]}"
    ours, theirs = Regular(whole), re.compile(whole)
    for text in texts:
        assert ours.matches(text) is (theirs.fullmatch(text) is not None)


BRIEF = ["".join(letters) for length in range(5) for letters in product("abc", repeat=length)]


@given(PATTERNS)
def test_of_all_brief_texts_it_matches_those_that_python_says(pattern: str) -> None:
    """Texts at random seldom match anything."""
    ours, theirs = Regular(pattern), re.compile(pattern)
    assert [text for text in BRIEF if ours.matches(text)] == [text for text in BRIEF if theirs.fullmatch(text)]


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        (r"^Bearer [-0-9a-zA-Z\._]*$", ["Bearer ", "Bearer a.b-c_D"], ["bearer a", "Bearer a b", "Bearer a\n"]),
        (r"Bearer [\w-]+\.[\w-]+\.[\w.+/=-]*", ["Bearer a.b.", "Bearer a.b.c.d="], ["Bearer a.b", "Bearer .b.c"]),
        (r"^(Bearer|Token)\s+(?P<t>\S{2,3})$", ["Token ab", "Bearer   abc"], ["Token a", "Token abcd", "Bearerab"]),
        (r"(?i)bearer [a-f\d]{4}", ["BEARER 0aF9"], ["BEARER 0aFg"]),
        ("^a|b$|^$", ["a", "b", ""], ["ab", "^"]),
        ("(?:^|,)a", ["a", ",a"], ["b,a"]),
        (r"[]]{1}a{x}", ["]a{x}"], ["]axx"]),
        ("a(bc)", ["abc"], ["aabc", "abbc", "ac", "bc"]),
        ("a?(b(cd?))", ["abcd", "bc"], ["abbc", "aabc", "abbcd", "cd"]),
        ("a(?#comment)+", ["aaa"], [""]),
        ("[ä-ö]+", ["äö"], ["a"]),
    ],
)
def test_what_people_write(pattern: str, matching: list[str], others: list[str]) -> None:
    regular = Regular(pattern)
    assert [text for text in matching if not regular.matches(text)] == []
    assert [text for text in others if regular.matches(text)] == []


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "no regular expression: missing"),
        ("(" * 5000 + "a" + ")" * 5000, "nested too deep"),
        (r"(a)\1", "has to go back in the text"),
        ("(?=a)a", r"^\(\?=a… is not taken here"),
        ("(?<!a)b", "go back"),
        ("(?>a)", "go back"),
        ("(?P<n>a)(?P=n)", "go back"),
        ("(a)?(?(1)b|c)", "go back"),
        (r"a\b", "go back"),
        ("a++", "write a?[+]$"),
        ("(?x) a b", "the flag x"),
        ("a^b", "at the ends"),
        ("(a$)?b", "at the ends"),
        ("(^a)+", "in a repeat"),
        ("a{1001}", "more than 1000 characters"),
        ("(a{40}){40}", "more than 1000 characters"),
        ("a{4294967295}", "repeated too often"),
    ],
)
def test_what_is_refused_says_why(pattern: str, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        Regular(pattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^Bearer ([a-zA-Z0-9_-]+[.]?)+$", "Bearer " + "a" * 30_000 + "!"),
        ("(a|a)*(a|aa)*b", "a" * 30_000),
        (".*.*.*.*.*=x", "=" * 30_000),
        ("(a*)*" * 30 + "b", "a" * 30_000),
    ],
)
def test_no_text_is_slow(pattern: str, text: str) -> None:
    regular = Regular(pattern)
    started = time.process_time()
    assert not regular.matches(text)
    assert time.process_time() - started < 0.2


def test_a_text_that_meets_new_places_at_every_step_is_bearable() -> None:
    regular = Regular("(a|b)*a(a|b){490}")
    started = time.process_time()
    assert not regular.matches("ab" * 4096 + "!")
    assert time.process_time() - started < 2
