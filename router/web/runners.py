"""Tasks that run one request after another.

A task for every request costs a good part of what a request costs: asyncio names it, lists it and forgets it again, in Python."""

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Final

from router.events.http import Request
from router.web.busy import Busy
from router.web.crowd import SPAN, Crowd
from router.web.exchange import Exchange

RESTING: Final = 64  # tasks that wait for the next request


class Runners:
    """A task for each request under way: one that rests, or a new one. What goes wrong beside a handler ends its task."""

    def __init__(self, abreast: float) -> None:
        """*abreast*: requests that begin in one turn of the loop."""
        self.loop: asyncio.AbstractEventLoop  # set before the first request
        self.running: dict[Exchange, asyncio.Task[None]] = {}  # by which they may be cancelled; holds the tasks, which the loop does not
        self.waiting: deque[tuple[Exchange, Request]] = deque()  # for a turn of the loop
        self.on_ended: Callable[[Exchange], None] | None = None  # told of those that are through
        self._abreast = abreast
        self._beginning = 0  # tasks that have not had their first step
        self.crowd = Crowd()
        self._timer: asyncio.TimerHandle | None = None  # while some wait, or waited a moment ago
        self._busy: Busy | None = None  # of the loop's thread, which makes it
        self.resting: list[_Runner] = []  # those that are through wait here for another request
        self.closing = False

    def begin(self, exchange: Exchange, request: Request) -> None:
        """Run a request, in the loop's next turn or one of those after it; it goes on without its client."""
        crowd = self.crowd
        if self._beginning < self._abreast and crowd.young < crowd.bound:
            self._begin(exchange, request)
            return
        self.waiting.append((exchange, request))
        crowd.pressed = True
        if self._timer is None:
            crowd.watch(self.loop.time(), self._spent())
            self._timer = self.loop.call_later(SPAN, self._look)

    def _begin(self, exchange: Exchange, request: Request) -> None:
        self._beginning += 1
        if self.resting:
            runner = self.resting.pop()
            runner.exchange, runner.request = exchange, request
            runner.woken.set_result(None)
        else:
            runner = _Runner(exchange, request, self)
        runner.generation = self.crowd.enter()
        self.running[exchange] = runner.task

    def begun(self) -> None:
        """A request has its first turn of the loop: one that waits has the next."""
        self._beginning -= 1
        if self.waiting and self.crowd.young < self.crowd.bound:
            self._next()

    def ended(self, exchange: Exchange, generation: int) -> None:
        """The handler has returned, and what it returned is sent or dropped. *generation*: of the crowd's, when it began."""
        self.running.pop(exchange, None)
        self.crowd.leave(generation)
        if self.waiting:
            self._next()
        if self.on_ended is not None:
            self.on_ended(exchange)

    def _next(self) -> None:
        """Begin those that wait, as far as they may by now: afterwards nobody waits who might begin, and none who comes is before them."""
        waiting, crowd = self.waiting, self.crowd
        while waiting and self._beginning < self._abreast and crowd.young < crowd.bound:
            self._begin(*waiting.popleft())

    def _look(self) -> None:
        """A while has passed in which some waited."""
        crowd = self.crowd
        if self.waiting:
            crowd.pressed = True
        crowd.age(self.loop.time(), self._spent())
        self._next()
        watching = self.waiting or crowd.bound < inf
        self._timer = self.loop.call_later(SPAN, self._look) if watching else None

    def _spent(self) -> float:
        self._busy = self._busy or Busy()
        return self._busy.seconds()

    async def close(self) -> None:
        """Drop the requests that wait, end those that run, and the tasks that rest."""
        self.closing = True
        self.waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._busy is not None:
            self._busy.close()
            self._busy = None
        tasks = [*self.running.values(), *(runner.task for runner in self.resting)]
        self.resting.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for exchange in tuple(self.running):  # a task cancelled before its first step has not said that it began, nor that it ended
            self.ended(exchange, self.crowd.generation)
        self._beginning = 0
        self.crowd = Crowd()
        self.closing = False


class _Runner:
    """One task."""

    __slots__ = ("_runners", "exchange", "generation", "request", "task", "woken")

    def __init__(self, exchange: Exchange, request: Request, runners: Runners) -> None:
        self.exchange, self.request, self._runners = exchange, request, runners
        self.generation: int  # of the crowd's, set before it begins
        self.woken: asyncio.Future[None]  # set while it rests; done with the next exchange and request
        self.task = runners.loop.create_task(self._run())

    async def _run(self) -> None:
        runners = self._runners
        while True:
            exchange, request = self.exchange, self.request
            try:
                runners.begun()
                try:
                    response = await exchange.begin(request)
                except Exception as error:  # noqa: BLE001 - it is logged
                    response = exchange.crashed(request, error)
                if isinstance(response.body, bytes):
                    exchange.answer(response)
                else:
                    await exchange.stream(response)
            finally:
                runners.ended(exchange, self.generation)
            del exchange, request, response, self.exchange, self.request  # they hold bodies, and a connection
            self.woken = runners.loop.create_future()
            if runners.closing or len(runners.resting) >= RESTING:
                return
            runners.resting.append(self)
            await self.woken
