"""Slow clients in a process of their own: `python -m tests.faults.slow PORT COUNT`; a quarter of COUNT each are idle, send a header
byte by byte, send a body byte by byte, and read a large answer byte by byte. From ten addresses: one may have 100 connections.

Prints `settled` when each is at it, and how many are connected when its standard input ends. Who is cut off comes again, but for
the readers: theirs cost an invocation each."""

import asyncio
import contextlib
import socket
import sys

DRIP = 0.5  # seconds between two bytes
ADDRESSES = 10
KINDS = ("idle", "header", "body", "reader")
HEADS = {
    "idle": b"",
    "header": b"GET /echo HTTP/1.1\r\nHost: a\r\nX: ",
    "body": b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
    "reader": b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
}
CUT_OFF = (OSError, EOFError)


async def connected(port: int, number: int) -> socket.socket:
    """A connection of its own address."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.setblocking(False)
    made.bind((f"127.0.0.{2 + number % ADDRESSES}", 0))
    await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
    return made


async def one(kind: str, made: socket.socket, begun: asyncio.Event) -> None:
    """Be slow until cut off. Raises OSError or EOFError then."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(made, HEADS[kind])
    if kind == "reader":
        begun_by = await loop.sock_recv(made, 1)
        begun.set()
        while begun_by and await loop.sock_recv(made, 1):
            await asyncio.sleep(DRIP)
        raise EOFError
    begun.set()
    if kind == "idle":
        await loop.sock_recv(made, 1)
        raise EOFError
    while True:
        await loop.sock_sendall(made, b"x")
        await asyncio.sleep(DRIP)


async def client(port: int, number: int, begun: asyncio.Event, connections: set[socket.socket]) -> None:
    """One slow client, again and again."""
    kind = KINDS[number % len(KINDS)]
    while True:
        with contextlib.suppress(*CUT_OFF), await connected(port, number) as made:
            connections.add(made)
            try:
                await one(kind, made, begun)
            finally:
                connections.remove(made)
        if kind == "reader":
            return
        await asyncio.sleep(DRIP)


async def main(port: int, count: int) -> None:
    """Hold them until standard input ends."""
    connections: set[socket.socket] = set()
    begun = [asyncio.Event() for _ in range(count)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client(port, number, begun[number], connections)) for number in range(count)]
        for event in begun:
            await event.wait()
        print("settled", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        print(len(connections), flush=True)
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
