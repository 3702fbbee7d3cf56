"""A streamed answer on its way from a worker to whoever reads it: a bounded buffer between the two."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Self

from router.errors import StreamBroken
from router.model import Outcome, Stream

HIGH: Final = 256 * 1024  # bytes held at which the worker has to wait


class Flow:
    """A Sink (runtime/base.py) for the environment, Pieces (model.py) for the reader. Used from the loop's thread only."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._held: deque[bytes] = deque()
        self._size = 0  # bytes held
        self._full = self._left = False
        self._error: Exception | None = None
        self._changed = asyncio.Event()
        self._begun: asyncio.Future[None] = loop.create_future()
        self._outcome: asyncio.Future[Outcome] = loop.create_future()
        self._content_type = ""  # "": it did not stream
        self.on_room: Callable[[], None] = lambda: None

    async def stream(self) -> Stream:
        """The answer, once it has begun. Raises what fail() was told when it never did."""
        await self._begun
        return Stream(self._content_type or "application/json", self, self._outcome, whole=not self._content_type)

    # --- the environment's end, and the dispatcher's

    def begin(self, content_type: str) -> None:
        """See Sink."""
        self._content_type = content_type
        self._begin()

    def feed(self, piece: bytes) -> bool:
        """See Sink."""
        if self._left:
            return True
        if piece:
            self._held.append(piece)
            self._size += len(piece)
            self._changed.set()
        self._full = self._size >= HIGH
        return not self._full

    def finish(self, outcome: Outcome) -> None:
        """The invocation is over, or answered; a result that was not streamed becomes the one piece. Once; what comes later is dropped."""
        if self._outcome.done():
            return
        if not self._content_type and not outcome.function_error:
            self.feed(outcome.payload)
        elif self._content_type and outcome.function_error:
            self._error = StreamBroken(outcome.error_type, outcome.payload)
        self._outcome.set_result(outcome)
        self._end()

    def fail(self, error: Exception) -> None:
        """There will be no outcome, by no fault of the function's."""
        if self._outcome.done():
            return
        self._error = StreamBroken(type(error).__name__)
        self._outcome.set_exception(error)
        self._outcome.exception()  # whoever reads the pieces need not ask for it
        if not self._begun.done():
            self._begun.set_exception(error)
            self._begun.exception()  # whoever waited may have gone
        self._end()

    def _begin(self) -> None:
        if not self._begun.done():
            self._begun.set_result(None)

    def _end(self) -> None:
        self._begin()
        self._changed.set()

    # --- the reader's end

    def __aiter__(self) -> Self:
        """See Pieces."""
        return self

    async def __anext__(self) -> bytes:
        """See Pieces. All that has come since the last time is one piece."""
        while not self._held:
            if self._left:
                raise StopAsyncIteration
            if self._outcome.done():
                self._left = True
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        taken = b"".join(self._held) if len(self._held) > 1 else self._held[0]
        self._held.clear()
        self._size = 0
        self._go_on()
        return taken

    async def aclose(self) -> None:
        """See Pieces."""
        self._left = True
        self._held.clear()
        self._changed.set()
        self._go_on()

    def _go_on(self) -> None:
        if self._full:
            self._full = False
            self.on_room()
