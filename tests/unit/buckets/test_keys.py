"""Which names are objects."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.buckets import keys
from router.config.types import Bucket

DEFAULT = keys.Ignored(Bucket.__dataclass_fields__["ignore"].default)


@pytest.mark.parametrize(
    "key", ["a", "a/b\nc", "%2e%2e", "-x", "$(id)", "a\\b", "\u00e9", "e\u0301", "\u202e.txt", "x" * 255, "d/" * 384 + "e" * 256]
)
def test_what_is_utf8_and_no_longer_than_a_key_may_be_is_one(key: str) -> None:
    assert keys.unfit(key) == ""


def test_bytes_that_are_not_utf8_and_names_that_are_too_long_are_refused() -> None:
    assert keys.unfit(os.fsdecode(b"caf\xe9.txt")) == keys.NOT_UTF8
    assert keys.unfit(os.fsdecode(b"d\xff/a")) == keys.NOT_UTF8
    assert keys.unfit("a" * 1025) == keys.TOO_LONG
    assert keys.unfit("é" * 512) == ""
    assert keys.unfit("é" * 513) == keys.TOO_LONG


@given(name=st.binary(min_size=1, max_size=80))
def test_a_name_is_fit_exactly_when_it_decodes(name: bytes) -> None:
    try:
        name.decode()
    except UnicodeDecodeError:
        assert keys.unfit(os.fsdecode(name)) == keys.NOT_UTF8
    else:
        assert keys.unfit(os.fsdecode(name)) == ""


@given(key=st.text(min_size=1))
def test_split_and_join_are_inverse(key: str) -> None:
    directory, name = keys.split(key)
    assert "/" not in name
    assert keys.join(directory, name) == key.removeprefix("/") or keys.join(directory, name) == key


@pytest.mark.parametrize(
    "key", [".hidden", "a.part", "a.tmp", "a.crdownload", "a~", ".git/config", "a/.b/c", "x.tmp/y", "a/\n.part", ".a\nb"]
)
def test_hidden_and_half_written_names_are_ignored(key: str) -> None:
    assert DEFAULT.key(key)


@pytest.mark.parametrize("key", ["a", "a.parts", "part", "tmp/a", "a/b.c", "-a", "a.part.txt", "~a"])
def test_others_are_not(key: str) -> None:
    assert not DEFAULT.key(key)


def test_patterns_are_of_one_segment_and_there_may_be_none() -> None:
    assert keys.Ignored(("a*b",)).key("x/a1b/c")
    assert not keys.Ignored(("a*b",)).key("a/b")
    assert not keys.Ignored(()).key(".anything")
    assert not keys.Ignored(("[A-Z]*",)).key("abc")


def test_a_key_is_shown_on_one_line() -> None:
    assert keys.shown("a\nb\x1b[31m" + os.fsdecode(b"\xff")) == "a\\nb\\x1b[31m\\udcff"
    assert keys.shown("über") == "über"
