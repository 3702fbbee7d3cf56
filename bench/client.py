"""A load generator in a process of its own: `python -m bench.client PORT PATH CONNECTIONS SECONDS BYTES`.

Keep-alive connections, one request at a time each; prints requests per second, p50 and p99 in milliseconds, and failures."""

import asyncio
import sys
import time

import uvloop

from bench.table import quantile


class Caller(asyncio.Protocol):
    """One connection that asks again as soon as it was answered."""

    def __init__(self, request: bytes, until: float, times: list[float], failures: list[bytes]) -> None:
        self._request, self._until, self._times, self._failures = request, until, times, failures
        self._buffer = b""
        self._asked = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._ask()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Ask again when the answer is whole."""
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        if len(body) < int(lower[start:].split(b"\r\n", 1)[0]):
            return
        self._buffer = b""
        now = time.perf_counter()
        self._times.append(now - self._asked)
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202")):
            self._failures.append(head.split(b"\r\n", 1)[0])
        if now < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        """Say that this one is through."""
        if not self.done.done():
            self.done.set_result(None)


async def load(port: int, path: str, connections: int, seconds: float, size: int) -> tuple[float, float, float, int]:
    """Requests per second, p50 and p99 in milliseconds, failures."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    request = head.encode() + b'"' + b"x" * (size - 2) + b'"'
    times: list[float] = []
    failures: list[bytes] = []
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    callers = [
        (await loop.create_connection(lambda: Caller(request, started + seconds, times, failures), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.wait([caller.done for caller in callers])
    took = time.perf_counter() - started
    return len(times) / took, quantile(times, 0.5) * 1000, quantile(times, 0.99) * 1000, len(failures)


if __name__ == "__main__":
    _, port, path, connections, seconds, size = sys.argv
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(*runner.run(load(int(port), path, int(connections), float(seconds), int(size))))
