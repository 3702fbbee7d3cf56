"""Ten thousand schedules, and a thousand of them due in one second, in a whole daemon."""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.daemon import FUNCTIONS, Running, inside
from bench.table import Check, Row, quantile
from router.api.calls import Parts
from router.journal.base import Beside
from router.model import Envelope

CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: off, console: off}}
functions:
  tick: {{code: {code}, handler: ticks.handler, environment: {{RECORD: {record}}}, triggers: [{triggers}]}}
"""
IDLE = "cron(0 0 1 1 ? 2199)"
MANY, DUE = 10_000, 1000
ALONE = 5  # schedules that are due by themselves, in the seconds before
AHEAD = 12  # seconds from writing the config until the thousand are due: the daemon has started long before


def rows(*, brief: bool) -> list[Row]:
    """Loading, then firing."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        return [_loaded(Path(one), 3 if brief else 7), _fired(Path(other))]


def _config(directory: Path, expressions: list[str]) -> str:
    triggers = ", ".join(f'{{schedule: "{expression}"}}' for expression in expressions)
    return CONFIG.format(code=FUNCTIONS, record=directory / "record", triggers=triggers)


def _loaded(directory: Path, runs: int) -> Row:
    """How much later a daemon serves with 10,000 schedules than with one."""
    times: dict[int, list[float]] = {1: [], MANY: []}
    for run in range(runs):
        for count, found in times.items():
            place = directory / f"{run}-{count}"
            place.mkdir()
            with Running(place, _config(place, [IDLE] * count)) as house:
                started = time.perf_counter()
                house.serve()
                found.append(time.perf_counter() - started)
                house.stop()
    many, one = statistics.median(times[MANY]), statistics.median(times[1])
    return Row(
        f"{MANY:,} schedules loaded",
        f"{many - one:.2f} s",
        f"a daemon with one schedule serves after {one:.2f} s, with {MANY:,} after {many:.2f} s",
        (Check("≤ 2 s", many - one <= 2),),
        "the difference between two daemons on fresh state, from start to /status ready: config read and checked, schedules on record, "
        "next times computed",
        why="Most of the time goes into reading the YAML of ten thousand triggers with the line and column of every value.",
    )


async def _noted(parts: Parts, until: float) -> list[tuple[int, float]]:
    """When each tick was due, and by how many seconds its event was durable too late."""
    found: list[tuple[int, float]] = []
    emit_all = parts.dispatcher.emit_all

    async def noting(envelopes: Sequence[Envelope], beside: Beside | None = None) -> None:
        await emit_all(envelopes, beside)
        now = time.time()
        found.extend((int(envelope.sequencer), now - int(envelope.sequencer)) for envelope in envelopes)

    parts.dispatcher.emit_all = noting  # type: ignore[method-assign]
    while len(found) < DUE + ALONE and time.time() < until + 20:
        await asyncio.sleep(0.1)
    await asyncio.sleep(2)  # the handlers run
    return found


def _fired(directory: Path) -> Row:
    due = int(time.time()) + AHEAD
    times = [due] * DUE + [due - second for second in range(1, ALONE + 1)]
    expressions = [time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime(at)) for at in times]
    config = directory / "config.yaml"
    config.write_text(_config(directory, expressions + [IDLE] * (MANY - len(expressions))))
    durable = inside(config, lambda parts: _noted(parts, due))
    starts: list[dict[str, Any]] = [json.loads(line) for line in (directory / "record").read_text().splitlines()]
    late = [seconds * 1000 for at, seconds in durable if at == due]
    handled = [(line["at"] / 1e9 - due) * 1000 for line in starts if line["due"] == due]
    alone = [seconds * 1000 for at, seconds in durable if at != due]
    p99 = quantile(late, 0.99)
    return Row(
        f"{DUE:,} of {MANY:,} schedules due in one second",
        f"durable p50 {quantile(late, 0.5):.0f} ms, p99 {p99:.0f} ms late; handlers start p99 {quantile(handled, 0.99):.0f} ms late",
        f"one schedule due alone: durable {statistics.median(alone):.1f} ms late",
        (Check("p99 ≤ 100 ms late, durable", p99 <= 100),),
        "at() schedules of one second; late is wall time less the due time when the event is committed and synced, and at the first statement "
        "of the handler, whose environments are all cold",
        why="All are due at the same instant, and the first handlers start, cold, while the last events are still committed.",
        broken="" if len(late) == len(handled) == DUE else f"{len(late)} events and {len(handled)} starts for {DUE} ticks",
    )
