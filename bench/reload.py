"""500 requests a second while the config changes every second: what fails, and how long the slowest waits."""

import asyncio
import tempfile
import time
from pathlib import Path

from bench.daemon import FUNCTIONS, Running
from bench.table import Check, Row, quantile
from tests.helpers.house import free_port
from tests.helpers.steady import Seen, steady

RATE = 500
CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{port}", aws: off, console: off}}
functions:
  f: {{code: {code}, handler: answer.handler, environment: {{ROUND: "{number}"}}, triggers: [{{http: GET /f}}, {{http: GET /r{number}}}]}}
"""


def rows(*, brief: bool) -> list[Row]:
    """One daemon, first left alone, then reloaded again and again: its function's environment and its routes change each time."""
    with tempfile.TemporaryDirectory() as name:
        port = free_port()
        with Running(Path(name), CONFIG.format(port=port, code=FUNCTIONS, number=0)) as house:
            house.serve()
            return [asyncio.run(_row(house, port, 5 if brief else 20))]


async def _row(house: Running, port: int, seconds: int) -> Row:
    async with steady(port, "/f", rate=RATE) as alone:
        await asyncio.sleep(seconds)
    took = []
    async with steady(port, "/f", rate=RATE) as beside:
        for number in range(1, seconds + 1):
            house.config.write_text(CONFIG.format(port=port, code=FUNCTIONS, number=number))
            began = time.monotonic()
            status, _, body = await asyncio.to_thread(house.request, "POST", "/reload")
            took.append(time.monotonic() - began)
            if status != 200:
                raise RuntimeError(f"a reload was refused: {body!r}")
            await asyncio.sleep(max(0.0, 1 - took[-1]))
    failed = _failed(beside)
    return Row(
        f"{RATE} requests a second, a reload every second",
        f"{failed} of {beside.total:,} failed, slowest {beside.slowest * 1000:.0f} ms; a reload p50 {quantile(took, 0.5) * 1000:.0f} ms",
        f"without reloads {_failed(alone)} of {alone.total:,}, slowest {alone.slowest * 1000:.0f} ms",
        (Check("none fails", not failed),),
        "each reload changes a variable of the function, so that all environments are new, and a route; eight connections, one of them made anew"
        " for each request; failed: any answer but 200, or none",
        broken="" if not _failed(alone) else "requests fail without any reload",
    )


def _failed(seen: Seen) -> int:
    return seen.total - seen.statuses[200]
