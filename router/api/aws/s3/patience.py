"""Operations that may take longer than clients wait: their answer begins as a success, and spaces come until it is known.

Source: S3 API reference, "CompleteMultipartUpload" and "CopyObject": a 200 may hold an error, and SDKs look for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Self

from router.api.aws.s3.call import XML
from router.api.aws.s3.documents import DECLARATION
from router.events.http import Response

OPERATIONS: Final = frozenset(("CompleteMultipartUpload", "CopyObject", "UploadPartCopy"))
FIRST: Final = 10.0  # seconds until the answer begins, whatever comes of it: clients wait 60
EVERY: Final = 10.0  # seconds between two spaces

_doing: Final = set[asyncio.Task[Response]]()  # holds them, which the loop does not


async def patiently(work: Awaitable[Response], *, first: float = FIRST, every: float = EVERY) -> Response:
    """The answer of *work*, which raises nothing, or one that begins now and ends when *work* does, with its document."""
    task = asyncio.ensure_future(work)
    _doing.add(task)
    task.add_done_callback(_doing.discard)
    done, _ = await asyncio.wait([task], timeout=first)
    return task.result() if done else Response(200, XML, Spaces(task, every))


class Spaces:
    """The declaration, spaces, at last the document without its declaration."""

    def __init__(self, task: "asyncio.Task[Response]", every: float) -> None:
        self._task, self._every = task, every
        self._next: Callable[[], Awaitable[bytes]] = self._begin

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        return await self._next()

    async def _begin(self) -> bytes:
        self._next = self._go_on
        return DECLARATION

    async def _go_on(self) -> bytes:
        done, _ = await asyncio.wait([self._task], timeout=self._every)
        if not done:
            return b" "
        self._next = self._end
        body = self._task.result().body
        assert isinstance(body, bytes)
        return body.removeprefix(DECLARATION)

    async def _end(self) -> bytes:
        raise StopAsyncIteration
