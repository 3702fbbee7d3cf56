"""A listener that remembers its requests, and a client that speaks raw bytes to it."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from router.clock import SystemClock
from router.config.types import Listen
from router.telemetry.metrics import Metrics
from router.web import Limits, Listener, Request, Response

LOOPBACK = Listen("tcp", "127.0.0.1", 0)


class Served:
    """A listener that tells method, target and body size back, or answers from *answers* by path."""

    def __init__(self, limits: Limits, where: Listen = LOOPBACK, **options: Any) -> None:
        self.metrics = Metrics()
        self.requests: list[Request] = []
        self.answers: dict[str, Callable[[Request], Awaitable[Response]]] = {}
        self.stop = asyncio.Event()
        self.listener = Listener("test", where, self.handle, clock=SystemClock(), metrics=self.metrics, limits=limits, **options)

    async def handle(self, request: Request) -> Response:
        """Remember and answer."""
        self.requests.append(request)
        if found := self.answers.get(request.path):
            return await found(request)
        return Response(200, [("content-type", "text/plain")], f"{request.method} {request.target} {len(request.body)}".encode())

    @property
    def port(self) -> int:
        """What was bound."""
        return int(self.listener.addresses[0].rpartition(":")[2])

    def counted(self, line: str) -> bool:
        """Whether the metrics hold this line."""
        return f"\n{line}\n" in self.metrics.exposition()


class Answer(NamedTuple):
    """One answer as read from the wire."""

    status: int
    headers: dict[str, str]  # names lower-case
    body: bytes


class Client:
    """A raw connection; every wait ends after five seconds."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int, **options: Any) -> "Client":
        """Connect to a port of ours."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, **options))

    def send(self, data: bytes) -> None:
        """Write without waiting."""
        self.writer.write(data)

    async def answer(self, *, bodiless: bool = False) -> Answer:
        """Read one answer that has a content-length."""
        async with asyncio.timeout(5):
            head = await self.reader.readuntil(b"\r\n\r\n")
            line, *lines = head.decode()[:-4].split("\r\n")
            headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in lines)}
            length = 0 if bodiless else int(headers.get("content-length", "0"))
            return Answer(int(line.split()[1]), headers, await self.reader.readexactly(length))

    async def ask(self, data: bytes) -> Answer:
        """Send a request and read its answer."""
        self.send(data)
        return await self.answer()

    async def rest(self) -> bytes:
        """Everything up to the end of the connection; a reset is an end."""
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read()
            return b""

    def reset(self) -> None:
        """Leave with a reset, as a client that died."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        """End the connection."""
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


async def until(holds: Callable[[], bool]) -> None:
    """Wait until *holds*, five real seconds at most."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)
