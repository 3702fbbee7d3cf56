"""Hints on their way, and what inotify and the library say, as hints."""

import asyncio
import logging
import os
import struct
import threading
from pathlib import Path

import pytest
from watchdog import events
from watchdog.observers import Observer

from router.buckets import notifications, watch
from router.buckets.inotify import InotifyWatcher
from router.buckets.notifications import WatchdogWatcher
from router.buckets.versions import CHANGED, CLOSED, CREATED, GONE, MOVED
from router.buckets.watch import DIRECTORY, OVERFLOW, ROOT, Hint, Mailbox, Unwatched

ISDIR = 0x4000_0000


def test_auto_is_inotify_on_linux_and_the_library_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch.sys, "platform", "linux")
    assert watch.chosen("auto") == "inotify"
    monkeypatch.setattr(watch.sys, "platform", "darwin")
    assert watch.chosen("auto") == "watchdog"
    assert watch.chosen("scan") == "scan"


async def test_each_kind_can_be_made(tmp_path: Path) -> None:
    assert isinstance(watch.make("inotify", tmp_path), InotifyWatcher)
    assert isinstance(watch.make("watchdog", tmp_path), WatchdogWatcher)
    assert isinstance(watch.make("scan", tmp_path), Unwatched)


async def test_a_mailbox_gives_all_hints_in_order_and_waits_for_the_first() -> None:
    mailbox = Mailbox()
    waiting = asyncio.ensure_future(mailbox.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    mailbox.put([])
    mailbox.put([Hint("a", 1), Hint("b", 2)])
    mailbox.put([Hint("c", 4)])
    assert await waiting == [("a", 1), ("b", 2), ("c", 4)]


async def test_a_full_mailbox_says_that_hints_were_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "QUEUE", 3)
    mailbox = Mailbox()
    mailbox.put([Hint("a", 1)] * 4)
    mailbox.put([Hint("b", 1)])
    assert await mailbox.take() == [Hint("", OVERFLOW), Hint("b", 1)]


async def test_without_notifications_no_hint_comes() -> None:
    unwatched = Unwatched()
    await unwatched.open()
    assert unwatched.cover("a", 0)
    assert unwatched.alive()
    hints = asyncio.ensure_future(unwatched.hints())
    await asyncio.sleep(0)
    assert not hints.done()
    hints.cancel()
    unwatched.close()


# -- inotify


def event(watch: int, mask: int, name: str = "") -> bytes:
    raw = os.fsencode(name)
    padded = raw + b"\0" * (-len(raw) % 16 + 16) if raw else b""
    return struct.pack("iIII", watch, mask, 0, len(padded)) + padded


def covering() -> InotifyWatcher:
    watcher = InotifyWatcher()
    watcher._paths = {1: "", 2: "d"}
    watcher._watches = {"": 1, "d": 2}
    return watcher


@pytest.mark.parametrize(
    ("data", "hints"),
    [
        (event(1, 0x8, "a"), [("a", CLOSED)]),
        (event(2, 0x80, "a\nb"), [("d/a\nb", MOVED)]),
        (event(2, 0x40, "a"), [("d/a", GONE)]),
        (event(2, 0x200, "a"), [("d/a", GONE)]),
        (event(2, 0x100, "caf\udce9"), [("d/caf\udce9", CREATED)]),
        (event(1, 0x4, "a"), [("a", CHANGED)]),
        (event(1, 0x100 | ISDIR, "new"), [("new", DIRECTORY)]),
        (event(1, 0x80 | ISDIR, "new"), [("new", DIRECTORY)]),
        (event(-1, 0x4000), [("", OVERFLOW)]),
        (event(1, 0x400), [("", ROOT)]),
        (event(1, 0x800), [("", ROOT)]),
        (event(1, 0x2000), [("", ROOT)]),
        (event(2, 0x400), []),
        (event(9, 0x8, "a"), []),
        (event(1, 0x100, "a") + event(-1, 0x4000) + event(1, 0x8, "x" * 255), [("a", CREATED), ("", OVERFLOW), ("x" * 255, CLOSED)]),
        (b"", []),
    ],
)
def test_what_the_kernel_says(data: bytes, hints: list[tuple[str, int]]) -> None:
    assert covering().parse(data) == hints


def test_a_directory_that_left_is_no_longer_watched_nor_what_is_below_it() -> None:
    watcher = covering()
    watcher._paths |= {3: "d/e", 4: "dd"}
    watcher._watches |= {"d/e": 3, "dd": 4}
    assert watcher.parse(event(1, 0x40 | ISDIR, "d")) == [("d", DIRECTORY)]
    assert watcher._watches == {"": 1, "dd": 4}
    assert watcher.parse(event(3, 0x8, "late")) == []


def test_a_watch_that_the_kernel_dropped_is_forgotten() -> None:
    watcher = covering()
    assert watcher.parse(event(2, 0x8000)) == []
    assert watcher._watches == {"": 1}
    assert watcher.parse(event(2, 0x8, "x")) == []


async def test_a_covered_directory_is_followed_through_its_rename(tmp_path: Path) -> None:
    watcher = InotifyWatcher()
    await watcher.open()
    (tmp_path / "d").mkdir()
    descriptor = os.open(tmp_path / "d", os.O_RDONLY)
    assert watcher.cover("d", descriptor)
    assert watcher.cover("renamed", descriptor)  # the same inode, found under another name
    (tmp_path / "d/f").touch()
    assert ("renamed/f", CREATED) in await asyncio.wait_for(watcher.hints(), 5)
    assert set(watcher._watches) == {"renamed"}
    assert watcher.alive()
    file = os.open(tmp_path / "d/f", os.O_RDONLY)
    assert not watcher.cover("f", file)  # no directory: cannot be covered
    os.close(file)
    watcher.close()
    watcher.close()
    assert watcher.cover("d", descriptor)
    assert not watcher.alive()
    os.close(descriptor)


async def test_a_broken_descriptor_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = InotifyWatcher()
    await watcher.open()

    def broken(*_: object) -> bytes:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(os, "read", broken)
    watcher._read()
    assert not watcher.alive()
    watcher.close()


# -- the library


ROOT_PATH = "/srv/bucket"


@pytest.mark.parametrize(
    ("said", "hints"),
    [
        (events.FileCreatedEvent(f"{ROOT_PATH}/a"), [("a", CREATED)]),
        (events.FileClosedEvent(f"{ROOT_PATH}/d/a"), [("d/a", CLOSED | CHANGED)]),
        (events.FileModifiedEvent(f"{ROOT_PATH}/a"), [("a", CHANGED)]),
        (events.FileDeletedEvent(f"{ROOT_PATH}/a"), [("a", GONE)]),
        (events.FileMovedEvent(f"{ROOT_PATH}/a", f"{ROOT_PATH}/b"), [("a", GONE), ("b", MOVED)]),
        (events.FileMovedEvent("/elsewhere/a", f"{ROOT_PATH}/b"), [("b", MOVED)]),
        (events.DirMovedEvent(f"{ROOT_PATH}/d", f"{ROOT_PATH}/e"), [("d", DIRECTORY), ("e", DIRECTORY)]),
        (events.DirCreatedEvent(f"{ROOT_PATH}/d"), [("d", DIRECTORY)]),
        (events.DirDeletedEvent(ROOT_PATH), [("", ROOT)]),
        (events.DirModifiedEvent(ROOT_PATH), []),
        (events.FileCreatedEvent("/srv/bucket2/a"), []),
    ],
)
async def test_what_the_library_says(said: events.FileSystemEvent, hints: list[tuple[str, int]]) -> None:
    assert WatchdogWatcher(Path(ROOT_PATH))._translated(said) == hints


async def test_hints_cross_from_threads_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "QUEUE", 5)
    watcher = WatchdogWatcher(Path(ROOT_PATH))
    thread = threading.Thread(target=lambda: [watcher.on_any_event(events.FileCreatedEvent(f"{ROOT_PATH}/a")) for _ in range(4)])
    thread.start()
    thread.join()
    assert await watcher.hints() == [("a", CREATED)] * 4
    watcher.hold([Hint("b", CREATED)] * 9)
    assert await watcher.hints() == [("", OVERFLOW)]


async def test_the_librarys_warning_about_lost_events_is_an_overflow(tmp_path: Path) -> None:
    watcher = WatchdogWatcher(tmp_path)
    await watcher.open()
    assert watcher.alive()
    assert watcher.cover("", 0)
    logger = logging.getLogger("watchdog.observers.inotify_c")
    logger.warning("Inotify queue overflowed; filesystem events were lost")
    logger.warning("something else")
    assert await watcher.hints() == [("", OVERFLOW)]
    watcher.close()
    watcher.close()
    assert not watcher.alive()
    assert not logger.handlers


async def test_a_dead_reader_is_said_when_the_watcher_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = WatchdogWatcher(tmp_path)
    monkeypatch.setattr(threading, "enumerate", list)
    with pytest.raises(OSError, match="reader thread has died"):
        await watcher.open()
    watcher.close()


def test_the_library_has_what_we_lean_on() -> None:
    """Not all of it is documented: a new release that moves it is noticed here."""
    assert Observer.__name__ == "InotifyObserver"
    assert "overflowed" in Path(notifications.events.__file__).with_name("observers").joinpath("inotify_c.py").read_text()
