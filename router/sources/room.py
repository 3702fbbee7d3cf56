"""Bytes that may be in memory at one time for calls that come at once; who comes first is first, also where a smaller one would fit."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Room:
    """So many bytes."""

    def __init__(self, size: int) -> None:
        self._size, self._taken = size, 0
        self._line: deque[tuple[asyncio.Future[None], int]] = deque()

    @asynccontextmanager
    async def holding(self, size: int) -> AsyncIterator[None]:
        """Wait until there is room for *size* bytes, or nobody else here."""
        if self._line or not self._fits(size):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._line.append((turn, size))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._taken -= size
                self._admit()
                raise
        else:
            self._taken += size
        try:
            yield
        finally:
            self._taken -= size
            self._admit()

    def _fits(self, size: int) -> bool:
        return not self._taken or self._taken + size <= self._size

    def _admit(self) -> None:
        while self._line:
            turn, size = self._line[0]
            if not turn.cancelled():
                if not self._fits(size):
                    return
                self._taken += size
                turn.set_result(None)
            self._line.popleft()
