"""Requests and answers as JSON: what a streamed answer costs who holds it whole."""

from collections.abc import AsyncGenerator

import pytest

from router.api import requests
from router.errors import InvalidParameter
from router.events.http import Response


async def test_a_streamed_answer_comes_whole_and_its_stream_is_closed() -> None:
    closed = []

    async def pieces() -> AsyncGenerator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            closed.append(1)

    assert await requests.whole(Response(200, (), pieces())) == b"ab"
    assert await requests.whole(Response(200, (), b"c")) == b"c"
    assert closed == [1]


async def test_one_that_is_too_large_is_refused_and_its_stream_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "LIMIT", 3)
    closed = []

    async def pieces() -> AsyncGenerator[bytes]:
        try:
            while True:
                yield b"ab"
        finally:
            closed.append(1)

    with pytest.raises(InvalidParameter, match="larger than 3 bytes"):
        await requests.whole(Response(200, (), pieces()))
    assert closed == [1]
