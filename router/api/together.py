"""Changes that come while others are being made are made together, each as if it were alone: group commit.

What cannot be made together is made in halves, down to each by itself: whoever asks for something wrong hears of that alone, and costs
the others a few more tries."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")

AT_ONCE: Final = 64  # changes


class Together(Generic[_T]):
    """The line of those that wait. *make*: make some, all or none; *touched*: what a change is about. Two about the same go one after the other."""

    def __init__(self, make: Callable[[Sequence[_T]], Awaitable[None]], touched: Callable[[_T], Collection[Hashable]]) -> None:
        self._make, self._touched = make, touched
        self._line: deque[tuple[_T, asyncio.Future[None]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def made(self, change: _T) -> None:
        """Return once it is made; a caller that is cancelled leaves it to be made. Raises what making it raises."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((change, waiting))
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="changes")
        await asyncio.shield(waiting)

    async def _work(self) -> None:
        batch: list[tuple[_T, asyncio.Future[None]]] = []
        try:
            while self._line:
                batch = self._next()
                await self._try(batch)
        finally:
            self._task = None
            for _, waiting in (*batch, *self._line):  # cancelled, or all of these are done
                waiting.cancel()
            self._line.clear()

    def _next(self) -> list[tuple[_T, asyncio.Future[None]]]:
        """The first in line, and those behind it that are about something else."""
        found, touched = [self._line.popleft()], set[Hashable]()
        touched.update(self._touched(found[0][0]))
        while self._line and len(found) < AT_ONCE and touched.isdisjoint(about := self._touched(self._line[0][0])):
            touched.update(about)
            found.append(self._line.popleft())
        return found

    async def _try(self, batch: Sequence[tuple[_T, asyncio.Future[None]]]) -> None:
        try:
            await self._make([change for change, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is its caller's
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
        else:
            for _, waiting in batch:
                waiting.set_result(None)
            return
        half = len(batch) // 2
        await self._try(batch[:half])
        await self._try(batch[half:])
