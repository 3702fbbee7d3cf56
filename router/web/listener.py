"""A listener: sockets, connections, caps, one sweep for all deadlines, drain."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus
from math import inf
from pathlib import Path
from typing import Final

import orjson
import structlog

from router.clock import Clock
from router.config.types import Listen
from router.events.http import Request, Response
from router.web import sockets
from router.web.connection import Connection
from router.web.counters import Counters
from router.web.door import Door
from router.web.exchange import Exchange
from router.web.heads import Head
from router.web.limits import Limits
from router.web.refused import Refused
from router.web.runners import Runners

Handler = Callable[[Request], Awaitable[Response]]
Refusal = Callable[[int], Response]
Room = Callable[[Head, str], int]
"""A request whose body is still to come, and its client's address, to how many bytes that may be; raises Refused: not one."""
Streams = Callable[[Head], bool]
"""Whether a body that did not come with its head is handed over as it arrives: then its size is the handler's to limit."""

log = structlog.get_logger("router.web")

SWEEP: Final = 1.0  # seconds between two looks at the deadlines, at most
KEPT: Final = 16 * 1024 * 1024  # bytes of bodies and answers between two looks at how much is held, beside those
CLASSES: Final = ("", "1xx", "2xx", "3xx", "4xx", "5xx")  # of status codes, by their first digit
SHED: Final = 64 * 1024  # bytes; who holds less is spared: dropping it would gain nothing
MAKING: Final = 3  # turns of the loop, at most, until who is accepted has a Connection


def plain_refusal(status: int) -> Response:
    """The listener's own answer where its owner has no other."""
    headers = [("content-type", "application/json")] + [("retry-after", "1")] * (status == HTTPStatus.SERVICE_UNAVAILABLE)
    return Response(status, headers, orjson.dumps({"message": HTTPStatus(status).phrase}))


class Listener:
    """Accepts connections for one handler. start(), then serve() until stop; or close() at once."""

    def __init__(
        self,
        name: str,
        where: Listen,
        handler: Handler,
        *,
        clock: Clock,
        metrics: Counters,
        limits: Limits | None = None,
        hosts: Collection[str] = (),
        refusal: Refusal = plain_refusal,
        room: Room | None = None,
        streams: Streams | None = None,
        abreast: float = inf,
        mode: int = 0o600,
    ) -> None:
        """*hosts*: the Host names that are served, others get 421 (DNS rebinding); empty: all. *mode*: of a Unix socket's file.

        *streams*: None: every body is complete before its handler runs. *abreast*: requests that begin in one turn of the loop."""
        self.name, self.handler, self.refusal = name, handler, refusal
        self.limits = limits or Limits()
        self.ask_room(room)
        self.streams = streams
        self.now, self.wall = clock.monotonic, clock.now
        self.addresses: tuple[str, ...] = ()  # what was bound
        self._where, self._mode, self._clock = where, mode, clock
        self.hosts = frozenset(host.lower() for host in hosts)
        self._servers: list[asyncio.Server] = []
        self._bound: list[socket.socket] = []  # and not accepted from yet
        self.door = Door(name, self.limits, self.now, metrics)
        self.runners = Runners(abreast)
        self._watched: list[tuple[set[Exchange], asyncio.Future[None]]] = []  # requests whose end is awaited
        self._kept = 0  # bytes since the last look
        self._draining = False
        self._quiet = asyncio.Event()  # draining, and nothing was left
        self._requests = metrics.counter("router_http_requests_total", "Requests answered, by class of status.", "listener", "status")
        self.answered = [self._requests.cell(name, told) for told in CLASSES]
        self._deadlines = metrics.counter("router_http_deadlines_total", "Connections ended by a deadline.", "listener", "phase")
        self._dropped = metrics.counter("router_http_dropped_total", "Connections dropped because all together held too much.", "listener")
        self._refused = metrics.counter("router_http_refused_total", "Requests refused before their handler.", "listener", "status")

    def ask_room(self, room: Room | None) -> None:
        """From now on this says how large bodies may be; None: the limits alone."""
        self.room: Room = room or (lambda _head, _peer: self.limits.body_bytes)

    def settled(self) -> asyncio.Future[None]:
        """Done when the requests that are being served now have ended; those that come before it is awaited do not count."""
        ended = asyncio.get_running_loop().create_future()
        if self.runners.running:
            self._watched.append((set(self.runners.running), ended))
            self.runners.on_ended = self._ended
        else:
            ended.set_result(None)
        return ended

    # -- life

    async def bind(self) -> None:
        """Have the address; whoever connects waits for start(). Raises CannotListen."""
        self._bound = await asyncio.to_thread(sockets.opened, self._where, self.name, mode=self._mode)

    @property
    def bound(self) -> bool:
        """Whether it has its address and does not accept yet."""
        return bool(self._bound)

    async def start(self) -> None:
        """Bind, unless that is done, and accept. Raises CannotListen."""
        self._draining = False
        self._quiet.clear()
        if not self._bound:
            await self.bind()
        addresses = tuple(map(self._address, self._bound))  # a socket that is closed has none
        try:
            while self._bound:
                self._servers.append(await self._server(self._bound[0]))
                del self._bound[0]  # now the server's
        except OSError as error:
            failed = addresses[-len(self._bound)]
            await self.close()
            raise sockets.CannotListen(f"cannot listen on {failed}: {error.strerror or error}") from error
        self.addresses = addresses

    async def adopt(self, made: socket.socket) -> Callable[[], None]:
        """Accept on this socket too, which listens already; what is given closes it."""
        server = await self._server(made)
        self._servers.append(server)

        def close() -> None:
            if server in self._servers:
                self._servers.remove(server)
            server.close()

        return close

    def _address(self, bound: socket.socket) -> str:
        return f"unix:{self._where.path}" if self._where.kind == "unix" else sockets.address(bound)

    async def _server(self, bound: socket.socket) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        bound.listen(sockets.BACKLOG)  # raises what is wrong; uvloop, which does so too, passes over it and closes the socket
        if bound.family == socket.AF_UNIX:
            return await loop.create_unix_server(lambda: Connection(self), sock=bound, backlog=sockets.BACKLOG)
        return await loop.create_server(lambda: Connection(self), sock=bound, backlog=sockets.BACKLOG)

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until *stop*, then drain. Cancelled: drop everything."""
        sweeping = asyncio.create_task(self._sweep(), name=f"sweep-{self.name}")
        try:
            await stop.wait()
            await self.drain()
        finally:
            sweeping.cancel()
            await self.close()

    async def drain(self) -> None:
        """Accept nothing new, close idle connections, return when the last request has its answer."""
        self._draining = True
        self.runners.on_ended = self._ended
        for connection in tuple(self.door.inside):
            connection.drain()
        loop = asyncio.get_running_loop()
        for made in [bound for server in self._servers for bound in server.sockets]:
            loop.remove_reader(made)  # asyncio's own loop: closing the server would break off whom it has accepted; uvloop's has none
        await _turns(MAKING)
        self._stop_accepting()
        await _turns(MAKING)  # uvloop's: until now it accepted
        while not self._is_quiet():  # it may have been, before the last one came
            self._quiet.clear()
            await self._quiet.wait()

    async def close(self) -> None:
        """End at once: running handlers are cancelled."""
        self._stop_accepting()
        for connection in self.door.everybody():
            connection.abort()
        await self.runners.close()
        await asyncio.sleep(0)  # the loop tells the connections that they are gone

    def _stop_accepting(self) -> None:
        if (self._servers or self._bound) and self._where.kind == "unix":
            with contextlib.suppress(FileNotFoundError):
                Path(self._where.path).unlink()
        for server in self._servers:
            server.close()
        for made in self._bound:
            made.close()
        self._servers.clear()
        self._bound.clear()
        self.addresses = ()

    def _is_quiet(self) -> bool:
        return not self.door.inside and not self.runners.running and not self.runners.waiting

    def _note_quiet(self) -> None:
        if self._draining and self._is_quiet():
            self._quiet.set()

    # -- deadlines

    async def _sweep(self) -> None:
        """Look at every deadline, once a second or as often as the shortest of them asks for."""
        shortest = min(self.limits.header, self.limits.body_grace, self.limits.write, self.limits.idle, self.limits.linger)
        while True:
            await self._clock.sleep(min(SWEEP, shortest / 2))
            self.sweep()

    def sweep(self) -> None:
        """End what is past its deadline, and then what is too much."""
        now = self.now()
        for connection in [held for held in self.door.everybody() if held.deadline <= now]:
            connection.expire()
        self._shed()

    def keeps(self, size: int) -> None:
        """Part of a body is here, or of an answer still is: after every KEPT bytes of them it is time to look how much all have us hold."""
        self._kept += size
        if self._kept >= KEPT:
            self._kept = 0
            asyncio.get_running_loop().call_soon(self._shed)

    def _shed(self) -> None:
        """Drop clients that have us hold more than all may together, those first that have had the longest already."""
        holding = [(held.deadline, held.holds, held) for held in self.door.inside]
        excess = sum(size for _, size, _ in holding) - self.limits.held_bytes
        if excess <= 0:
            return
        for _, size, connection in sorted(holding, key=lambda entry: entry[0]):
            if excess > 0 and size >= SHED:
                excess -= size
                self._dropped.add(self.name)
                connection.abort()

    # -- for connections

    def admit(self, connection: Connection) -> str:
        """Count a connection in; a reason when it is one too many, and then it is told so or dropped."""
        self.runners.loop = asyncio.get_running_loop()  # not for each request: Python 3.11 makes a system call of it
        reason = self.door.admit(connection, len(self.runners.running) + len(self.runners.waiting))
        if not reason and self._draining:  # accepted in the very turn of the loop in which the drain began
            connection.drain()
        return reason

    def forget(self, connection: Connection) -> None:
        """Count a connection out."""
        self.door.forget(connection)
        self._note_quiet()

    def check_host(self, host: str) -> None:
        """Refuse a Host that is not served. Raises Refused."""
        if _hostname(host) not in self.hosts:
            raise Refused(421, "this Host is not served here")

    def cancel(self, exchange: Exchange) -> None:
        """The client has left in the middle of a streamed answer."""
        if (task := self.runners.running.get(exchange)) is not None:
            task.cancel()

    def _ended(self, exchange: Exchange) -> None:
        """It has ended: so may what somebody waits for."""
        self._note_quiet()
        for awaited, ended in self._watched:
            awaited.discard(exchange)
            if not awaited and not ended.done():
                ended.set_result(None)
        self._watched = [watch for watch in self._watched if watch[0]]
        if not self._watched and not self._draining:
            self.runners.on_ended = None

    def count_refusal(self, refused: Refused) -> None:
        """Count and log an answer of our own."""
        self._requests.add(self.name, CLASSES[refused.status // 100])
        self._refused.add(self.name, str(refused.status))
        log.debug("request_refused", listener=self.name, status=refused.status, reason=refused.told)

    def count_deadline(self, phase: str) -> None:
        """Count a connection ended by the deadline of *phase*."""
        self._deadlines.add(self.name, phase)


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def _hostname(host: str) -> str:
    """A Host without its port, lower-case."""
    low = host.lower()
    return low if low.endswith("]") else low.partition(":")[0] if not low.startswith("[") else low.rpartition(":")[0]
