"""The events of a streamed answer."""

import base64
from contextlib import aclosing
from typing import Any

import pytest

from router.api.aws.event_stream import messages
from router.api.aws.lambda_.invoking import events
from router.errors import StreamBroken
from router.model import Outcome, Stream
from tests.helpers.models import model


class Given:
    """Pieces of an answer, and how it ends."""

    def __init__(self, pieces: list[bytes], error: StreamBroken | None = None) -> None:
        self._pieces, self._error = pieces, error
        self.closed = False

    def __aiter__(self) -> "Given":
        return self

    async def __anext__(self) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed = True


async def outcome(**more: Any) -> Outcome:
    return Outcome(**{"payload": b"", "log": ("START", "REPORT"), **more})


async def told(pieces: Given, *, tail: bool = False, **more: Any) -> list[dict[str, Any]]:
    ended = outcome(**more)
    async with aclosing(events(Stream("text/plain", pieces, ended), tail=tail)) as reading:
        found = [one async for one in reading]
    ended.close()
    assert pieces.closed
    return found


async def test_pieces_then_one_end() -> None:
    assert await told(Given([b"a", b"b"])) == [
        {"PayloadChunk": {"Payload": b"a"}},
        {"PayloadChunk": {"Payload": b"b"}},
        {"InvokeComplete": {}},
    ]


async def test_the_tail_of_the_log_is_in_the_end() -> None:
    (end,) = await told(Given([]), tail=True)
    assert base64.b64decode(end["InvokeComplete"]["LogResult"]) == b"START\nREPORT\n"


@pytest.mark.parametrize(("kind", "code"), [("ValueError", "Unhandled"), ("Runtime.ExitError", "Runtime.ExitError"), ("", "Unhandled")])
async def test_an_answer_that_breaks_off_says_why(kind: str, code: str) -> None:
    found = await told(Given([b"a"], StreamBroken(kind, b'{"errorType":"x"}')))
    assert found == [{"PayloadChunk": {"Payload": b"a"}}, {"InvokeComplete": {"ErrorCode": code, "ErrorDetails": '{"errorType":"x"}'}}]


async def test_one_that_fails_before_its_first_byte_says_why() -> None:
    found = await told(Given([]), payload=b'{"errorType":"Sandbox.Timedout"}', function_error="Unhandled", error_type="Sandbox.Timedout")
    assert found == [{"InvokeComplete": {"ErrorCode": "Sandbox.Timedout", "ErrorDetails": '{"errorType":"Sandbox.Timedout"}'}}]


async def test_who_stops_reading_closes_the_answer() -> None:
    pieces, ended = Given([b"a", b"b"]), outcome()
    reading = events(Stream("text/plain", pieces, ended), tail=False)
    assert await anext(reading) == {"PayloadChunk": {"Payload": b"a"}}
    await reading.aclose()
    ended.close()
    assert pieces.closed


async def test_who_leaves_before_the_first_byte_closes_the_answer_too() -> None:
    """Otherwise the function would wait for room, in its slot, until its timeout."""
    output = model("lambda").operations["InvokeWithResponseStream"].output
    assert output is not None
    pieces, ended = Given([b"a"]), outcome()
    await messages(output.members["EventStream"].shape, events(Stream("text/plain", pieces, ended), tail=False)).aclose()
    ended.close()
    assert pieces.closed
