"""What an entry of a .zip may be."""

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.archive_names import BadEntry, Member, member, segments, target

FILE = (stat.S_IFREG | 0o644) << 16


@pytest.mark.parametrize(
    ("name", "attributes", "found"),
    [
        ("app.py", FILE, Member("app.py", "file", executable=False, size=3)),
        ("app.py", 0, Member("app.py", "file", executable=False, size=3)),  # made where there are no modes
        ("./a//b.py", FILE, Member("a/b.py", "file", executable=False, size=3)),
        ("bootstrap", (stat.S_IFREG | 0o755) << 16, Member("bootstrap", "file", executable=True, size=3)),
        ("bin/", FILE, Member("bin", "directory", executable=False, size=3)),
        ("lib.so", (stat.S_IFLNK | 0o777) << 16, Member("lib.so", "link", executable=True, size=3)),
        ("./", FILE, None),
        ("..x/y..", FILE, Member("..x/y..", "file", executable=False, size=3)),
    ],
)
def test_what_may_be_unpacked(name: str, attributes: int, found: Member | None) -> None:
    assert member(name, attributes, 0, 3) == found


@pytest.mark.parametrize(
    ("name", "attributes", "flags", "told"),
    [
        ("../evil", FILE, 0, "leads out of the directory"),
        ("a/../../evil", FILE, 0, "leads out of the directory"),
        ("a/..", FILE, 0, "leads out of the directory"),
        ("/etc/passwd", FILE, 0, "an absolute path"),
        ("//x", FILE, 0, "an absolute path"),
        ("a\\..\\b", FILE, 0, "a backslash"),
        ("a\0b", FILE, 0, "a NUL"),
        ("x" * 256, FILE, 0, "too long"),
        ("é" * 128, FILE, 0, "too long"),
        ("a/" * 1030 + "b", FILE, 0, "too long"),
        ("\udc80", FILE, 0, "no text"),
        ("tty", (stat.S_IFCHR | 0o644) << 16, 0, "a device"),
        ("pipe", (stat.S_IFIFO | 0o644) << 16, 0, "a pipe"),
        ("app.py", FILE, 1, "is encrypted"),
    ],
)
def test_what_may_not(name: str, attributes: int, flags: int, told: str) -> None:
    with pytest.raises(BadEntry, match=told) as caught:
        member(name, attributes, flags, 3)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("path", "text", "found"), [("lib/a.so", "a.so.1", "lib/a.so.1"), ("a/b/c", "../../d", "d"), ("a/b", "..", ""), ("a", ".//b/.", "b")]
)
def test_where_a_link_leads(path: str, text: str, found: str) -> None:
    assert target(path, text) == found


@pytest.mark.parametrize(
    ("path", "text"), [("a", ".."), ("a", "/etc"), ("a/b", "../../x"), ("a/b", "c/../../../d"), ("a", ""), ("a", "b\0")]
)
def test_a_link_that_leads_out_is_refused(path: str, text: str) -> None:
    with pytest.raises(BadEntry):
        target(path, text)


NAMES = st.text(st.sampled_from("ab./\\\0é\udc80"), max_size=30) | st.text(max_size=300)


@given(NAMES, st.integers(min_value=0, max_value=2**32 - 1), st.integers(0, 2**16 - 1))
def test_whatever_is_taken_stays_below_the_directory(name: str, attributes: int, flags: int) -> None:
    try:
        found = member(name, attributes, flags, 0)
    except BadEntry:
        return
    if found is not None:
        assert os.path.normpath(f"/root/{found.path}") == f"/root/{found.path}"
        assert found.path.split("/") == segments(name)


@given(NAMES, NAMES)
def test_whatever_link_is_taken_stays_below_the_directory(path: str, text: str) -> None:
    try:
        place = "/".join(segments(path))
        found = target(place, text)
    except BadEntry:
        return
    assert os.path.normpath(os.path.join("/root", os.path.dirname(place), text)) == os.path.normpath(f"/root/{found}")
