"""A directory in slices."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.buckets import keys, listing
from router.buckets.listing import Listing, Slice

IGNORED = keys.Ignored((".*", "*.part"))


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def slices(root: int, directory: str = "") -> list[Slice]:
    opened = Listing(root, directory, IGNORED)
    try:
        return list(iter(opened.slice, None))
    finally:
        opened.close()


def test_files_directories_and_the_rest_are_told_apart(root: int, tmp_path: Path) -> None:
    (tmp_path / "d/sub").mkdir(parents=True)
    for name in ("a", "$(id)", "new\nline", ".hidden", "x.part"):
        (tmp_path / "d" / name).write_text("1")
    (tmp_path / "d/link").symlink_to("a")
    (tmp_path / "d/dirlink").symlink_to("sub")
    os.mkfifo(tmp_path / "d/fifo")
    Path(os.fsdecode(os.fsencode(tmp_path / "d") + b"/caf\xe9")).write_text("1")
    (only,) = slices(root, "d")
    assert sorted(only.files) == ["$(id)", "a", "new\nline"]
    assert only.files["a"].size == 1
    assert only.files["a"].inode == (tmp_path / "d/a").stat().st_ino
    assert only.directories == ["d/sub"]
    assert (only.ignored, only.special) == (2, 3)
    assert only.refused == [("d/caf\udce9", keys.NOT_UTF8)]


def test_slices_are_bounded_and_complete(root: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SLICE", 3)
    for number in range(8):
        (tmp_path / str(number)).write_text("")
    parts = slices(root)
    assert [len(part.files) for part in parts] == [3, 3, 2]
    assert sorted(name for part in parts for name in part.files) == [str(number) for number in range(8)]
    assert not [part for part in parts if part.directories]


def test_an_empty_directory_has_no_slices(root: int, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    assert slices(root, "d") == []


def test_what_is_missing_is_named(root: int, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("")
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("there")
    opened = Listing(root, "", IGNORED)
    assert opened.missing(["there", "gone", "directory", "link"]) == ["gone", "directory", "link"]
    opened.close()


@pytest.mark.parametrize(
    ("name", "error"), [("none", FileNotFoundError), ("file", NotADirectoryError), ("../x", OSError), ("link", OSError)]
)
def test_what_is_no_directory_below_the_root_is_not_listed(root: int, tmp_path: Path, name: str, error: type[OSError]) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("/etc")
    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises(error):
        Listing(root, name, IGNORED)
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_file_that_vanishes_while_it_is_listed_is_left_out(root: int, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    opened = Listing(root, "", IGNORED)
    real = list(opened._entries)
    (tmp_path / "f").unlink()
    part = Slice()
    for entry in real:
        opened._sort(entry, part)
    assert part.files == {}
    opened.close()
