"""Answers that begin before they are known."""

import asyncio

from router.api.aws.s3.documents import document, error
from router.api.aws.s3.markup import parsed
from router.api.aws.s3.patience import Spaces, patiently
from router.events.http import Response


async def test_what_is_done_soon_is_answered_as_it_is() -> None:
    async def work() -> Response:
        return Response(409, (), b"no")

    assert await patiently(work()) == Response(409, (), b"no")


async def test_what_takes_long_begins_and_ends_with_its_document() -> None:
    go = asyncio.Event()

    async def work() -> Response:
        await go.wait()
        return Response(200, (), document("Root", [("Key", "k")]))

    answer = await patiently(work(), first=0, every=0)
    assert (answer.status, isinstance(answer.body, Spaces)) == (200, True)
    assert isinstance(answer.body, Spaces)
    pieces = [await anext(answer.body) for _ in range(4)]
    assert pieces[1:] == [b" "] * 3
    go.set()
    async for piece in answer.body:
        pieces.append(piece)  # noqa: PERF401 - they come one by one
    assert parsed(b"".join(pieces), "Root").value("Key") == "k"


async def test_a_late_refusal_is_in_the_document() -> None:
    go = asyncio.Event()

    async def work() -> Response:
        await go.wait()
        return Response(400, (), error("InvalidPart", "no", {}, request_id="r", host_id="h"))

    answer = await patiently(work(), first=0, every=0)
    go.set()
    assert isinstance(answer.body, Spaces)
    assert parsed(b"".join([piece async for piece in answer.body]), "Error").value("Code") == "InvalidPart"


async def test_a_caller_that_leaves_leaves_the_work_running() -> None:
    go, done = asyncio.Event(), []

    async def work() -> Response:
        await go.wait()
        done.append(1)
        return Response(200)

    asking = asyncio.ensure_future(patiently(work()))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    go.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert done
