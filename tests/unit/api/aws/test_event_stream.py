"""Event streams, with botocore as the reader."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.event_stream import Read, message, messages
from router.api.aws.service import AwsError
from tests.helpers.models import model

STREAM = model("lambda").operations["InvokeWithResponseStream"].output
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


def read(data: bytes) -> list[tuple[dict[str, Any], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(one.headers, one.payload) for one in buffer]


@given(st.dictionaries(st.text("abc:-", min_size=1, max_size=20), TEXT, max_size=5), st.binary(max_size=100))
def test_a_message_is_read(headers: dict[str, str], payload: bytes) -> None:
    assert read(message(headers, payload)) == [(headers, payload)]


async def streamed(*events: Any, error: Exception | None = None, **options: Any) -> list[tuple[dict[str, Any], bytes]]:
    closed: list[bool] = []

    async def close() -> None:
        closed.append(True)

    async def source() -> AsyncGenerator[Any, None]:
        for one in events:
            yield one
        if error is not None:
            raise error

    assert STREAM is not None
    async with aclosing(messages(STREAM.members["EventStream"].shape, Read(source(), close), **options)) as told:
        found = read(b"".join([piece async for piece in told]))
    assert closed
    return found


async def test_bytes_are_bytes_and_structures_json() -> None:
    found = await streamed({"PayloadChunk": {"Payload": b"\x00x"}}, {"InvokeComplete": {"ErrorCode": "E"}}, initial=b"{}")
    assert [(headers[":event-type"], headers[":content-type"], payload) for headers, payload in found] == [
        ("initial-response", "application/json", b"{}"),
        ("PayloadChunk", "application/octet-stream", b"\x00x"),
        ("InvokeComplete", "application/json", b'{"ErrorCode":"E"}'),
    ]


async def test_a_refusal_in_the_middle_is_the_last_message() -> None:
    found = await streamed({"PayloadChunk": {"Payload": b"x"}}, error=AwsError("Throttled", "slow"))
    assert found[-1][0] == {":message-type": "exception", ":exception-type": "Throttled", ":content-type": "application/json"}
    assert found[-1][1] == b'{"message":"slow"}'
