"""A file leaves a bucket: only the version that is meant, nothing overwritten, nothing lost to whoever comes in between."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from router import disk
from router.buckets import clearing, sweeping
from router.buckets.facts import Identity
from router.buckets.object_keys import place
from router.buckets.versions import Seen, Version

SEQUENCER = "0065A1B2C3D4E5F6AA"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "bucket").mkdir()
    opened = os.open(tmp_path / "bucket", os.O_RDONLY | os.O_DIRECTORY)
    yield opened
    os.close(opened)


@pytest.fixture
def bucket(tmp_path: Path, root: int) -> Path:
    assert root
    return tmp_path / "bucket"


def version(path: Path) -> Identity:
    found = path.stat()
    return Identity(found.st_ino, found.st_size, found.st_mtime_ns)


def written(path: Path, text: str) -> Identity:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return version(path)


def files(top: Path) -> dict[str, str]:
    return {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}


def test_that_version_is_removed_and_no_other(root: int, bucket: Path) -> None:
    old = written(bucket / "in/a.csv", "one")
    assert clearing.delete(root, place("in/a.csv"), old)
    assert files(bucket) == {}
    new = written(bucket / "in/a.csv", "other one")
    assert not clearing.delete(root, place("in/a.csv"), old)
    assert not clearing.delete(root, place("in/b.csv"), new)
    assert not clearing.delete(root, place("none/b.csv"), new)
    assert files(bucket) == {"in/a.csv": "other one"}


def test_it_is_moved_under_its_key_with_its_times_and_mode(root: int, bucket: Path, tmp_path: Path) -> None:
    it = written(bucket / "in/2026/a.csv", "one")
    (bucket / "in/2026/a.csv").chmod(0o640)
    goal = clearing.move(root, place("in/2026/a.csv"), it, tmp_path / "done", SEQUENCER)
    assert goal == tmp_path / "done/in/2026/a.csv"
    assert files(tmp_path) == {"done/in/2026/a.csv": "one"}
    assert (version(goal).mtime, goal.stat().st_mode & 0o777) == (it.mtime, 0o640)


def test_nothing_is_overwritten(root: int, bucket: Path, tmp_path: Path) -> None:
    for text in ("one", "two", "three"):
        it = written(bucket / "a.csv", text)
        assert clearing.move(root, place("a.csv"), it, tmp_path / "done", SEQUENCER)
    assert files(tmp_path / "done") == {"a.csv": "one", f"a.{SEQUENCER}.csv": "two", f"a.{SEQUENCER}-2.csv": "three"}
    it = written(bucket / "b", "x")
    (tmp_path / "done/b").mkdir()
    assert clearing.move(root, place("b"), it, tmp_path / "done", SEQUENCER) == tmp_path / f"done/b.{SEQUENCER}"


def test_another_version_is_not_moved_and_claims_nothing(root: int, bucket: Path, tmp_path: Path) -> None:
    old = written(bucket / "a.csv", "one")
    written(bucket / "a.csv", "another one")
    assert clearing.move(root, place("a.csv"), old, tmp_path / "done", SEQUENCER) is None
    assert files(tmp_path) == {"bucket/a.csv": "another one"}


def come_between(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Somebody is faster than the first rename."""
    acts = [act]

    def after(rename: Callable[..., None]) -> Callable[..., None]:
        def renamed(*args: Any, **kwargs: Any) -> None:
            if acts:
                acts.pop()()
            rename(*args, **kwargs)

        return renamed

    monkeypatch.setattr(clearing.os, "rename", after(os.rename))
    monkeypatch.setattr(clearing, "rename_new", after(disk.rename_new))


def replace(path: Path, text: str) -> None:
    beside = path.with_name(".new")
    beside.write_text(text)
    beside.replace(path)


@pytest.mark.parametrize("how", ["delete", "move"])
def test_a_version_that_comes_in_between_stays(root: int, bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    it = written(bucket / "a.csv", "one")

    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EPERM, "no links here, or to another's file")

    monkeypatch.setattr(clearing.os, "link", refused)
    come_between(monkeypatch, lambda: replace(bucket / "a.csv", "newer"))
    if how == "delete":
        assert not clearing.delete(root, place("a.csv"), it)
    else:
        assert clearing.move(root, place("a.csv"), it, tmp_path / "done", SEQUENCER) is None
    assert files(tmp_path) == {"bucket/a.csv": "newer"}


@pytest.mark.parametrize("how", ["delete", "move"])
def test_a_file_that_is_gone_in_between_is_no_trouble(
    root: int, bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    it = written(bucket / "a.csv", "one")
    come_between(monkeypatch, (bucket / "a.csv").unlink)
    if how == "delete":
        assert not clearing.delete(root, place("a.csv"), it)
    else:
        assert clearing.move(root, place("a.csv"), it, tmp_path / "done", SEQUENCER) is None
    assert files(tmp_path) == {}


def other_file_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is in the directory already may be renamed there."""

    def renamed(name: str, directory: int, goal: str, holder: int) -> None:
        if not os.path.samestat(os.fstat(directory), os.fstat(holder)):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        disk.rename_new(name, directory, goal, holder)

    monkeypatch.setattr(clearing, "rename_new", renamed)


def test_to_another_file_system_it_is_copied(root: int, bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = written(bucket / "a.csv", "one" * 1_000_000)
    (bucket / "a.csv").chmod(0o640)
    other_file_system(monkeypatch)
    goal = clearing.move(root, place("a.csv"), it, tmp_path / "done", SEQUENCER)
    assert goal is not None
    assert (files(tmp_path).keys(), goal.read_text(), version(goal).mtime) == ({"done/a.csv"}, "one" * 1_000_000, it.mtime)
    assert goal.stat().st_mode & 0o777 == 0o640


def test_a_copy_that_fails_leaves_all_as_it_was(root: int, bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = written(bucket / "a.csv", "one")
    other_file_system(monkeypatch)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(clearing.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space"):
        clearing.move(root, place("a.csv"), it, tmp_path / "done", SEQUENCER)
    assert files(tmp_path) == {"bucket/a.csv": "one"}


def test_what_changed_while_it_was_copied_is_not_moved(root: int, bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = written(bucket / "a.csv", "one")
    other_file_system(monkeypatch)
    copy = clearing.shutil.copyfileobj

    def copied(*args: Any) -> None:
        copy(*args)
        replace(bucket / "a.csv", "newer")

    monkeypatch.setattr(clearing.shutil, "copyfileobj", copied)
    assert clearing.move(root, place("a.csv"), it, tmp_path / "done", SEQUENCER) is None
    assert files(tmp_path) == {"bucket/a.csv": "newer"}


def test_what_is_replaced_once_it_was_copied_stays(root: int, bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = written(bucket / "a.csv", "one")
    other_file_system(monkeypatch)
    placed = clearing._renamed

    def renamed(*args: Any) -> str:
        goal = placed(*args)
        replace(bucket / "a.csv", "newer")
        return goal

    monkeypatch.setattr(clearing, "_renamed", renamed)
    monkeypatch.setattr(clearing, "_carried", clearing._copied)
    (tmp_path / "done").mkdir()
    assert clearing.move(root, place("a.csv"), it, tmp_path / "done", SEQUENCER) is None
    assert files(tmp_path) == {"bucket/a.csv": "newer"}


def killed(act: Callable[[], object]) -> None:
    """Let a process do it, which dies in the middle."""
    if (child := os.fork()) == 0:
        act()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9, "it was to die"


def test_killed_before_the_rename_it_leaves_nothing_under_its_name(
    root: int, bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = written(bucket / "a.csv", "one")
    with monkeypatch.context() as dying:
        dying.setattr(disk, "_renameat2", lambda *_: os._exit(9))
        killed(lambda: clearing.move(root, place("a.csv"), it, tmp_path / "done", SEQUENCER))
    assert clearing.move(root, place("a.csv"), it, tmp_path / "done", SEQUENCER) == tmp_path / "done/a.csv"
    assert files(tmp_path) == {"done/a.csv": "one"}


def test_killed_while_it_is_copied_it_leaves_nothing_half_under_its_name(
    root: int, bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = written(bucket / "a.csv", "one" * 1000)
    other_file_system(monkeypatch)

    def half(file: Any, copy: Any, _: int) -> None:
        os.write(copy.fileno(), file.read(1500))
        os._exit(9)

    with monkeypatch.context() as dying:
        dying.setattr(clearing.shutil, "copyfileobj", half)
        killed(lambda: clearing.move(root, place("a.csv"), it, tmp_path / "done", SEQUENCER))
    assert clearing.move(root, place("a.csv"), it, tmp_path / "done", SEQUENCER) == tmp_path / "done/a.csv"
    assert files(tmp_path) == {"done/a.csv": "one" * 1000}


@pytest.fixture
def synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is synced, in order."""
    found, fsync = list[str](), os.fsync

    def noted(descriptor: int) -> None:
        found.append(os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), tmp_path))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    return found


def test_it_is_on_the_disk_where_it_goes_before_it_is_gone_here(root: int, bucket: Path, tmp_path: Path, synced: list[str]) -> None:
    """With every directory that is made for it: else a power cut could take the file in both places."""
    for name in ("a.csv", "b.csv"):
        it = written(bucket / "in/2026" / name, "one")
        assert clearing.move(root, place(f"in/2026/{name}"), it, tmp_path / "done", SEQUENCER)
    assert synced[-2:] == ["done/in/2026", "bucket/in/2026"]
    assert sorted(synced[:-2]) == [".", "bucket/in/2026", "done", "done/in", "done/in/2026"]
    assert synced[-3] == "bucket/in/2026"


def test_a_removal_is_on_the_disk(root: int, bucket: Path, synced: list[str]) -> None:
    assert clearing.delete(root, place("in/a.csv"), written(bucket / "in/a.csv", "one"))
    assert synced[-1] == "bucket/in"


def test_a_copy_is_on_the_disk_before_it_is_gone_here(
    root: int, bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synced: list[str]
) -> None:
    other_file_system(monkeypatch)
    it = written(bucket / "in/a.csv", "one")
    assert clearing.move(root, place("in/a.csv"), it, tmp_path / "done", SEQUENCER)
    (part,) = (one for one in synced if one.endswith(".part"))
    assert synced.index(part) < synced.index("done/in") < synced.index("bucket/in")


def test_links_out_of_the_bucket_are_not_followed(root: int, bucket: Path, tmp_path: Path) -> None:
    it = written(tmp_path / "outside/a.csv", "one")
    (bucket / "in").symlink_to(tmp_path / "outside")
    assert not clearing.delete(root, place("in/a.csv"), it)
    assert clearing.move(root, place("in/a.csv"), it, tmp_path / "done", SEQUENCER) is None
    assert files(tmp_path)["outside/a.csv"] == "one"


SEEN = Seen(inode=1, size=2, mtime=3, ctime=4)


@pytest.mark.parametrize(
    ("seen", "right"),
    [
        (SEEN, True),
        (None, False),
        (Seen(inode=9, size=2, mtime=3, ctime=4), False),
        (Seen(inode=1, size=9, mtime=3, ctime=4), False),
        (Seen(inode=1, size=2, mtime=9, ctime=4), False),
        (Seen(inode=1, size=2, mtime=3, ctime=9), False),
    ],
)
def test_only_what_nothing_happened_to_is_untouched(seen: Seen | None, right: bool) -> None:
    row = Version(7, 1, 2, 3, 4, "etag", SEQUENCER, racy=False)
    assert clearing.untouched(seen, row) is right


@pytest.mark.parametrize("linked", ["done", "done/in"])
def test_nothing_is_moved_through_a_link(root: int, bucket: Path, tmp_path: Path, linked: str) -> None:
    it = written(bucket / "in/keys.json", "one")
    (tmp_path / "state/in").mkdir(parents=True)
    (tmp_path / linked).parent.mkdir(exist_ok=True)
    (tmp_path / linked).symlink_to(tmp_path / "state")
    with pytest.raises(OSError, match=r"Too many levels of symbolic links|Not a directory"):
        clearing.move(root, place("in/keys.json"), it, tmp_path / "done", SEQUENCER)
    assert files(tmp_path / "state") == {}
    assert files(bucket) == {"in/keys.json": "one"}


class Killed(BaseException):
    """The daemon dies here."""


def kill_behind(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """The daemon dies right behind the first call of this function of the system."""
    real, calls = getattr(os, call), [1]

    def killed(*args: Any, **kwargs: Any) -> None:
        real(*args, **kwargs)
        if calls:
            calls.pop()
            raise Killed

    monkeypatch.setattr(clearing.os, call, killed)


@pytest.mark.parametrize("newer", [True, False])
def test_killed_in_between_a_newer_version_is_put_back_and_that_version_goes(
    root: int, bucket: Path, monkeypatch: pytest.MonkeyPatch, newer: bool
) -> None:
    it = written(bucket / "in/a.csv", "one")
    with monkeypatch.context() as patch:
        if newer:
            come_between(patch, lambda: os.replace(written_beside(bucket, "newer"), bucket / "in/a.csv"))
        kill_behind(patch, "rename")
        with pytest.raises(Killed):
            clearing.delete(root, place("in/a.csv"), it)
    assert not (bucket / "in/a.csv").exists()
    assert sweeping.sweep(root) == 1
    assert files(bucket) == ({"in/a.csv": "newer"} if newer else {})
    assert os.listdir(bucket / ".router") == []


def test_killed_in_between_a_newer_version_makes_way_for_one_that_came_since(
    root: int, bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = written(bucket / "in/a.csv", "one")
    with monkeypatch.context() as patch:
        come_between(patch, lambda: os.replace(written_beside(bucket, "newer"), bucket / "in/a.csv"))
        kill_behind(patch, "rename")
        with pytest.raises(Killed):
            clearing.delete(root, place("in/a.csv"), it)
    written(bucket / "in/a.csv", "newest")
    sweeping.sweep(root)
    assert files(bucket) == {"in/a.csv": "newest"}
    assert os.listdir(bucket / ".router") == []


def test_killed_before_anything_was_put_aside_nothing_changes(root: int, bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = written(bucket / "in/a.csv", "one")
    with monkeypatch.context() as patch:
        kill_behind(patch, "symlink")
        patch.setattr(clearing, "_forget", lambda *_: None)  # nor does a dead daemon clean up
        with pytest.raises(Killed):
            clearing.delete(root, place("in/a.csv"), it)
    assert len(os.listdir(bucket / ".router")) == 1
    assert sweeping.sweep(root) == 0
    assert files(bucket) == {"in/a.csv": "one"}
    assert os.listdir(bucket / ".router") == []


def test_what_nobody_knows_anything_of_is_left_alone(root: int, bucket: Path) -> None:
    for name in ("gone-1", "gone-2"):
        written(bucket / ".router" / name, "x")
    os.symlink("1-2/../../etc", bucket / ".router/gone-2.from")
    assert sweeping.sweep(root) == 0
    assert files(bucket / ".router") == {"gone-1": "x", "gone-2": "x"}


def written_beside(bucket: Path, text: str) -> Path:
    beside = bucket / ".new"
    beside.write_text(text)
    return beside


def test_nothing_is_made_through_a_link_in_the_way_of_where_it_goes(root: int, bucket: Path, tmp_path: Path) -> None:
    it = written(bucket / "in/a.csv", "one")
    (tmp_path / "state").mkdir()
    (tmp_path / "done").symlink_to("state")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        clearing.move(root, place("in/a.csv"), it, tmp_path / "done", SEQUENCER)
    assert files(tmp_path) == {"bucket/in/a.csv": "one"}
    assert not list((tmp_path / "state").iterdir())
