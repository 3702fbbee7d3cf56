"""A load generator in a process of its own: `python -m bench.client JSON`; the JSON is a Plan, the answer a Load.

Keep-alive connections, one request at a time each. Connection n asks for path n, n + connections, … in turn."""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field

import uvloop

from bench.table import quantile

PATIENCE = 20.0  # seconds beyond the end that answers may take
OK = (b"HTTP/1.1 200", b"HTTP/1.1 202")


@dataclass(frozen=True)
class Plan:
    """What is asked for."""

    to: str  # HOST:PORT, or the path of a Unix socket
    paths: tuple[str, ...]
    connections: int
    seconds: float
    size: int  # bytes of the body, a JSON string
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    each: tuple[dict[str, str], ...] = ()  # more headers, for each path its own

    @property
    def body(self) -> str:
        """What is sent."""
        return f'"{"x" * (self.size - 2)}"' if self.size else ""

    def requests(self) -> list[bytes]:
        """The bytes of one request for each path."""
        each = self.each or ({},) * len(self.paths)
        return [self._request(path, self.headers | more) for path, more in zip(self.paths, each, strict=True)]

    def _request(self, path: str, headers: dict[str, str]) -> bytes:
        told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        about = f"Content-Type: application/json\r\nContent-Length: {self.size}\r\n" if self.size else ""
        return f"{self.method} {path} HTTP/1.1\r\nHost: localhost\r\n{about}{told}\r\n{self.body}".encode()


@dataclass(frozen=True)
class Load:
    """What came of it."""

    count: int  # answers, failures included
    rate: float  # answers per second
    p50: float  # milliseconds
    p99: float
    failures: int  # other answers than 200 and 202, and connections that ended early
    first: str = ""  # the first of them


class Caller(asyncio.Protocol):
    """One connection that asks again as soon as it was answered."""

    def __init__(self, requests: list[bytes], until: float, times: list[float], failures: list[str]) -> None:
        self._requests, self._until, self._times, self._failures = requests, until, times, failures
        self._buffer = b""
        self._head = b""  # of the answer whose body arrives
        self._left = 0  # bytes of it still to come
        self._asked = 0.0
        self._turn = -1
        self._ending = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._ask()

    def _ask(self) -> None:
        self._turn = (self._turn + 1) % len(self._requests)
        self._asked = time.perf_counter()
        self._transport.write(self._requests[self._turn])

    def data_received(self, data: bytes) -> None:
        """Ask again when the answer is whole."""
        if not self._head:
            self._buffer += data
            head, separator, body = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            self._buffer, self._head, self._left = b"", head, _length(head) - len(body)
        else:
            self._left -= len(data)
        if self._left > 0:
            return
        head, self._head = self._head, b""
        now = time.perf_counter()
        self._times.append(now - self._asked)
        if not head.startswith(OK):
            self._failures.append(head.partition(b"\r\n")[0].decode())
        if now < self._until:
            self._ask()
        else:
            self._ending = True
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say that this one is through."""
        if not self._ending:
            self._failures.append(f"the connection ended early: {exc}")
        if not self.done.done():
            self.done.set_result(None)


def _length(head: bytes) -> int:
    """The body's; 0 when the head has none."""
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


async def load(plan: Plan) -> Load:
    """Follow the plan. Raises OSError when nobody listens, TimeoutError when an answer never comes."""
    times: list[float] = []
    failures: list[str] = []
    loop = asyncio.get_running_loop()
    requests = plan.requests()
    started = time.perf_counter()
    callers = []
    for number in range(plan.connections):
        mine = requests[number % len(requests) :: plan.connections]
        made = Caller(mine, started + plan.seconds, times, failures)
        if plan.to.startswith("/"):
            await loop.create_unix_connection(lambda made=made: made, plan.to)  # type: ignore[misc]
        else:
            host, _, port = plan.to.rpartition(":")
            await loop.create_connection(lambda made=made: made, host, int(port))  # type: ignore[misc]
        callers.append(made)
    async with asyncio.timeout(plan.seconds + PATIENCE):
        await asyncio.wait([caller.done for caller in callers])
    took = time.perf_counter() - started
    p50, p99 = (quantile(times, share) * 1000 for share in (0.5, 0.99))
    return Load(len(times), len(times) / took, p50, p99, len(failures), failures[0] if failures else "")


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(asdict(runner.run(load(Plan(**asked | {"paths": tuple(asked["paths"]), "each": tuple(asked["each"])}))))))
