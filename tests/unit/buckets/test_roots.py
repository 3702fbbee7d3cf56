"""A root is told apart from what replaced it."""

import os
from pathlib import Path

import pytest

from router.buckets import roots
from router.buckets.roots import Root, RootGone


def test_a_directory_is_found_twice_as_the_same(tmp_path: Path) -> None:
    assert roots.find(tmp_path, required=False) == roots.find(tmp_path, required=False)
    assert not roots.find(tmp_path, required=False).mounted


def test_another_directory_under_the_same_path_is_another_root(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "new").mkdir()
    first = roots.find(tmp_path / "root", required=False)
    (tmp_path / "root").rename(tmp_path / "old")
    (tmp_path / "new").rename(tmp_path / "root")
    assert roots.find(tmp_path / "root", required=False) != first
    with pytest.raises(RootGone, match="is not the directory it was"):
        roots.open_root(tmp_path / "root", first)
    os.close(roots.open_root(tmp_path / "old", first))


def test_a_missing_root_is_said_and_made_on_request(tmp_path: Path) -> None:
    with pytest.raises(RootGone, match="is missing"):
        roots.find(tmp_path / "a/b", required=False)
    roots.make(tmp_path / "a/b")
    roots.make(tmp_path / "a/b")
    assert roots.find(tmp_path / "a/b", required=False)


def test_a_file_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RootGone, match="Not a directory"):
        roots.find(tmp_path / "file", required=False)
    with pytest.raises(RootGone, match="cannot be made"):
        roots.make(tmp_path / "file")


def test_a_mount_that_is_required_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(RootGone, match="is not a mount point and the bucket says mount: required"):
        roots.find(tmp_path, required=True)
    assert roots.find(Path("/proc"), required=True).mounted


def test_without_proc_mounts_are_told_by_their_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: int) -> int:
        raise FileNotFoundError

    monkeypatch.setattr(roots, "_mount_id", absent)
    assert roots.find(Path("/proc"), required=False).mounted
    assert not roots.find(tmp_path, required=False).mounted


def test_a_number_fits_the_store() -> None:
    assert abs(roots.find(Path("/proc"), required=False).number) < 2**63
    assert Root(-3, 1, 1).mounted
