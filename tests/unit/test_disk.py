"""Syncs reach the file that is named, or say that they did not."""

import os
from pathlib import Path

import pytest

from router.disk import sync


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
