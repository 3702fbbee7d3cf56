"""A root is told apart from what replaced it."""

import os
from pathlib import Path

import pytest

from router.buckets import roots
from router.buckets.roots import Root, RootGone
from router.config.types import Bucket


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


MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
31 27 0:45 / /mnt/a\\040b rw,nosuid shared:9 master:1 - fuse.sshfs me@there: rw
32 27 0:46 / /mnt/nfs rw - nfs4 there:/export rw
33 27 0:47 / /tmp rw - tmpfs tmpfs rw
torn
"""


@pytest.mark.parametrize(
    ("device", "local"),
    [((254, 0), True), ((0, 47), True), ((0, 45), False), ((0, 46), False), ((0, 21), False), ((254, 1), False), ((25, 40), False)],
)
def test_the_kernel_knows_all_who_write_to_a_file_system_of_this_machine_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: tuple[int, int], local: bool
) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    monkeypatch.setattr(roots, "MOUNTS", tmp_path / "mountinfo")
    assert roots.local(os.makedev(*device)) is local


def test_without_proc_no_file_system_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roots, "MOUNTS", tmp_path / "absent")
    assert not roots.local(tmp_path.stat().st_dev)


def test_a_number_fits_the_store() -> None:
    assert abs(roots.find(Path("/proc"), required=False).number) < 2**63
    assert Root(-3, 1, 1).mounted


@pytest.mark.parametrize("swapped", ["data", "data/uploads"])
def test_a_link_that_was_put_in_its_way_is_not_followed(tmp_path: Path, swapped: str) -> None:
    (tmp_path / "data/uploads").mkdir(parents=True)
    (tmp_path / "state/uploads").mkdir(parents=True)
    bucket = Bucket("uploads", tmp_path / "data/uploads", lies=tmp_path.resolve() / "data/uploads")
    former = roots.find(bucket.place, required=False)
    (tmp_path / swapped).rename(tmp_path / "old")
    (tmp_path / swapped).symlink_to(tmp_path / "state")
    with pytest.raises(RootGone, match="a link was put in its way since the config was read"):
        roots.find(bucket.place, required=False)
    with pytest.raises(RootGone, match="leads elsewhere"):
        roots.open_root(bucket.place, former)
