"""A body that arrives while it is read."""

import asyncio

import pytest

from router.web.body import GRAIN, Body, BodyBroken


class Owner:
    """Counts how often the reader asked for more."""

    def __init__(self) -> None:
        self.asked = 0

    def on_read(self) -> None:
        self.asked += 1


async def test_a_large_piece_comes_as_it_was_and_small_ones_together() -> None:
    owner = Owner()
    body = Body(owner.on_read)
    large = bytes(GRAIN)
    for piece in (large, large, b"one", b"two"):
        body.put(piece)
    assert await anext(body) is large
    assert body.size == GRAIN + 6
    assert await anext(body) is large
    assert await anext(body) == b"onetwo"
    assert (body.size, owner.asked) == (0, 3)


async def test_what_waits_comes_in_one_piece_and_the_end_ends_it() -> None:
    owner = Owner()
    body = Body(owner.on_read)
    body.put(b"one")
    body.put(b"")
    body.put(b"two")
    assert (body.size, body.received) == (6, 6)
    assert await anext(body) == b"onetwo"
    assert (body.size, owner.asked) == (0, 1)
    body.end()
    assert [piece async for piece in body] == []


async def test_a_reader_that_waits_is_woken_by_a_piece_the_end_or_a_failure() -> None:
    body = Body(Owner().on_read)
    reading = asyncio.ensure_future(anext(body))
    await asyncio.sleep(0)
    assert body.hungry
    body.put(b"x")
    assert await reading == b"x"
    last = asyncio.ensure_future(anext(body, b"end"))
    await asyncio.sleep(0)
    body.end()
    assert await last == b"end"
    broken = Body(Owner().on_read)
    reading = asyncio.ensure_future(anext(broken))
    await asyncio.sleep(0)
    broken.fail(BodyBroken("slow", "too slow"))
    with pytest.raises(BodyBroken, match="too slow"):
        await reading


async def test_of_a_broken_body_nothing_is_given_out() -> None:
    body = Body(Owner().on_read)
    body.put(b"half")
    body.fail(BodyBroken("left", "gone"))
    body.fail(BodyBroken("slow", "later"))
    for _ in range(2):
        with pytest.raises(BodyBroken) as caught:
            await anext(body)
        assert caught.value.trouble == "left"


async def test_a_whole_body_does_not_break() -> None:
    body = Body(Owner().on_read)
    body.put(b"all")
    body.end()
    body.fail(BodyBroken("left", "gone"))
    assert [piece async for piece in body] == [b"all"]
