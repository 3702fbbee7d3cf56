"""The body of a request that is handed over as it arrives, no faster than it is read.

What it holds is bounded: beyond HIGH bytes the client is not read from. Its end, its pace and its framing are the connection's."""

import asyncio
from collections.abc import Callable
from typing import Final, Literal, Self

HIGH: Final = 512 * 1024  # bytes that wait to be read; with as many the client has to wait
GRAIN: Final = 64 * 1024  # bytes of a piece that is worth a turn of its own: to copy it behind others costs more

Trouble = Literal["left", "slow", "malformed"]


class BodyBroken(Exception):
    """A body that does not come to its end: the client left, was too slow, or broke the framing."""

    def __init__(self, trouble: Trouble, told: str) -> None:
        super().__init__(told)
        self.trouble = trouble


class Body:
    """An async iterator over the pieces of one body, for one reader, once. Raises BodyBroken."""

    __slots__ = ("_begun", "_broken", "_on_read", "_pieces", "_waiter", "received", "size", "whole")

    def __init__(self, on_read: Callable[[], None]) -> None:
        """*on_read*: called before the reader waits for more, and when what waited was taken."""
        self._on_read = on_read
        self._pieces: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._broken: BodyBroken | None = None
        self.size = 0  # bytes that wait
        self.received = 0  # bytes so far
        self.whole = False  # its end is here

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """What waits: a large piece as it came, smaller ones together with all behind them."""
        if not self._pieces and not self.whole and self._broken is None:
            await self._wait()
        if self._pieces:
            piece = self._taken()
            self.size -= len(piece)
            self._on_read()
            return piece
        if self.whole:
            raise StopAsyncIteration
        assert self._broken is not None
        raise self._broken

    def _taken(self) -> bytes:
        if len(self._pieces) == 1 or len(self._pieces[0]) >= GRAIN:
            return self._pieces.pop(0)
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)

    @property
    def hungry(self) -> bool:
        """Whether the reader waits for the client."""
        return self._waiter is not None

    def put(self, piece: bytes) -> None:
        """More of it is here."""
        if piece:
            self._pieces.append(piece)
            self.size += len(piece)
            self.received += len(piece)
            self._wake()

    def end(self) -> None:
        """All of it is here."""
        self.whole = True
        self._wake()

    def fail(self, broken: BodyBroken) -> None:
        """It never ends. What waits is dropped: no reader should take it for the beginning of something."""
        if not self.whole and self._broken is None:
            self._broken = broken
            self._pieces, self.size = [], 0
            self._wake()

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            self._on_read()
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
