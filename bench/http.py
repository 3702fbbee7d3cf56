"""Synchronous invocations over HTTP, beside a bare aiohttp handler in the same run."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.table import Row
from tests.helpers.house import ROOT, House, free_port

CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{port}", console: off}}
functions:
  echo: {{code: {code}, handler: echo.handler, triggers: [{{http: POST /echo}}]}}
"""
BARE = """
import sys
import uvloop
from aiohttp import web

async def echo(request):
    return web.Response(body=await request.read(), content_type="application/json")

app = web.Application()
app.router.add_post("/echo", echo)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), loop=uvloop.new_event_loop(), print=None, access_log=None)
"""
CONNECTIONS, SIZE = 32, 1000


def ask(port: int, seconds: float) -> tuple[float, float, float, int]:
    """One run of the load generator."""
    command = [sys.executable, "-m", "bench.client", str(port), "/echo", str(CONNECTIONS), str(seconds), str(SIZE)]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return float(answer[0]), float(answer[1]), float(answer[2]), int(answer[3])


@contextmanager
def bare() -> Iterator[int]:
    """A bare aiohttp handler in a process of its own; its port."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-c", BARE, str(port)]) as process:
        time.sleep(1.0)
        try:
            yield port
        finally:
            process.terminate()


@contextmanager
def routed(directory: Path) -> Iterator[int]:
    """A daemon with one echo route; its port."""
    port = free_port()
    with House(directory, CONFIG.format(port=port, code=ROOT / "bench/functions")) as house:
        house.start()
        assert house.ready(), house.log.read_text()
        yield port
        house.stop()


def rows(*, brief: bool) -> list[Row]:
    """The row of the synchronous HTTP invocation."""
    seconds, runs = (1.5, 3) if brief else (4.0, 5)
    ours: list[tuple[float, float, float, int]] = []
    limit: list[tuple[float, float, float, int]] = []
    with tempfile.TemporaryDirectory() as directory, bare() as bare_port, routed(Path(directory)) as routed_port:
        ask(routed_port, 1.0)  # environments start, code is compiled
        ask(bare_port, 0.5)
        for _ in range(runs):
            ours.append(ask(routed_port, seconds))
            limit.append(ask(bare_port, seconds))
    ratio = statistics.median(a[0] / b[0] for a, b in zip(ours, limit, strict=True))
    tail = statistics.median(a[2] / b[2] for a, b in zip(ours, limit, strict=True))
    failures = sum(a[3] for a in ours)
    middle = [statistics.median(a[i] for a in ours) for i in range(3)]
    beside = [statistics.median(b[i] for b in limit) for i in range(3)]
    return [
        Row(
            "sync HTTP invoke, 1 kB POST, 32 connections, echo handler",
            f"{middle[0]:,.0f}/s, p50 {middle[1]:.1f} ms, p99 {middle[2]:.1f} ms, {failures} failures",
            f"bare aiohttp {beside[0]:,.0f}/s, p99 {beside[2]:.1f} ms: {ratio:.2f} × its rate, {tail:.1f} × its p99",
            "≥ 0.5 × a bare aiohttp handler; p99 ≤ 2 × its p99",
            ratio >= 0.5 and tail <= 2 and failures == 0,
        ),
    ]
