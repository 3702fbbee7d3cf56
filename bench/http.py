"""Over HTTP: synchronous invocations and durable accepts, beside a bare aiohttp handler in the same run."""

import tempfile
from pathlib import Path

from bench.client import Plan
from bench.daemon import FUNCTIONS, Running
from bench.load import LISTENER, Side, alternating, ask, bare
from bench.plain import commits
from bench.table import Check, Row
from tests.helpers.house import free_port

CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{port}", aws: off, console: off}}
functions:
  echo: {{code: {code}, handler: echo.handler, triggers: [{{http: POST /echo}}]}}
  later: {{code: {code}, handler: echo.later, timeout: 900, reserved_concurrency: 1}}
"""
CONNECTIONS, SIZE = 32, 1000


def rows(*, brief: bool) -> list[Row]:
    """A daemon with an echo route, and a bare handler that echoes."""
    seconds, runs = (1.5, 3) if brief else (4.0, 7)
    with tempfile.TemporaryDirectory() as name:
        port = free_port()
        with Running(Path(name), CONFIG.format(port=port, code=FUNCTIONS)) as house:
            house.serve()
            found = [_sync(house, port, seconds, runs), _accept(house, Path(name), seconds, runs)]
            house.kill()  # what was accepted last waits for a handler that sleeps
    return [*found, _wire(seconds / 2, runs)]


def _sync(house: Running, port: int, seconds: float, runs: int) -> Row:
    with bare() as (address, pid):
        plan = Plan(f"127.0.0.1:{port}", ("/echo",), CONNECTIONS, seconds, SIZE)
        limit = Plan(address, ("/echo",), CONNECTIONS, seconds, SIZE)
        ask(Plan(plan.to, plan.paths, CONNECTIONS, 1.5, SIZE))  # environments start, code is warmed up
        ask(Plan(limit.to, limit.paths, CONNECTIONS, 0.5, SIZE))
        ours, beside, ratio = alternating(Side(plan, house.pid), Side(limit, pid), runs)
    environments = sum(row["environments"] for row in house.get("/ps"))
    rate, tail = ratio(lambda load: load.rate), ratio(lambda load: load.p99)
    return Row(
        "sync HTTP invoke, 1 kB POST, 32 connections, echo handler",
        f"{ours.rate:,.0f}/s, p50 {ours.p50:.1f} ms, p99 {ours.p99:.1f} ms, {ours.cpu:.0f} µs of daemon CPU each",
        f"bare aiohttp {beside.rate:,.0f}/s, p99 {beside.p99:.1f} ms, {beside.cpu:.0f} µs each: {rate:.2f} × its rate, {tail:.1f} × its p99",
        (Check("≥ 0.5 × the rate of a bare aiohttp handler", rate >= 0.5), Check("p99 ≤ 2 × its p99", tail <= 2)),
        f"a whole daemon, {environments} environments at the end; the client is a process of its own on the same cores, keep-alive, "
        "one request at a time on each connection; every invocation is logged twice and counted",
        why="The bare handler needs one process beside the client's; an invocation runs in a second one, which shares the same cores.",
        broken=ours.broken or beside.broken,
    )


def _wire(seconds: float, runs: int) -> Row:
    with bare(server=LISTENER) as (our_address, our_pid), bare() as (address, pid):
        plan, limit = (Plan(to, ("/echo",), CONNECTIONS, seconds, SIZE) for to in (our_address, address))
        ask(Plan(plan.to, plan.paths, CONNECTIONS, 0.5, SIZE))
        ask(Plan(limit.to, limit.paths, CONNECTIONS, 0.5, SIZE))
        ours, beside, ratio = alternating(Side(plan, our_pid), Side(limit, pid), runs)
    return Row(
        "HTTP listener alone, a handler that answers at once",
        f"{ours.rate:,.0f}/s, p50 {ours.p50:.1f} ms, p99 {ours.p99:.1f} ms, {ours.cpu:.0f} µs of processor each",
        f"bare aiohttp {beside.rate:,.0f}/s, p99 {beside.p99:.1f} ms, {beside.cpu:.0f} µs each: {ratio(lambda load: load.rate):.2f} × its rate",
        (),
        "our listener and nothing behind it, loaded as the row of the synchronous invocation: what of that row is the wire",
        broken=ours.broken or beside.broken,
    )


def _accept(house: Running, directory: Path, seconds: float, runs: int) -> Row:
    with bare(str(directory / "bare.sock")) as (address, pid):
        headers = {"X-Amz-Invocation-Type": "Event"}
        plan = Plan(str(house.state / "control.sock"), ("/functions/later/invocations",), CONNECTIONS, seconds, SIZE, headers)
        limit = Plan(address, ("/echo",), CONNECTIONS, seconds, SIZE)
        ask(Plan(plan.to, plan.paths, CONNECTIONS, 0.5, SIZE, headers))
        ask(Plan(limit.to, limit.paths, CONNECTIONS, 0.5, SIZE))
        ours, beside, ratio = alternating(Side(plan, house.pid), Side(limit, pid), runs)
        each = commits(directory, seconds, runs)
    rate = ratio(lambda load: load.rate)
    return Row(
        "durable async accept over HTTP (control socket)",
        f"{ours.rate:,.0f}/s, p50 {ours.p50:.1f} ms, p99 {ours.p99:.1f} ms, {ours.cpu:.0f} µs of daemon CPU each",
        f"bare aiohttp on a Unix socket {beside.rate:,.0f}/s: {rate:.2f} × its rate; one commit per event {each:,.0f}/s: {ours.rate / each:.1f} ×",
        (Check("≥ 0.5 × a bare handler", rate >= 0.5), Check("≥ 1.5 × one commit per event", ours.rate >= 1.5 * each)),
        "POST of 1 kB with X-Amz-Invocation-Type: Event, 32 connections; every 202 is a synced row; nothing but one sleeping handler runs",
        why="A group commit cannot be larger than the 32 requests that wait, and the store's thread shares the interpreter with the loop.",
        broken=ours.broken or beside.broken,
    )
