"""Who has a key in hand: the object store that changes it, or a looker that tells what became of it. Never both.

The store waits for its turn; a looker does not, and what it saw before the store's turn is nothing to go by any more.
Belongs to one event loop."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

REMEMBERED: Final = 20_000  # keys whose last change is remembered one by one


class Holds:
    """The keys of one bucket that are in hand."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # key in hand → who waits for it
        self._remembered = remembered
        self._changed: dict[str, int] = {}  # key → turn of its last change
        self._forgotten = 0  # turn up to which changes are remembered no more: any key may have changed
        self.turn = 0  # counts changes

    @asynccontextmanager
    async def changing(self, key: str) -> AsyncIterator[None]:
        """Have *key* to oneself, in the order of the calls; what others saw of it before is outdated at the end."""
        await self._acquire(key)
        try:
            yield
        finally:
            self._note(key)
            self.give_back(key)

    def take(self, key: str, since: int) -> bool:
        """Take *key* without waiting, for give_back(); False: somebody has it, or it was changed after turn *since*."""
        if key in self._waiting or self._changed.get(key, self._forgotten) > since:
            return False
        self._waiting[key] = deque()
        return True

    def give_back(self, key: str) -> None:
        """Hand *key* to who waits longest."""
        waiting = self._waiting[key]
        while waiting:
            next_ = waiting.popleft()
            if not next_.done():
                next_.set_result(None)
                return
        del self._waiting[key]

    async def _acquire(self, key: str) -> None:
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = deque()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(key)  # it came just now
            raise

    def _note(self, key: str) -> None:
        self.turn += 1
        if len(self._changed) >= self._remembered:
            self._changed.clear()
            self._forgotten = self.turn
        self._changed[key] = self.turn
