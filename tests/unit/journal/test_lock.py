"""One daemon on a state directory, and words for who is in the way."""

import asyncio
import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from router.errors import JournalError, StateLocked
from router.journal.lock import StateLock, prepare_state
from tests.helpers.clock import VirtualClock

HOLDER = "import fcntl,sys; f=open(sys.argv[1],'a+'); fcntl.flock(f,2); f.seek(0); f.truncate(); f.write(sys.argv[2]); f.flush(); print(flush=True); sys.stdin.read()"


def holder(state: Path, pid: str) -> "subprocess.Popen[bytes]":
    """A process that holds the lock until its stdin is closed."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, state / "lock", pid], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def end(process: "subprocess.Popen[bytes]") -> None:
    process.communicate(timeout=10)


async def test_the_lock_says_who_holds_it(tmp_path: Path) -> None:
    lock = await StateLock.acquire(tmp_path, wait=0, clock=VirtualClock())
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    with pytest.raises(StateLocked, match=rf"pid {os.getpid()}\) holds the state directory {tmp_path}: stop it"):
        await StateLock.acquire(tmp_path, wait=0, clock=VirtualClock())
    lock.release()
    lock.release()
    (await StateLock.acquire(tmp_path, wait=0, clock=VirtualClock())).release()


async def test_a_refused_daemon_leaves_the_holder_undisturbed(tmp_path: Path) -> None:
    process = holder(tmp_path, "12345678")
    try:
        with pytest.raises(StateLocked, match=r"a daemon that died \(pid 12345678\)"):
            await StateLock.acquire(tmp_path, wait=0, clock=VirtualClock())
        assert (tmp_path / "lock").read_text() == "12345678"
    finally:
        end(process)


async def test_a_dying_predecessor_is_waited_for(tmp_path: Path) -> None:
    clock = VirtualClock()
    first = await StateLock.acquire(tmp_path, wait=0, clock=clock)
    second = asyncio.create_task(StateLock.acquire(tmp_path, wait=3, clock=clock))
    await clock.advance(2)
    assert not second.done()
    first.release()
    await clock.advance(0.1)
    (await second).release()


async def test_the_wait_has_an_end(tmp_path: Path) -> None:
    clock = VirtualClock()
    first = await StateLock.acquire(tmp_path, wait=0, clock=clock)
    second = asyncio.create_task(StateLock.acquire(tmp_path, wait=3, clock=clock))
    await clock.advance(3.1)
    with pytest.raises(StateLocked):
        await second
    first.release()


async def test_a_process_that_shares_the_lock_keeps_it(tmp_path: Path) -> None:
    lock = await StateLock.acquire(tmp_path, wait=0, clock=VirtualClock())
    assert not os.get_inheritable(lock.fd)
    worker = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, pass_fds=[lock.share()])
    assert os.get_inheritable(lock.fd)
    lock.release()
    try:
        with pytest.raises(StateLocked):
            await StateLock.acquire(tmp_path, wait=0, clock=VirtualClock())
    finally:
        end(worker)
    (await StateLock.acquire(tmp_path, wait=0, clock=VirtualClock())).release()


async def test_a_lock_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match=str(tmp_path / "lock")):
        await StateLock.acquire(tmp_path, wait=0, clock=VirtualClock())
    assert not (tmp_path / "elsewhere").exists()


async def test_the_lock_is_taken_also_when_there_is_no_space_to_say_by_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: bytes, offset: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    lock = await StateLock.acquire(tmp_path, wait=0, clock=VirtualClock())
    with pytest.raises(StateLocked, match="another process holds the state directory"):
        await StateLock.acquire(tmp_path, wait=0, clock=VirtualClock())
    lock.release()


def test_the_state_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    prepare_state(tmp_path / "a" / "state")
    assert (tmp_path / "a" / "state").stat().st_mode & 0o777 == 0o700
    prepare_state(tmp_path / "a" / "state")


def test_a_state_directory_of_another_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(JournalError, match=rf"{tmp_path} must belong to uid 54321, it belongs to uid {tmp_path.stat().st_uid}"):
        prepare_state(tmp_path)


def test_a_state_directory_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(JournalError, match="mode 0500"):
        prepare_state(tmp_path)
    tmp_path.chmod(0o700)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(JournalError, match="read-only"):
        prepare_state(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot use"):
        prepare_state(tmp_path / "file")


async def test_a_lock_whose_file_is_deleted_or_replaced_is_held_no_more(tmp_path: Path) -> None:
    lock, path = await StateLock.acquire(tmp_path, wait=0, clock=VirtualClock()), tmp_path / "lock"
    assert lock.held()
    path.rename(tmp_path / "elsewhere")
    assert not lock.held()
    path.write_text("1\n")
    assert not lock.held()
    (tmp_path / "elsewhere").replace(path)
    assert lock.held()
    lock.release()


async def test_the_lock_is_for_its_owner_alone_and_says_nothing_of_who_held_it_before(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        (await StateLock.acquire(tmp_path, wait=0, clock=VirtualClock())).release()
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600
    (tmp_path / "lock").write_text("123456789012345\nmore\n")
    lock = await StateLock.acquire(tmp_path, wait=0, clock=VirtualClock())
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    lock.release()
