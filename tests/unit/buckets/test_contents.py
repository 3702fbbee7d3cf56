"""What a look at a file says."""

import errno
import fcntl
import hashlib
import os
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from router.buckets import contents
from router.buckets.contents import Trouble, look
from router.buckets.versions import MAX, Seen


@pytest.fixture
def root(tmp_path: Path) -> int:
    return os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)


@pytest.fixture(autouse=True)
def closed(root: int):
    yield
    os.close(root)


def seen(root: int, key: str, upto: int = contents.SMALL, device: int = contents.ELSEWHERE) -> Seen:
    found = look(root, key, upto=upto, device=device)
    assert isinstance(found, Seen)
    return found


@pytest.mark.parametrize("size", [0, 1, contents.SMALL])
def test_a_small_file_is_read_and_hashed(root: int, tmp_path: Path, size: int) -> None:
    (tmp_path / "f").write_bytes(b"x" * size)
    state = (tmp_path / "f").stat()
    found = seen(root, "f")
    assert found == Seen(state.st_ino, size, state.st_mtime_ns, state.st_ctime_ns, hashlib.md5(b"x" * size).hexdigest())


def test_a_larger_file_is_read_only_on_request(root: int, tmp_path: Path) -> None:
    data = os.urandom(contents.SMALL + 1)
    (tmp_path / "f").write_bytes(data)
    assert seen(root, "f").etag == ""
    assert seen(root, "f", contents.WHOLE).etag == hashlib.md5(data).hexdigest()


def test_a_terabyte_of_nothing_is_not_read(root: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "f").open("wb") as file:
        file.truncate(1024**4)
    monkeypatch.setattr(os, "read", lambda *_: pytest.fail("content was read"))
    first = seen(root, "f", contents.WHOLE)
    assert first.size == 1024**4
    digest, _, parts = first.etag.partition("-")
    assert (len(digest), parts) == (32, "8192")
    os.utime(tmp_path / "f", ns=(1, 1))
    assert seen(root, "f", contents.WHOLE).etag != first.etag


def test_links_and_special_files_are_no_objects_and_are_not_opened(root: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "directory.jpg").mkdir()
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    monkeypatch.setattr(contents, "beneath", lambda *_: pytest.fail("it was opened"))
    for name in ("link", "dangling", "directory.jpg", "fifo", "socket", "missing", "file/below"):
        assert look(root, name, upto=10) is None, name


def test_a_link_that_appears_on_the_way_is_not_followed(root: int, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/f").write_text("x")
    (tmp_path / "way").symlink_to("real")
    assert look(root, "way/f", upto=10) is None


def test_a_file_that_cannot_be_opened_is_trouble(root: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "f").write_text("x")
    monkeypatch.setattr(contents, "beneath", denied)
    assert look(root, "f", upto=10) == Trouble("unreadable", "Permission denied", (tmp_path / "f").stat().st_ctime_ns)
    monkeypatch.setattr(contents, "beneath", lambda *_: (_ for _ in ()).throw(OSError(24, "Too many open files")))
    found = look(root, "f", upto=10)
    assert isinstance(found, Trouble)
    assert found.reason == "EMFILE"


def test_a_file_that_is_open_for_writing_is_said_to_be(root: int, tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as file:
        file.write(b"half")
        file.flush()
        assert seen(root, "f").writing
        with (tmp_path / "f").open("rb"):
            assert seen(root, "f").writing
    assert not seen(root, "f").writing
    with (tmp_path / "f").open("rb"):
        assert not seen(root, "f").writing  # readers do not count


@pytest.mark.parametrize("upto", [0, 100])
def test_that_nobody_writes_is_said_only_where_the_kernel_knows_everybody(root: int, tmp_path: Path, upto: int) -> None:
    device = os.fstat(root).st_dev
    (tmp_path / "f").write_bytes(b"x" * 10)
    assert seen(root, "f", upto, device).writing is False
    assert seen(root, "f", upto, device + 1).writing is None
    with (tmp_path / "f").open("ab"):
        assert seen(root, "f", upto, device).writing is True
        assert seen(root, "f", upto, device + 1).writing is True


def test_who_may_not_ask_is_told_nothing(root: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease is its owner's to ask for."""
    (tmp_path / "f").write_bytes(b"x")

    def refused(_file: int, command: int, _argument: int) -> int:
        if command == fcntl.F_SETLEASE:
            raise PermissionError(errno.EACCES, "Permission denied")
        return 0

    monkeypatch.setattr(contents.fcntl, "fcntl", refused)
    assert seen(root, "f", device=os.fstat(root).st_dev).writing is None


def test_a_file_that_changes_while_it_is_read_is_being_written(root: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_bytes(b"x" * 100)
    read = os.read

    def meddled(file: int, count: int) -> bytes:
        data = read(file, count)
        if data:
            (tmp_path / "f").write_bytes(b"y" * 100)
        return data

    monkeypatch.setattr(contents.os, "read", meddled)
    found = seen(root, "f", device=os.fstat(root).st_dev)
    assert found.writing


def test_a_file_that_outgrows_its_size_is_not_read_for_ever(root: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_bytes(b"x" * 10)
    reads = []
    monkeypatch.setattr(contents.os, "read", lambda _file, count: reads.append(count) or b"z" * count)
    assert seen(root, "f").writing
    assert len(reads) == 1


def test_reading_stops_when_nobody_waits_and_what_was_read_by_then_is_whole(
    root: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a content has no eTag: told with none, a file that has stood still for long would be taken for complete."""
    (tmp_path / "f").write_bytes(b"x" * 10)
    found = look(root, "f", upto=100, device=os.fstat(root).st_dev, ended=lambda: True)
    assert isinstance(found, Seen)
    assert (found.etag, found.writing) == (hashlib.md5(b"x" * 10).hexdigest(), False)
    monkeypatch.setattr(contents, "_CHUNK", 4)
    with pytest.raises(contents.CutShort):
        look(root, "f", upto=100, ended=lambda: True)


def test_every_number_fits_the_store(root: int, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    os.utime(tmp_path / "f", ns=(0, -5_000_000_000))
    assert 0 <= seen(root, "f").mtime <= MAX


def test_where_leases_are_unknown_nobody_is_said_to_write(root: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise PermissionError(1, "not the owner")

    monkeypatch.setattr(contents.fcntl, "fcntl", refused)
    with (tmp_path / "f").open("wb"):
        assert not seen(root, "f").writing


@pytest.mark.parametrize(("moment", "told"), [(-1, 0), (-(10**18), 0), (5, 5), (2**63, 2**63 - 1), (10**19, 2**63 - 1)])
def test_times_out_of_range_count_as_the_nearest(moment: int, told: int) -> None:
    state = SimpleNamespace(st_ino=1, st_size=2, st_mtime_ns=moment, st_ctime_ns=moment)
    assert contents.facts(state) == Seen(1, 2, told, told)  # type: ignore[arg-type]  # what is read of it is there
