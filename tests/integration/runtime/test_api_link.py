"""Connections at a Runtime API port before and after it is known whose it is, over real sockets."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from router.runtime import frames
from router.runtime.api_link import ApiLink

NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"
PING = b"GET /2018-06-01/ping HTTP/1.1\r\nHost: x\r\n\r\n"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER that ends a connection with a reset


@pytest.fixture
async def link() -> AsyncIterator[ApiLink]:
    opened = ApiLink(lambda _: None, lambda: 0.0)
    yield opened
    opened.close()
    await until(lambda: not opened.port._wires and not opened.port._tasks)


def connected(link: ApiLink) -> socket.socket:
    host, _, port = link.address.partition(":")
    return socket.create_connection((host, int(port)))


def reset(link: ApiLink) -> None:
    """Connect and leave in such a way that nobody can say any more who it was."""
    client = connected(link)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def answer(client: socket.socket) -> bytes:
    with client:
        client.sendall(PING)
        client.settimeout(20)
        return await asyncio.to_thread(client.recv, 1000)


@pytest.mark.parametrize("known", [False, True])
async def test_a_client_that_connects_and_resets_is_nobodys_trouble(link: ApiLink, *, known: bool) -> None:
    if known:
        link.passed_on(os.getpid())
    for _ in range(10):
        reset(link)
    last = connected(link)  # those before it have been looked at when it is
    if not known:
        await until(lambda: len(link.port._strangers) == 1)
        link.passed_on(os.getpid())
    assert b"pong" in await answer(last)
    await until(lambda: not link.port._wires and not link.port._tasks)


async def test_a_stranger_that_resets_while_it_waits_breaks_no_launch(link: ApiLink) -> None:
    client, other = connected(link), connected(link)
    await until(lambda: len(link.port._strangers) == 2)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()
    link.passed_on(os.getpid())
    assert b"pong" in await answer(other)
    await until(lambda: not link.port._wires)


async def test_a_stranger_that_is_dropped_is_forgotten(link: ApiLink) -> None:
    with connected(link):
        await until(lambda: len(link.port._strangers) == 1)
        (wire,) = link.port._strangers
        wire.drop()
        await until(lambda: not link.port._strangers)
    assert not link.port._wires


async def waiting(link: ApiLink) -> socket.socket:
    """A client that waits for an event."""
    client = connected(link)
    link.passed_on(os.getpid())
    client.sendall(NEXT)
    await until(lambda: link.session._waiting is not None)
    return client


def invoke(link: ApiLink, body: bytes) -> None:
    link.send(frames.INVOKE, b'["one","a",1000,"","",false]', body)


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def told(link: ApiLink, after: int) -> None:
    """The client's process has ended, as is known *after* turns of the loop; whoever waits for that looks a turn later."""
    await turns(after)
    link.pump()
    await turns(1)


@pytest.mark.parametrize("size", [2, 1_000, 3_000_000])
@pytest.mark.parametrize("before", [0, 1, 2, 20])
@pytest.mark.parametrize("after", [0, 1, 2, 20])
async def test_whoever_was_gone_when_its_event_came_has_not_read_it(link: ApiLink, before: int, after: int, size: int) -> None:
    """*before*, *after*: turns of the loop between its end, the event and the news of its process's end."""
    client = await waiting(link)
    client.close()
    await turns(before)
    invoke(link, bytes(size))
    await told(link, after)
    assert not link.taken
    await turns(5)  # and what the loop has to say later changes nothing
    assert not link.taken


@pytest.mark.parametrize("after", [0, 1, 2, 20])
@pytest.mark.parametrize("size", [0, 500, 1_000])
async def test_whoever_ends_has_read_its_event_once_it_has_read_all_of_it(link: ApiLink, size: int, after: int) -> None:
    """*size*: bytes of the event's body that are read, of a thousand."""
    client = await waiting(link)
    invoke(link, bytes(1_000))
    await turns(2)
    head = client.recv(65536, socket.MSG_PEEK).partition(b"\r\n\r\n")[0] if size else b""
    wanted = len(head) + 4 + size if size else 0
    while wanted:
        wanted -= len(client.recv(wanted))
    client.close()
    await told(link, after)
    assert link.taken is (size == 1_000)
    await turns(5)
    assert link.taken is (size == 1_000)
