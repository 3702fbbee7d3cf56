"""The http listener and what it serves: routes of HTTP APIs, REST APIs and load balancers, function URLs, and webhooks.

What is where: http_places.py. Invocations are synchronous and never journaled, except where a route says `invoke: async`."""

import asyncio
from collections.abc import Awaitable, Collection, Coroutine, Sequence
from typing import Any, ClassVar, Final, Self

import structlog

from router.config.types import Trigger
from router.errors import SourceError
from router.events.http import Request, Response
from router.sources.base import Binding, House, Outlet
from router.sources.http_face import Face
from router.sources.http_guards import Gatehouse
from router.sources.http_places import Places, basis
from router.sources.http_triggers import HttpTrigger, UrlTrigger
from router.sources.webhook_trigger import WebhookTrigger
from router.web import Limits, Listener
from router.web.heads import Head
from router.web.sockets import CannotListen

log = structlog.get_logger("router.http")

# Requests that begin in one turn of the loop. While later ones wait for theirs the first are through, and their environments,
# still warm in the caches, take those: with all of 32 clients at once each of 32 environments is used in turn, and cold. Three
# to six were alike within what could be measured. Listeners that mostly store have no such bound: what comes together shares a commit.
ABREAST: Final = 4


class HttpSource:
    """Serves every http, url and webhook trigger on the `http` listener."""

    TRIGGERS: ClassVar[tuple[type[Trigger], ...]] = (HttpTrigger, UrlTrigger, WebhookTrigger)

    def __init__(self, bindings: Sequence[Binding], house: House, limits: Limits | None = None) -> None:
        self.name = "http"
        self.places = Places(bindings, house)
        self.where = house.config.http
        self._listener = Listener(
            "http",
            self.where,
            self.places.handle,
            clock=house.clock,
            metrics=house.metrics,
            limits=limits,
            refusal=self._refusal,
            room=self._room,
            abreast=ABREAST,
        )
        self._group: asyncio.TaskGroup | None = None  # while it serves
        self._beside: list[asyncio.Task[None]] = []
        self._outlet: Outlet | None = None  # from run() on
        self._left: list[Gatehouse] = []  # of places that were exchanged before they served

    @classmethod
    def build(cls, bindings: Sequence[Binding], house: House) -> list[Self]:
        """One source for all triggers: they share a listener. Raises ConfigError for two URLs in one place."""
        return [house.source("http", basis(bindings, house.config), lambda: cls(bindings, house))] if bindings else []

    @property
    def basis(self) -> object:
        """What its places were made from."""
        return self.places.basis

    @property
    def faces(self) -> Sequence[tuple[Binding, Face]]:
        """Who answers, one for each trigger."""
        return self.places.faces

    @property
    def addresses(self) -> tuple[str, ...]:
        """What the listener is bound to; () while it is not."""
        return self._listener.addresses

    def health(self) -> str:
        """Nothing while the listener is bound."""
        if self.where.kind == "off":
            return "listen.http is off: no route is served"
        return "" if self._listener.addresses else "the http listener is not bound"

    def handle(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Answer one request."""
        return self.places.handle(request)

    def face_at(self, request: Request) -> Face | None:
        """Who answers a request; None where nobody does. Raises BadPath."""
        return self.places.face_at(request)

    async def bind(self) -> None:
        """See Listening."""
        await self._listener.bind()

    async def close(self) -> None:
        """See Listening."""
        await self._listener.close()

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Serve until *stop*, then finish what runs. Raises SourceError when the address, or the webhooks' memory, cannot be had."""
        self._outlet = self.places.line.outlet = outlet
        if self.where.kind == "off":
            await stop.wait()
            return
        try:
            await self.places.open()
            await self._start()
            async with asyncio.TaskGroup() as group:
                self._group, self._beside = group, self.places.begin(group)
                await self._listener.serve(stop)
                self._group = None
                for task in self._beside:
                    task.cancel()
        finally:
            self._group = None
            await self._listener.close()
            for gatehouse in (*self._left, self.places.gatehouse):
                await gatehouse.close()

    async def _start(self) -> None:
        try:
            await self._listener.start()
        except CannotListen as error:
            raise SourceError(str(error)) from error
        log.info("listener_started", listener="http", addresses=self._listener.addresses)
        for note in self.places.exposures:
            log.warning("webhook_exposed", note=note)

    # -- another config, the same listener

    def can_become(self, source: Any) -> bool:
        """See Successor: at one address, from when it has that until it stops."""
        serving = self._listener.bound or (self._group is not None and bool(self.addresses))
        return isinstance(source, HttpSource) and self.where == source.where and serving

    async def prepare(self, former: Any) -> None:  # noqa: ARG002 - a Successor's
        """See Successor."""
        await self.places.open()

    def become(self, source: Any) -> None:
        """See Successor. What was asked before goes its way through the former places; their guards end after it."""
        former, places = self.places, source.places
        if self._outlet is not None:
            places.line.outlet = self._outlet
        if self._group is None:  # it does not serve yet, or not now
            self.places, self._listener.handler = places, places.handle
            self._left.append(former.gatehouse)
            return
        for note in places.exposures:
            if note not in former.exposures:
                log.warning("webhook_exposed", note=note)
        places.gatehouse.succeed(former.gatehouse)
        self._group.create_task(_let_go(self._listener.settled(), self._beside, former.gatehouse), name="former-routes")
        self._beside = places.begin(self._group)
        self.places = places
        self._listener.handler = places.handle

    # -- what the listener asks besides

    def _room(self, head: Head, peer: str) -> int:
        """How large a body may be that is still to come. Raises Refused for who failed too often."""
        return self.places.room(head, peer, self._listener.limits.body_bytes)

    def _refusal(self, status: int) -> Response:
        """What the listener says when a request does not get as far as a place."""
        return self.places.refusal(status)


async def _let_go(served: Awaitable[None], beside: Collection[asyncio.Task[None]], gatehouse: Gatehouse) -> None:
    """End what former places had beside them, once the last request that came for them is answered."""
    await served
    for task in beside:
        task.cancel()
    await gatehouse.close()
