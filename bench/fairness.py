"""Ten functions, one of them flooded at ten times what it can do: how long events of the quiet ones wait."""

import json
import tempfile
import threading
import time
from pathlib import Path

from bench.daemon import FUNCTIONS, Running
from bench.table import Check, Row, quantile

QUIET = 9
SLOTS = 20
HELD = 0.5  # seconds that a flooded event takes
EVERY = 0.03  # seconds between events of quiet functions
CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: off, console: off}}
limits: {{concurrency: {slots}}}
functions:
  flood: {{code: {code}, handler: quiet.held, timeout: 60, environment: {{HELD: "{held}"}}}}
"""


def rows(*, brief: bool) -> list[Row]:
    """One daemon: the quiet functions alone, then beside the flood."""
    seconds = 6.0 if brief else 20.0
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        record = directory / "record"
        quiet = "".join(
            f"  quiet{n}: {{code: {FUNCTIONS}, handler: quiet.noted, environment: {{RECORD: {record}}}}}\n" for n in range(QUIET)
        )
        with Running(directory, CONFIG.format(slots=SLOTS, code=FUNCTIONS, held=HELD) + quiet) as house:
            house.serve()
            _waits(house, record, 2.0)  # until all are warm
            alone = _waits(house, record, seconds)
            stop = threading.Event()
            flood = [threading.Thread(target=_flood, args=(house, stop)) for _ in range(2)]
            for thread in flood:
                thread.start()
            time.sleep(3)
            beside = _waits(house, record, seconds)
            stop.set()
            for thread in flood:
                thread.join()
            (row,) = [row for row in house.get("/ps") if row["function"] == "flood"]
            house.kill()
    return [_row(alone, beside, queued=int(row["queued"]))]


def _flood(house: Running, stop: threading.Event) -> None:
    """Half of ten times what all slots could do."""
    due = time.monotonic()
    while not stop.is_set():
        house.emit("flood", {})
        due += 2 * HELD / SLOTS / 10
        time.sleep(max(0.0, due - time.monotonic()))


def _waits(house: Running, record: Path, seconds: float) -> list[float]:
    """From the acknowledgement of each event to the start of its handler, in seconds."""
    accepted: dict[str, float] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        accepted[house.emit(f"quiet{len(accepted) % QUIET}", {})] = time.time()
        time.sleep(EVERY)
    if not house.until(lambda: accepted.keys() <= _started(record).keys(), 20):
        raise RuntimeError("an event of a quiet function was not handled within 20 s")
    started = _started(record)
    return [max(0.0, started[event] - at) for event, at in accepted.items()]


def _started(record: Path) -> dict[str, float]:
    return dict(json.loads(line) for line in record.read_text().splitlines()) if record.exists() else {}


def _row(alone: list[float], beside: list[float], *, queued: int) -> Row:
    (p50, p99), (p50_alone, p99_alone) = ((quantile(waits, 0.5) * 1000, quantile(waits, 0.99) * 1000) for waits in (beside, alone))
    ratio = p99 / p99_alone if p99_alone else float("inf")
    return Row(
        "an event of a quiet function beside a flooded one: its wait for a start",
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms",
        f"without the flood p50 {p50_alone:.1f} ms, p99 {p99_alone:.1f} ms: {ratio:.1f} ×",
        (Check("p99 ≤ 2 × that without it", ratio <= 2),),
        f"{QUIET} quiet functions, an event every {EVERY * 1000:.0f} ms; the flood at ten times what {SLOTS} slots can do, {queued:,} events waiting at the end;"
        " from the acknowledgement to the first line of the handler",
        why="The flood's own accepts and starts take the processor and the disk; a quiet event finds its slot and its environment free.",
    )
