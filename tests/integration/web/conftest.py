"""Everything here runs on asyncio's own loop and on uvloop: they close, pause and half-close differently."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from router.config.types import Listen
from router.web import Limits
from tests.helpers.loops import pytest_asyncio_loop_factories
from tests.helpers.wire import Client, Served

__all__ = ("pytest_asyncio_loop_factories",)

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
QUICK = Limits(header=0.3, body=0.8, body_grace=0.3, write=0.4, idle=0.4, linger=0.3, body_bytes=1_000_000)
PATIENT = Limits(body_bytes=1_000_000)

Serve = Callable[..., Awaitable[Served]]
Connect = Callable[[Served], Awaitable[Client]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    running: list[tuple[Served, asyncio.Task[None]]] = []

    async def start(limits: Limits = PATIENT, *where: Listen, **options: Any) -> Served:
        served = Served(limits, *where, **options)
        await served.listener.start()
        running.append((served, asyncio.create_task(served.listener.serve(served.stop))))
        return served

    yield start
    for _, task in running:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    opened: list[Client] = []

    async def open_one(served: Served) -> Client:
        opened.append(await Client.open(served.port))
        return opened[-1]

    yield open_one
    for client in opened:
        await client.close()
