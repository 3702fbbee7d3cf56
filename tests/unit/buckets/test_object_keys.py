"""Which keys files can carry: whatever a client says, the place is below the root."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.buckets.keys import STAGING
from router.buckets.object_errors import BadName, KeyTooLong, ObjectError
from router.buckets.object_keys import Place, fits, place

HOSTILE = [
    "", "/", "//", "/a", "a//b", "a//", ".", "..", "../a", "a/..", "a/../b", "a/./b", "./a", "a/.", "a\0b", "a/b\0", "\ud800", "a/\udcff",
    "x" * 256, "é" * 128, f"{STAGING}/put-1", STAGING, f"{STAGING}/", "a" * 1025, "/etc/passwd", "/".join(["x"] * 513),
]  # fmt: skip


@pytest.mark.parametrize("key", HOSTILE, ids=ascii)
def test_what_no_file_can_carry_is_refused(key: str) -> None:
    with pytest.raises(ObjectError):
        place(key)
    assert not fits(key)


@pytest.mark.parametrize(
    ("key", "where"),
    [
        ("a k+1/é.txt", Place("a k+1", "é.txt")),
        ("~!*'()", Place("", "~!*'()")),
        ("a\\..\\b", Place("", "a\\..\\b")),
        ("..a/b..", Place("..a", "b..")),
        ("%2e%2e/x", Place("%2e%2e", "x")),
        ("new\nline", Place("", "new\nline")),
        (f"a/{STAGING}", Place("a", STAGING)),
        ("x" * 255, Place("", "x" * 255)),
        ("dir/", Place("dir", "")),
        ("a/b/", Place("a/b", "")),
        ("/".join(["x" * 255] * 4), Place("/".join(["x" * 255] * 3), "x" * 255)),
    ],
)
def test_a_place_is_the_directory_and_the_name(key: str, where: Place) -> None:
    assert place(key) == where
    assert where.marker == key.endswith("/")


def test_too_long_is_told_apart() -> None:
    with pytest.raises(KeyTooLong, match="1025 bytes"):
        place("a/" * 512 + "b")
    with pytest.raises(BadName, match="more than 255 bytes"):
        place("é" * 128)


@given(st.text(st.sampled_from("ab./\0é\\ ") | st.characters(), max_size=40))
def test_no_key_leads_out(key: str) -> None:
    if fits(key):
        where = place(key)
        path = posixpath.join("/root", where.directory, where.name)
        assert posixpath.normpath(path).startswith("/root/")
        assert posixpath.normpath(path) == path.rstrip("/")
        assert f"{where.directory}/{where.name}".removeprefix("/") == key
