"""Tasks that run one request after another.

A task for every request costs a good part of what a request costs: asyncio names it, lists it and forgets it again, in Python."""

import asyncio
from collections.abc import Collection
from typing import Final

from router.events.http import Request
from router.web.exchange import Exchange

RESTING: Final = 64  # tasks that wait for the next request


class Runners:
    """A task for each request under way: one that rests, or a new one. What goes wrong beside a handler ends its task."""

    def __init__(self) -> None:
        self._resting: list[_Runner] = []
        self._closing = False

    def begin(self, exchange: Exchange, request: Request, loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        """Run a request in the loop's next turn; the task that it may be cancelled by while it runs, and that goes on without it."""
        if self._resting:
            runner = self._resting.pop()
            runner.wake(exchange, request)
            return runner.task
        return _Runner(exchange, request, self, loop).task

    def rest(self, runner: "_Runner") -> bool:
        """Whether one that is through is to wait for another request."""
        if self._closing or len(self._resting) >= RESTING:
            return False
        self._resting.append(runner)
        return True

    async def close(self, running: Collection[asyncio.Task[None]]) -> None:
        """End those that run, and those that rest."""
        self._closing = True
        tasks = [*running, *(runner.task for runner in self._resting)]
        self._resting.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._closing = False


class _Runner:
    """One task."""

    __slots__ = ("_exchange", "_loop", "_request", "_runners", "_woken", "task")

    def __init__(self, exchange: Exchange, request: Request, runners: Runners, loop: asyncio.AbstractEventLoop) -> None:
        self._exchange, self._request = exchange, request
        self._runners, self._loop = runners, loop
        self._woken: asyncio.Future[None]
        self.task = loop.create_task(self._run())

    def wake(self, exchange: Exchange, request: Request) -> None:
        self._exchange, self._request = exchange, request
        self._woken.set_result(None)

    async def _run(self) -> None:
        while True:
            exchange, request = self._exchange, self._request
            try:
                try:
                    response = await exchange.begin(request)
                except Exception as error:  # noqa: BLE001 - it is logged
                    response = exchange.crashed(request, error)
                if (sending := exchange.send(response)) is not None:
                    await sending
            finally:
                exchange.end()
            del exchange, request, response, sending, self._exchange, self._request  # they hold bodies, and a connection
            self._woken = self._loop.create_future()
            if not self._runners.rest(self):
                return
            await self._woken
