"""How long a thread had something to do, as the kernel counts it."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from router.web import busy
from router.web.busy import Busy

T = TypeVar("T")


def in_a_thread(run: Callable[[], T]) -> T:
    """What it gives in a thread of its own, whose processor is nobody else's affair."""
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(run()))
    thread.start()
    thread.join()
    return found[0]


@contextmanager
def spinning(processor: int) -> Iterator[None]:
    """Another process wants that processor all the time."""
    if not (child := os.fork()):
        os.sched_setaffinity(0, {processor})
        while True:
            pass
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def spun(seconds: float) -> tuple[float, float]:
    """Shares of the time, in a thread that always has something to do: busy, and on a processor."""
    counted = Busy()
    began, ran, spent = time.monotonic(), time.thread_time(), counted.seconds()
    while time.monotonic() < began + seconds:
        pass
    took = time.monotonic() - began
    shares = (counted.seconds() - spent) / took, (time.thread_time() - ran) / took
    counted.close()
    return shares


def test_who_waits_for_a_processor_is_busy() -> None:
    processor = min(os.sched_getaffinity(0))

    def run() -> tuple[float, float]:
        os.sched_setaffinity(0, {processor})  # of this thread
        return spun(0.5)

    with spinning(processor):
        share, ran = in_a_thread(run)
    assert share > 0.9
    assert ran < 0.8


def test_who_sleeps_is_not() -> None:
    def run() -> float:
        counted = Busy()
        before = counted.seconds()
        time.sleep(0.2)
        after = counted.seconds()
        counted.close()
        return after - before

    assert in_a_thread(run) < 0.1


@pytest.mark.parametrize("content", [None, "", "0\n", "x y z\n"])
def test_without_the_kernels_word_its_processor_time_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, content: str | None
) -> None:
    file = tmp_path_factory.mktemp("proc") / "schedstat"
    if content is not None:
        file.write_text(content)
    monkeypatch.setattr(busy, "_WAITS", str(file))
    counted = Busy()
    before = time.thread_time()
    assert before <= counted.seconds() <= time.thread_time()
    counted.close()
    counted.close()
    assert counted.seconds() <= time.thread_time()
