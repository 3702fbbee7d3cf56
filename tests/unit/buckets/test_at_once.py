"""Looking without waiting comes to the verdict of looking."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.buckets import at_once, contents
from router.buckets.at_once import LEFT, AtOnce


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def looked(root: int, key: str) -> contents.Look:
    return contents.look(root, key, upto=contents.SMALL)


def test_whatever_is_there_the_verdict_is_the_same(root: int, tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "outside").symlink_to("/etc/passwd")
    (tmp_path / "link").symlink_to("small")
    os.mkfifo(tmp_path / "fifo")
    for name, size in (("empty", 0), ("small", 100), ("limit", at_once.AT_MOST), ("directory/below", 1), ("large", 10**6)):
        (tmp_path / name).write_bytes(b"x" * size)
    os.link(tmp_path / "small", tmp_path / "hard")
    quick = AtOnce(root)
    for key in (*os.listdir(tmp_path), "directory/below", "absent", "small/x", "../x", "/etc/passwd", "link/x", "small\0", "x" * 300):
        found = quick.look(key)
        assert found is LEFT or found == looked(root, key), key
    assert quick.look("large") is LEFT
    assert quick.look("limit") is LEFT


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=300), name=st.binary(min_size=1, max_size=60))
def test_any_name_and_any_content(root: int, tmp_path: Path, content: bytes, name: bytes) -> None:
    key = os.fsdecode(name.replace(b"/", b"_").replace(b"\0", b"_")) + "-"
    (tmp_path / "d").mkdir(exist_ok=True)
    key = f"d/{key}"
    (tmp_path / key).write_bytes(content)
    found = AtOnce(root).look(key)
    assert found is LEFT or found == looked(root, key)


def test_a_file_that_is_being_written_is_told_to_be(root: int, tmp_path: Path) -> None:
    with (tmp_path / "open").open("wb") as file:
        file.write(b"half")
        file.flush()
        found = AtOnce(root).look("open")
        assert found is LEFT or found == looked(root, "open")


def test_one_look_that_takes_long_leaves_the_next_to_threads_that_may_wait(
    root: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"x")
    monkeypatch.setattr(at_once._kernel, "rests_until", 0.0)
    monkeypatch.setattr(at_once, "LONG", -1.0)
    quick = AtOnce(root)
    quick.look("a")
    assert quick.look("a") is LEFT
    assert AtOnce(root).look("a") is LEFT


def test_what_no_kernel_offers_is_left(root: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"x")
    monkeypatch.setattr(at_once._kernel, "able", False)
    assert AtOnce(root).look("a") is LEFT
