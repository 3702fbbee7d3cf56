"""A function URL in stream mode: heads, bodies, what breaks before and after the head, without a port."""

import json
from pathlib import Path
from typing import Any

import pytest

from router.config.types import Config, Function, Listen
from router.errors import StreamBroken, TooManyRequests
from router.events.function_url import PRELUDE_LIMIT
from router.events.http import Request, Response
from router.model import PRELUDE_END, Outcome, Stream
from router.sources.base import Binding, House
from router.sources.http import HttpSource
from router.sources.http_triggers import UrlTrigger
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock
from tests.helpers.outlet import MemoryOutlet, streamed

NOW = 1_790_000_000.25
BROKEN = StreamBroken("Sandbox.Timedout", b"{}")


def url(answer: Any, *, streaming: bool = True) -> tuple[HttpSource, MemoryOutlet]:
    house = House(Config(Path("/c/config.yaml"), Path("/s"), http=Listen("off")), VirtualClock(NOW), None, Metrics())  # type: ignore[arg-type]
    (source,) = HttpSource.build([Binding(Function("f", Path("/code"), "app.handler"), UrlTrigger(streaming), 0)], house)
    outlet = MemoryOutlet(lambda _: answer)
    source.places.line.outlet = outlet
    return source, outlet


async def asked(answer: Any, *, streaming: bool = True) -> Response:
    source, _ = url(answer, streaming=streaming)
    return await source.handle(Request("GET", "/_url/f/x", [("host", "a")], host="a"))


async def body(response: Response) -> bytes:
    assert not isinstance(response.body, bytes)
    return b"".join([piece async for piece in response.body])


def header(response: Response, name: str) -> list[str]:
    return [value for key, value in response.headers if key.lower() == name]


def prelude(**told: Any) -> bytes:
    return json.dumps(told).encode() + PRELUDE_END


async def test_a_stream_is_sent_on_under_its_own_type() -> None:
    response = await asked(streamed(b"one ", b"two", content_type="text/csv"))
    assert (response.status, header(response, "content-type"), await body(response)) == (200, ["text/csv"], b"one two")
    assert header(response, "x-amzn-requestid")


async def test_a_prelude_is_the_head_and_no_byte_of_the_body() -> None:
    told = prelude(statusCode=201, headers={"Content-Type": "text/html", "X-A": 1}, cookies=["a=1", "b=2"])
    response = await asked(streamed(told + b"<p>", b"</p>", http=True))
    assert (response.status, header(response, "content-type"), header(response, "x-a")) == (201, ["text/html"], ["1"])
    assert header(response, "set-cookie") == ["a=1", "b=2"]
    assert await body(response) == b"<p></p>"


@pytest.mark.parametrize("size", [1, 3, 7])
async def test_a_prelude_may_come_in_any_pieces(size: int) -> None:
    wire = prelude(statusCode=202) + b"\0\0body\0" * 3
    response = await asked(streamed(*(wire[at : at + size] for at in range(0, len(wire), size)), http=True))
    assert (response.status, await body(response)) == (202, b"\0\0body\0" * 3)


async def test_a_prelude_without_a_body_is_a_whole_answer() -> None:
    response = await asked(streamed(prelude(statusCode=204), http=True))
    assert (response.status, await body(response)) == (204, b"")


async def test_a_prelude_need_not_say_a_status_or_a_type() -> None:
    response = await asked(streamed(prelude() + b"x", http=True))
    assert (response.status, header(response, "content-type")) == (200, ["application/octet-stream"])


@pytest.mark.parametrize(
    "wire",
    [
        b"{" + PRELUDE_END,
        b"[]" + PRELUDE_END,
        b"{}",
        b"",
        b'{"statusCode": "x"}' + PRELUDE_END,
        b'{"headers": {"a": "b\\r\\nc: d"}}' + PRELUDE_END,
        b'{"a": "' + b"x" * PRELUDE_LIMIT + b'"}' + PRELUDE_END,
        b'{"a": "' + b"x" * PRELUDE_LIMIT,
    ],
)
async def test_a_prelude_that_is_no_head_is_a_malformed_answer(wire: bytes) -> None:
    answer = streamed(*([wire] if wire else []), http=True)
    response = await asked(answer)
    assert (response.status, response.body) == (502, b"Internal Server Error")


async def test_the_rest_of_a_malformed_stream_is_read_by_nobody() -> None:
    answer = streamed(b"{" + PRELUDE_END, b"secret", http=True)
    await asked(answer)
    assert [piece async for piece in answer.pieces] == []


async def test_what_breaks_before_the_head_is_the_functions_error() -> None:
    response = await asked(streamed(b'{"status', BROKEN, http=True))
    assert (response.status, response.body) == (502, b"Internal Server Error")


async def test_what_breaks_after_the_head_breaks_the_answer_off() -> None:
    response = await asked(streamed(prelude(statusCode=200) + b"half", BROKEN, http=True))
    assert response.status == 200
    with pytest.raises(StreamBroken):
        await body(response)


async def test_a_client_that_leaves_before_the_first_byte_ends_the_stream() -> None:
    answer: Stream = streamed(b"one", b"two")
    response = await asked(answer)
    await response.body.aclose()  # type: ignore[union-attr]
    assert [piece async for piece in answer.pieces] == []


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_whole_result_is_answered_as_if_it_were_buffered(streaming: bool) -> None:
    response = await asked(Outcome(b'{"statusCode": 201, "body": "made"}'), streaming=streaming)
    assert (response.status, response.body) == (201, b"made")


async def test_a_function_error_before_the_first_byte_is_502() -> None:
    response = await asked(Outcome(b'{"errorType": "E"}', "Unhandled", "E"))
    assert (response.status, response.body) == (502, b"Internal Server Error")


async def test_without_a_slot_the_client_may_come_back() -> None:
    source, outlet = url(None)

    async def full(_: Any) -> Stream:
        raise TooManyRequests("ConcurrentInvocationLimitExceeded")

    outlet.stream = full  # type: ignore[method-assign]
    response = await source.handle(Request("GET", "/_url/f/", [("host", "a")], host="a"))
    assert (response.status, header(response, "retry-after")) == (429, ["1"])


async def test_the_event_names_the_invocations_own_request_id() -> None:
    source, outlet = url(streamed(b"x"))
    response = await source.handle(Request("GET", "/_url/f/", [("host", "a")], host="a"))
    (envelope,) = outlet.invoked
    assert json.loads(envelope.payload)["requestContext"]["requestId"] == envelope.request_id == header(response, "x-amzn-requestid")[0]
