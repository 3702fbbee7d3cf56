"""Bodies become files beneath the root, whole, or not at all; whatever stands in the way, and whoever moves things meanwhile."""

import contextlib
import errno
import itertools
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.buckets import staging, sweeping
from router.buckets.keys import STAGING
from router.buckets.object_errors import BucketNotEmpty, KeyConflict
from router.buckets.object_keys import place
from router.buckets.staging import Staged


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    (tmp_path / "bucket").mkdir()
    (tmp_path / "outside").mkdir()
    return tmp_path / "bucket"


@pytest.fixture
def root(bucket: Path) -> Iterator[int]:
    descriptor = os.open(bucket, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def put(root: int, key: str, data: bytes) -> None:
    """As the store does it."""
    where, staged = place(key), Staged(root)
    try:
        staged.write(data)
        parent = staging.parent(root, where.directory)
        try:
            staging.clear(parent, where.name)
            staged.seal()
            staged.sync()
            staged.publish(parent, where.name)
        finally:
            os.close(parent)
    finally:
        staged.close()


def test_a_body_becomes_the_file_of_its_key(root: int, bucket: Path) -> None:
    put(root, "a/b/c", b"one")
    put(root, "a/b/c", b"two")
    assert (bucket / "a/b/c").read_bytes() == b"two"
    assert os.listdir(bucket / STAGING) == []
    assert (bucket / STAGING).stat().st_mode & 0o777 == 0o700


def test_a_body_that_is_given_up_leaves_nothing(root: int, bucket: Path) -> None:
    staged = Staged(root)
    staged.write(b"half")
    staged.close()
    staged.close()
    assert os.listdir(bucket / STAGING) == []


def test_no_two_versions_have_one_name(root: int) -> None:
    """Same content, same instant: the time is another, and no clock's tick hides it."""
    sealed = set()
    for _ in range(50):
        staged = Staged(root)
        sealed.add(staged.seal()[1:])
        staged.close()
    assert len(sealed) == 50


@pytest.mark.parametrize("there", ["a", "a/b"])
def test_a_key_and_one_below_it_exclude_each_other(root: int, bucket: Path, there: str) -> None:
    put(root, there, b"first")
    with pytest.raises(KeyConflict):
        put(root, "a/b/c" if there == "a/b" else "a/b", b"second")
    with pytest.raises(KeyConflict):
        put(root, "a" if there == "a/b" else "a/x", b"second")
    assert (bucket / there).read_bytes() == b"first"
    assert os.listdir(bucket / STAGING) == []


def test_empty_directories_are_in_nobodys_way(root: int, bucket: Path) -> None:
    (bucket / "a/b/c").mkdir(parents=True)
    put(root, "a", b"x")
    assert (bucket / "a").read_bytes() == b"x"


@pytest.mark.parametrize("target", ["../outside", "/etc", "loop", "nowhere"])
def test_links_are_not_followed(root: int, bucket: Path, target: str) -> None:
    (bucket / "loop").symlink_to(target)
    with pytest.raises(KeyConflict):
        put(root, "loop/x", b"out")
    with pytest.raises(KeyConflict):
        put(root, "loop", b"over")
    assert (bucket / "loop").is_symlink()
    assert not staging.remove(root, place("loop"))
    assert os.listdir(bucket.parent / "outside") == []


def test_a_staging_directory_that_leads_out_is_none(root: int, bucket: Path) -> None:
    (bucket / STAGING).symlink_to("../outside")
    with pytest.raises(OSError, match=r".") as refused:
        Staged(root)
    assert refused.value.errno in {errno.ELOOP, errno.ENOTDIR}
    assert os.listdir(bucket.parent / "outside") == []


def test_whoever_swaps_directories_for_links_gets_nothing_out(root: int, bucket: Path) -> None:
    """A writer turns `d` into a link to the outside and back, as fast as it can, while bodies are put, and removed, below it."""
    outside, over = bucket.parent / "outside", threading.Event()
    (bucket / "d").mkdir()

    def swap() -> None:
        steps = (
            lambda number: os.rename(bucket / "d", bucket / f"aside-{number}"),
            lambda _: os.symlink(outside, bucket / "d"),
            lambda _: os.unlink(bucket / "d"),
            lambda _: os.mkdir(bucket / "d"),
        )
        for number in itertools.count():
            for step in steps:
                with contextlib.suppress(OSError):
                    step(number)
            if over.is_set():
                return

    racer = threading.Thread(target=swap)
    racer.start()
    refused = 0
    try:
        for number in range(120):
            try:
                put(root, f"d/{number}", b"x")
            except (KeyConflict, FileNotFoundError):
                refused += 1
            with contextlib.suppress(OSError):  # links on the way
                staging.remove(root, place(f"d/{number - 1}"))
    finally:
        over.set()
        racer.join()
    assert os.listdir(outside) == []
    assert refused < 120


def test_a_death_leaves_what_the_next_sweep_removes(root: int, bucket: Path) -> None:
    alive = Staged(root)
    (bucket / STAGING / f"{staging.BODY}dead").write_bytes(b"left")
    (bucket / STAGING / "part-1").write_bytes(b"not a body")
    (bucket / STAGING / f"{staging.BODY}link").symlink_to("/etc/passwd")
    assert sweeping.sweep(root) == 1
    assert sorted(os.listdir(bucket / STAGING)) == sorted(["part-1", alive._name, f"{staging.BODY}link"])
    alive.seal()
    assert sweeping.sweep(root) == 0
    alive.close()


def test_on_another_file_system_it_waits_beside_its_place(root: int, bucket: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as elsewhere:
        parent = os.open(elsewhere, os.O_RDONLY | os.O_DIRECTORY)
        staged = Staged(root)
        try:
            staged.write(b"content")
            staged.move_beside(parent)
            other = os.fstat(parent).st_dev != os.fstat(root).st_dev
            assert [name.startswith(f"{STAGING}-") for name in os.listdir(elsewhere)] == ([True] if other else [])
            if other:
                staged.seal()
                staged.publish(parent, "key")
                assert Path(elsewhere, "key").read_bytes() == b"content"
        finally:
            staged.close()
            os.close(parent)
        assert os.listdir(bucket / STAGING) == []


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no other file system")
def test_a_body_beside_its_place_is_found_when_its_daemon_died(root: int, bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        directory, real = os.open(elsewhere, os.O_RDONLY | os.O_DIRECTORY), staging.beneath
        for module in (staging, sweeping):
            monkeypatch.setattr(module, "beneath", lambda at, path, flags: os.dup(directory) if path == "mnt/d" else real(at, path, flags))
        dead, alive = Staged(root), Staged(root)
        for staged in (dead, alive):
            staged.write(b"content")
            staged.move_beside(directory, "mnt/d")
        os.close(dead.file)  # its lock goes, as with a process
        Path(elsewhere, "by-hand").write_bytes(b"1")
        os.symlink("mnt/d/by-hand", bucket / STAGING / f"{staging.TRACE}odd")
        assert sweeping.sweep(root) == 1
        assert sorted(os.listdir(elsewhere)) == sorted([alive._name, "by-hand"])
        assert os.listdir(bucket / STAGING).count(alive._trace) == 1
        alive.seal()
        alive.publish(directory, "key")
        assert sweeping.sweep(root) == 0
        assert os.listdir(bucket / STAGING) == [f"{staging.TRACE}odd"]
        os.close(directory)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 70_000)), max_size=6), st.data())
def test_a_span_is_copied_byte_by_byte_holes_and_all(pieces: list[tuple[bool, int]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "source")
        content = b"".join((os.urandom(size) if full else bytes(size)) for full, size in pieces)
        with path.open("wb") as file:
            for full, size in pieces:
                start = file.tell()
                if full:
                    file.write(content[start : start + size])
                else:
                    file.seek(size, os.SEEK_CUR)
            file.truncate(len(content))
        first = data.draw(st.integers(0, len(content)))
        size = data.draw(st.integers(0, len(content) - first))
        root, source = os.open(directory, os.O_RDONLY), os.open(path, os.O_RDONLY)
        staged, short = Staged(root), Staged(root)
        try:
            staged.write(b"before")
            staged.take(source, first, size)
            staged.write(b"behind")
            staged.seal()
            assert os.pread(staged.file, len(content) + 100, 0) == b"before" + content[first : first + size] + b"behind"
            with pytest.raises(EOFError):
                short.take(source, first, len(content) - first + 1)
        finally:
            staged.close()
            short.close()
            os.close(root)
            os.close(source)


def test_zeros_take_no_room(root: int) -> None:
    staged = Staged(root)
    for _ in range(8):
        staged.write(bytes(1024**2))
    assert staged.seal().size == 8 * 1024**2
    assert os.fstat(staged.file).st_blocks == 0
    staged.close()


def test_a_bucket_goes_with_its_uploads_but_not_with_files(root: int, bucket: Path) -> None:
    (bucket / "a/b").mkdir(parents=True)
    (bucket / "a/.hidden").write_text("by hand")
    staging.staging(root)
    (bucket / STAGING / "part-1").write_bytes(b"x")
    with pytest.raises(BucketNotEmpty):
        sweeping.remove_bucket(root, bucket)
    (bucket / "a/.hidden").unlink()
    sweeping.remove_bucket(root, bucket)
    assert not bucket.exists()
