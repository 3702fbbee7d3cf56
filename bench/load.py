"""HTTP load on a daemon or on its listener alone and, beside it, on a bare aiohttp handler: in turn, so that both see the same machine."""

import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.client import Load, Plan
from bench.process import cpu_seconds
from tests.helpers.house import ROOT, UnixConnection, free_port

BARE = """
import sys
import uvloop
from aiohttp import web

async def echo(request):
    return web.Response(body=await request.read(), content_type="application/json")

app = web.Application()
app.router.add_post("/echo", echo)
where = {"path": sys.argv[1]} if sys.argv[1].startswith("/") else {"host": "127.0.0.1", "port": int(sys.argv[1].rpartition(":")[2])}
web.run_app(app, loop=uvloop.new_event_loop(), print=None, access_log=None, **where)
"""
LISTENER = """
import asyncio
import sys
import uvloop
from router.clock import SystemClock
from router.config.types import Listen
from router.telemetry.metrics import Metrics
from router.web import Listener, Response

async def echo(request):
    return Response(200, (("content-type", "application/json"),), request.body)

async def main():
    where = Listen("tcp", "127.0.0.1", int(sys.argv[1].rpartition(":")[2]))
    listener = Listener("bench", where, echo, clock=SystemClock(), metrics=Metrics())
    await listener.start()
    await listener.serve(asyncio.Event())

with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
"""
LIMIT = 60.0  # seconds beyond a plan's own that the generator may take


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared."""

    plan: Plan
    pid: int  # whose processor time is counted


@dataclass(frozen=True, slots=True)
class Result:
    """One side over all runs: medians, but failures are summed up."""

    rate: float
    p50: float  # milliseconds
    p99: float
    cpu: float  # microseconds of the server's process for one request
    failures: int
    first: str

    @property
    def broken(self) -> str:
        """Why the figures must not count."""
        return f"{self.failures} failed requests, the first: {self.first}" if self.failures else ""


def ask(plan: Plan) -> Load:
    """One run of the load generator."""
    command = [sys.executable, "-m", "bench.client", json.dumps(asdict(plan))]
    answer = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=plan.seconds + LIMIT)
    return Load(**json.loads(answer.stdout))


def alternating(ours: Side, beside: Side, runs: int) -> tuple[Result, Result, Callable[[Callable[[Load], float]], float]]:
    """Both sides, *runs* times in turn; and how to get the median ratio of a figure, run by run."""
    sides = (ours, beside)
    loads: tuple[list[Load], list[Load]] = ([], [])
    cpu: tuple[list[float], list[float]] = ([], [])
    for number in range(runs):
        for which in (0, 1) if number % 2 else (1, 0):
            before = cpu_seconds(sides[which].pid)
            loads[which].append(ask(sides[which].plan))
            cpu[which].append((cpu_seconds(sides[which].pid) - before) / loads[which][-1].count * 1e6)
    pairs = list(zip(*loads, strict=True))
    return (
        _result(loads[0], cpu[0]),
        _result(loads[1], cpu[1]),
        lambda figure: statistics.median(figure(one) / figure(other) for one, other in pairs),
    )


def _result(loads: list[Load], cpu: list[float]) -> Result:
    return Result(
        statistics.median(load.rate for load in loads),
        statistics.median(load.p50 for load in loads),
        statistics.median(load.p99 for load in loads),
        statistics.median(cpu),
        sum(load.failures for load in loads),
        next((load.first for load in loads if load.first), ""),
    )


@contextmanager
def bare(where: str = "", *, server: str = BARE) -> Iterator[tuple[str, int]]:
    """A bare aiohttp handler, POST /echo, in a process of its own: its address and pid. *where*: a Unix socket's path.

    *server*: another program to run in its place, LISTENER for our own wire and nothing behind it."""
    where = where or f"127.0.0.1:{free_port()}"
    with subprocess.Popen([sys.executable, "-c", server, where]) as process:
        try:
            _wait(where, process)
            yield where, process.pid
        finally:
            process.terminate()


def _wait(where: str, process: "subprocess.Popen[bytes]") -> None:
    """Until it answers. Raises RuntimeError when it does not."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError, subprocess.SubprocessError):
            if _accepts(where):
                return
        time.sleep(0.05)
    raise RuntimeError("the bare server did not start")


def _accepts(where: str) -> bool:
    if where.startswith("/"):
        UnixConnection(Path(where)).connect()
    else:
        socket.create_connection(("127.0.0.1", int(where.rpartition(":")[2])), timeout=1).close()
    return True
