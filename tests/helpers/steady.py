"""Requests at a steady pace over connections that are kept, and over fresh ones; every answer is looked at."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

CONNECTIONS = 8


@dataclass
class Seen:
    """What clients saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    bodies: Counter[bytes] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)  # connections that were refused or ended without an answer
    slowest: float = 0.0

    @property
    def total(self) -> int:
        return self.statuses.total() + len(self.broken)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, seen: Seen) -> None:
    """One request on an open connection."""
    began = time.monotonic()
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length:"))
    body = await reader.readexactly(length)
    seen.statuses[int(head.split()[1])] += 1
    seen.bodies[body] += 1
    seen.slowest = max(seen.slowest, time.monotonic() - began)


async def _client(port: int, path: str, pace: float, stop: asyncio.Event, seen: Seen, *, fresh: bool) -> None:
    """Until *stop*. *pace*: seconds between two requests; *fresh*: a connection for each."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while not stop.is_set():
        next_ = time.monotonic() + pace
        try:
            if fresh:
                await _close(writer)
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await ask(reader, writer, path, seen)
        except (OSError, EOFError) as error:
            seen.broken.append(repr(error))
            await _close(writer)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(max(0.0, next_ - time.monotonic()))
    await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@contextlib.asynccontextmanager
async def steady(port: int, path: str, *, rate: float) -> AsyncIterator[Seen]:
    """So many requests a second while inside; the last ones are answered before it ends."""
    seen, stop = Seen(), asyncio.Event()
    async with asyncio.TaskGroup() as clients:
        for number in range(CONNECTIONS):
            clients.create_task(_client(port, path, CONNECTIONS / rate, stop, seen, fresh=number == 0))
        try:
            yield seen
        finally:
            stop.set()
