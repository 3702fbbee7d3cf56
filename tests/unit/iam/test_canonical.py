"""Canonical forms: they are their own, and do not depend on how a client spelled things."""

from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.iam.canonical import header_of, pairs_of, path_once, path_twice, query_of, request_of

TEXT = st.text(max_size=20)


@given(TEXT)
def test_a_path_that_is_canonical_for_s3_stays_so(path: str) -> None:
    once = path_once(f"/{path}")
    assert path_once(once) == once
    assert once.isascii()


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), max_size=10))
def test_s3_s_path_is_that_of_the_key(segment: str) -> None:
    assert path_once(f"/b/{quote(segment, safe='')}") == path_once(f"/b/{quote(segment, safe='!()*')}")
    assert unquote_to_bytes(path_once(f"/b/{quote(segment, safe='')}")).decode() == f"/b/{segment}"


@pytest.mark.parametrize(
    ("path", "twice"),
    [
        ("", "/"),
        ("/", "/"),
        ("//", "/"),
        ("/a%3Ab", "/a%253Ab"),
        ("/a/./b/../c//d/", "/a/c/d/"),
        ("/..", "/"),
        ("/a/..", "/"),
        ("/a b", "/a%20b"),
        ("/~-_.", "/~-_."),
    ],
)
def test_all_others_paths(path: str, twice: str) -> None:
    assert path_twice(path) == twice


@given(
    st.lists(
        st.tuples(TEXT.map(lambda text: quote(text, errors="replace")), TEXT.map(lambda text: quote(text, safe="", errors="replace"))),
        max_size=4,
    ),
    st.randoms(),
)
def test_the_order_of_a_query_does_not_count(pairs: list[tuple[str, str]], chance: object) -> None:
    query = "&".join(f"{name}={value}" for name, value in pairs)
    shuffled = list(pairs)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert query_of(pairs_of(query)) == query_of(pairs_of("&".join(f"{name}={value}" for name, value in shuffled)))


def test_a_query() -> None:
    assert query_of(pairs_of("uploads")) == "uploads="
    assert query_of(pairs_of("b=1&a=2&a=1&&a=%7e%2f")) == "a=1&a=2&a=~%2F&b=1"
    assert query_of(pairs_of("")) == ""


def test_headers_are_trimmed_and_joined() -> None:
    headers = [("a", "  x   y "), ("b", "z"), ("a", "w")]
    assert header_of(headers, "a") == "x y,w"
    assert header_of(headers, "c") == ""


def test_the_lines_of_a_request() -> None:
    made = request_of("GET", "/", "b=1&a", [("host", "h"), ("x", "1")], signed=("host", "x"), payload="P", once=False)
    assert made == "GET\n/\na=&b=1\nhost:h\nx:1\n\nhost;x\nP"
