"""The buffer between a worker and whoever reads its streamed answer."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.dispatch.flow import HIGH, Flow
from router.errors import EnvironmentUnavailable, StreamBroken
from router.model import Outcome
from tests.helpers.clock import settle

DONE = Outcome(b"")
FAILED = Outcome(b"{}", "Unhandled", "Boom")


class Source:
    """Feeds a flow as an environment does: as long as it takes more."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.flow = Flow()
        self.flow.on_room = self.go_on
        self.left, self.most = pieces, 0

    def go_on(self) -> None:
        while self.left and self.flow.feed(self.left.pop(0)):
            pass


@given(pieces=st.lists(st.binary(max_size=20) | st.sampled_from([bytes(HIGH // 3), bytes(HIGH)]), max_size=12), failed=st.booleans())
async def test_what_is_fed_is_read_whatever_the_cutting_and_memory_is_bounded(pieces: list[bytes], failed: bool) -> None:
    source, found = Source(list(pieces)), []
    source.flow.begin("text/plain")
    source.go_on()
    stream = await source.flow.stream()

    async def read() -> None:
        async for piece in stream.pieces:
            found.append(piece)
            assert len(piece) < 2 * HIGH

    reading = asyncio.create_task(read())
    await settle()
    assert not source.left
    source.flow.finish(FAILED if failed else DONE)
    if failed:
        with pytest.raises(StreamBroken):
            await reading
    await asyncio.gather(reading, return_exceptions=True)
    assert b"".join(found) == b"".join(pieces)
    assert b"" not in found


async def test_nobody_reads_so_the_worker_waits() -> None:
    source = Source([bytes(HIGH // 4)] * 100)
    source.flow.begin("text/plain")
    source.go_on()
    await settle()
    assert len(source.left) == 96
    await anext(source.flow)
    assert len(source.left) == 92


async def test_a_reader_that_leaves_lets_the_function_go_on() -> None:
    source = Source([bytes(HIGH // 4)] * 100)
    source.flow.begin("text/plain")
    source.go_on()
    await source.flow.aclose()
    assert not source.left
    with pytest.raises(StopAsyncIteration):
        await anext(source.flow)
    source.flow.finish(DONE)
    assert await (await source.flow.stream()).outcome == DONE


async def test_a_reader_that_waits_is_let_go_by_aclose() -> None:
    flow = Flow()
    flow.begin("text/plain")
    waiting = asyncio.ensure_future(anext(flow, b"ended"))
    await settle()
    await flow.aclose()
    assert await waiting == b"ended"


async def test_broken_once_it_is_over() -> None:
    flow = Flow()
    flow.begin("text/plain")
    flow.finish(FAILED)
    with pytest.raises(StreamBroken, match="Boom"):
        await anext(flow)
    with pytest.raises(StopAsyncIteration):
        await anext(flow)


async def test_what_comes_after_the_first_outcome_is_dropped() -> None:
    flow = Flow()
    flow.finish(Outcome(b'"early"'))
    flow.finish(Outcome(b'"late"'))
    flow.fail(EnvironmentUnavailable("too late"))
    stream = await flow.stream()
    assert (await stream.outcome).payload == b'"early"'
    assert [piece async for piece in stream.pieces] == [b'"early"']
