"""The wall clock is set while the daemon runs, across its restarts, and to before anything was: libfaketime lies to the daemon,
and to it alone; the monotonic clock is left as it is. Faults C1, C2 and C7."""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.helpers.house import ROOT, House
from tests.helpers.record import read_record

pytestmark = [pytest.mark.fault, pytest.mark.server, pytest.mark.timeout(120)]

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: off, console: off}}
functions:
  ticks: {{<common>, handler: app.ticks, triggers: [{{schedule: {{name: minute, expression: "cron(* * * * ? *)", missed: all}}}}]}}
  held: {{<common>, handler: app.held}}
  jobs: {{<common>, handler: app.jobs}}
"""
# the heartbeat of the timer is shortened: how soon a step is seen is its constant, what is done about it is tested here
# libfaketime 0.9.10 shifts absolute sleeps on the monotonic clock too, although told to leave that clock alone: sleeps go by select
DAEMON = "import select, time; time.sleep = lambda seconds: select.select([], [], [], seconds) and None; "
DAEMON += "import sys; from pathlib import Path; from router.sources import timer, wake; timer.HEARTBEAT = wake.HEARTBEAT = 1.0; "
DAEMON += "from router import daemon; sys.exit(daemon.main(Path(sys.argv[1])))"


class Lied(House):
    """A house whose daemon believes a wall clock that the test sets."""

    def __init__(self, directory: Path) -> None:
        common = f"code: {ROOT / 'tests/faults/functions'}, timeout: 300, environment: {{RECORD: {directory / 'record'}, GATE: {directory / 'gate'}}}"
        super().__init__(directory, CONFIG.format().replace("<common>", common))
        self.offset = directory / "offset"

    def set(self, clock: str) -> None:
        """Have the clock show *clock* (UTC) now, and go on from there."""
        offset = datetime.fromisoformat(clock).replace(tzinfo=UTC).timestamp() - time.time()
        fresh = self.offset.with_suffix(".new")
        fresh.write_text(f"{offset:+.3f}\n")
        fresh.rename(self.offset)

    def start(self, *, step: str = "", count: int = 0) -> None:
        """Start the daemon; no steps."""
        assert (step, count) == ("", 0)
        lies = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(self.offset), "FAKETIME_NO_CACHE": "1"}
        lies |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
        with self.log.open("ab") as out:
            self.process = self.launch([sys.executable, "-c", DAEMON, str(self.config)], out, env=os.environ | lies)

    def first_tick(self) -> None:
        """Start at noon, and have the first minute pass."""
        self.set("2026-03-01T12:00:10")
        self.start()
        assert self.ready(), self.log.read_text()[-3000:]
        self.first_minute()

    def first_minute(self) -> None:
        """Soon after noon: once the schedules run, put the clock to just before their first minute."""
        assert self.until(lambda: all(row["next"] for row in self.get("/schedules")), 20)
        self.set("2026-03-01T12:00:57")
        assert self.until(lambda: bool(self.ticked()), 20), self.log.read_text()[-3000:]
        assert dict(self.ticked()) == {"2026-03-01T12:01:00Z": 1}

    def ticked(self) -> Counter[str]:
        """How often each tick was handled."""
        return Counter(line["at"] for line in read_record(self.directory / "record") if line["kind"] == "tick")

    def states(self) -> dict[str, str]:
        """The state of each event by its id."""
        return {row["id"]: row["state"] for row in self.get("/events?limit=1000")}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Lied]:
    if LIBRARY is None:
        pytest.skip("libfaketime is missing: apt install libfaketime")
    with Lied(tmp_path) as lied:
        yield lied


def test_the_clock_is_put_forward_and_back_under_a_running_daemon(house: Lied) -> None:
    house.first_tick()

    held = house.emit("held", {"n": 1})
    assert house.until(lambda: house.states()[held] == "running", 10)
    house.set("2026-03-01T13:01:30")
    assert house.until(lambda: len(house.ticked()) == 61, 20), house.ticked()
    house.set("2026-03-01T10:00:30")
    later = house.emit("jobs", {"n": 2})
    assert house.until(lambda: house.states()[later] == "succeeded", 10), "an event waits for a clock that was put back"
    assert house.states()[held] == "running", "a timeout counted the wall clock's steps"
    (house.directory / "gate").touch()
    assert house.until(lambda: house.states()[held] == "succeeded", 10)
    time.sleep(2)  # two looks at the clock
    assert set(house.ticked().values()) == {1}
    assert len(house.ticked()) == 61, "a tick came up twice, or one that had been decided"
    assert house.log.read_text().count("clock_stepped") == 3
    assert house.stop() == 0


def test_the_clock_is_set_across_restarts(house: Lied) -> None:
    house.first_tick()
    assert house.stop() == 0
    for clock in ("2026-03-01T12:05:05", "2026-03-01T11:00:05", "2026-03-01T12:05:15"):
        house.set(clock)
        house.start()
        assert house.ready(), house.log.read_text()[-3000:]
        job = house.emit("jobs", {"n": 1})
        assert house.until(lambda one=job: house.states()[one] == "succeeded", 10), clock
        assert house.until(lambda: len(house.ticked()) == 5, 10), (clock, house.ticked())
        assert house.stop() == 0
    assert dict(house.ticked()) == {f"2026-03-01T12:0{minute}:00Z": 1 for minute in range(1, 6)}


def test_before_its_time_nothing_is_decided(house: Lied) -> None:
    house.set("2019-05-05T05:05:58")
    house.start()
    assert house.until(house.answers, 20), house.log.read_text()[-3000:]
    job = house.emit("jobs", {"n": 1})
    assert house.until(lambda: house.states()[job] == "succeeded", 10)
    (told,) = [row for row in house.get("/doctor") if row["name"].startswith("source schedule")]
    assert told["effective"].startswith("schedules wait until the clock is set: it shows 2019-05-05T05:0")
    assert told["ok"] is False
    time.sleep(3)
    assert house.ticked() == {}
    house.set("2026-03-01T12:00:10")
    house.first_minute()
    assert house.stop() == 0
