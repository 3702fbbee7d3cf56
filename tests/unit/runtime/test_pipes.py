"""The daemon's ends of a worker's descriptors, against pipes of this process."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest

from router.runtime import frames
from router.runtime.frames import Frame
from router.runtime.pipes import Channel

LARGE = b"x" * (1 << 20)  # more than a pipe holds


class Rig:
    """A channel and the worker at its other end."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.ends = 0
        self.channel = Channel(self.frames.append, self._ended)
        self.requests, self.responses = (os.dup(end) for end in self.channel.theirs)
        self.channel.passed_on()

    def _ended(self) -> None:
        self.ends += 1

    def die(self) -> None:
        for end in (self.requests, self.responses):
            if end >= 0:
                os.close(end)
        self.requests = self.responses = -1


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    yield made
    made.channel.close()
    made.die()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


async def test_an_event_that_nobody_has_read_is_not_taken(rig: Rig) -> None:
    assert rig.channel.send(frames.INVOKE, b"{}", b"small")
    assert not rig.channel.taken
    os.read(rig.requests, 1)
    assert rig.channel.taken


async def test_a_large_event_of_which_nothing_was_read_is_not_taken_when_the_worker_dies(rig: Rig) -> None:
    """The rest of it can be told by the writing that fails, by the reading that ends, or by one after the other."""
    assert rig.channel.send(frames.INVOKE, b"{}", LARGE)
    assert not rig.channel.taken
    rig.die()
    await until(lambda: rig.ends == 1)
    assert not rig.channel._waiting
    assert not rig.channel.taken


@pytest.mark.parametrize("ended", [False, True])
async def test_a_writing_that_fails_says_what_was_never_written(rig: Rig, *, ended: bool) -> None:
    assert rig.channel.send(frames.INVOKE, b"{}", LARGE)
    os.close(rig.requests)
    rig.requests = -1
    await until(lambda: not rig.channel._waiting)
    assert not rig.channel.taken
    if ended:
        rig.die()
        await until(lambda: rig.ends == 1)
        assert not rig.channel.taken


async def test_a_large_event_of_which_something_was_read_is_taken_whenever_the_worker_dies(rig: Rig) -> None:
    assert rig.channel.send(frames.INVOKE, b"{}", LARGE)
    os.read(rig.requests, 10)
    rig.die()
    await until(lambda: rig.ends == 1)
    assert rig.channel.taken


async def test_a_large_event_arrives_whole_as_it_is_read(rig: Rig) -> None:
    assert rig.channel.send(frames.INVOKE, b"{}", LARGE)
    decoder, found = frames.Decoder(2 << 20), list[Frame]()
    os.set_blocking(rig.requests, False)
    while not found:
        with suppress(BlockingIOError):
            found = decoder.feed(os.read(rig.requests, 1 << 16))
        await asyncio.sleep(0)
    assert [(frame.kind, frame.body) for frame in found] == [(frames.INVOKE, LARGE)]
    assert rig.channel.taken
