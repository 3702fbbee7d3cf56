"""Syncs reach the file that is named, or say that they did not."""

import errno
import os
from pathlib import Path

import pytest

from router import disk
from router.disk import rename_new, replace_private, sync


def test_files_and_directories_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    file = tmp_path / "file"
    file.write_text("x")
    before = len(os.listdir("/proc/self/fd"))
    sync(file)
    sync(tmp_path)
    assert synced == [str(file), str(tmp_path)]
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_is_not_there_cannot_be_synced(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "gone")


def test_a_private_file_is_put_in_place_whole_and_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, done = tmp_path / "secret", list[str]()
    path.write_text("old")
    path.chmod(0o644)
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        done.append("directory" if os.readlink(f"/proc/self/fd/{descriptor}") == str(tmp_path) else "file")
        fsync(descriptor)

    def replaced(self: Path, target: Path) -> Path:
        done.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    replace_private(path, b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)
    assert done == ["file", "rename", "directory"]
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]


def test_one_that_cannot_be_written_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_private(path, b"new")
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("able", [True, False])
def test_a_new_name_is_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, able: bool) -> None:
    if not able:
        monkeypatch.setattr(disk, "_renameat2", lambda *_: -1)
        monkeypatch.setattr(disk.ctypes, "get_errno", lambda: errno.EINVAL)
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    directory = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(FileExistsError):
        rename_new("a", directory, "b", directory)
    rename_new("a", directory, "c", directory)
    with pytest.raises(FileNotFoundError):
        rename_new("a", directory, "d", directory)
    os.close(directory)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"b": "b", "c": "a"}
