"""Nothing outside the root is ever opened, with openat2 and without."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.buckets import beneath as module
from router.buckets.beneath import beneath


@pytest.fixture(params=["openat2", "walk"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    if request.param == "walk":
        monkeypatch.setattr(module._kernel, "able", False)
    (tmp_path / "root/a/b").mkdir(parents=True)
    (tmp_path / "root/a/b/file").write_text("inside")
    (tmp_path / "outside").write_text("outside")
    descriptor = os.open(tmp_path / "root", os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def content(root: int, path: str) -> bytes:
    descriptor = beneath(root, path)
    try:
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


def test_a_file_inside_is_opened(root: int) -> None:
    assert content(root, "a/b/file") == b"inside"
    directory = beneath(root, "", os.O_RDONLY | os.O_DIRECTORY)
    assert os.listdir(directory) == ["a"]
    assert not os.get_inheritable(directory)
    os.close(directory)


def test_a_path_may_be_opened_for_its_place_alone(root: int) -> None:
    os.close(beneath(root, "a/b", os.O_PATH | os.O_DIRECTORY))
    with pytest.raises(NotADirectoryError):
        beneath(root, "a/b/file", os.O_PATH | os.O_DIRECTORY)


@pytest.mark.parametrize("path", ["../outside", "a/../../outside", "/etc/passwd"])
def test_no_path_leads_out(root: int, path: str) -> None:
    with pytest.raises(OSError, match="Invalid cross-device link"):
        beneath(root, path)


@pytest.mark.parametrize("target", ["../outside", "/etc/passwd", "a/b/file", "nowhere", "loop"])
def test_no_link_is_followed(root: int, target: str, tmp_path: Path) -> None:
    (tmp_path / "root/loop").symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        beneath(root, "loop")


def test_no_link_on_the_way_is_followed(root: int, tmp_path: Path) -> None:
    (tmp_path / "root/link").symlink_to("a")
    with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
        beneath(root, "link/b/file")


def test_what_is_missing_is_missing(root: int) -> None:
    with pytest.raises(FileNotFoundError):
        beneath(root, "a/none")
    with pytest.raises(NotADirectoryError):
        beneath(root, "a/b/file/below")
    with pytest.raises(ValueError, match="NUL"):
        beneath(root, "a\0b")


def test_a_fifo_does_not_wait(root: int, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "root/fifo")
    os.close(beneath(root, "fifo"))


def test_the_walk_takes_over_when_the_kernel_refuses_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        module.ctypes.set_errno(module.errno.ENOSYS)
        return -1

    monkeypatch.setattr(module._kernel, "syscall", refused)
    monkeypatch.setattr(module._kernel, "able", True)
    (tmp_path / "x").write_text("x")
    directory = os.open(tmp_path, os.O_RDONLY)
    assert content(directory, "x") == b"x"
    assert not module._kernel.able
    os.close(directory)
