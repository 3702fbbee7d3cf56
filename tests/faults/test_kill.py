"""The daemon is killed with SIGKILL under mixed load from all four sources, at random moments and at chosen steps.

FAULT_ROUNDS sets how many random kills there are; the default, with the chosen steps, makes 200 in all. FAULT_BOUNDED makes it 60."""

import os
import random
import time
from pathlib import Path

import pytest

from tests.helpers.daemon import STEPS
from tests.helpers.house import House, free_port
from tests.helpers.load import ENDED, Findings, Load, config_for, judge
from tests.helpers.record import read_record

BOUNDED = bool(os.environ.get("FAULT_BOUNDED"))
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "36" if BOUNDED else "104"))
COUNTS = (1, 13) if BOUNDED else (1, 2, 3, 5, 8, 13, 21, 34)
FACTOR = 30.0  # the daemon's clock runs this much faster: retries after 2 and 4 s

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]


def events_of(house: House) -> list[dict[str, object]]:
    """Every event the daemon knows, page by page."""
    rows: list[dict[str, object]] = []
    while page := house.get(f"/events?limit=1000&before={rows[-1]['id'] if rows else ''}"):
        rows += page
    return rows


def begin(house: House, load: Load) -> None:
    """Let the daemon come up once before the load: rows count as accepted only from the feed's installation on."""
    house.start()
    assert house.ready(), house.log.read_text()[-3000:]
    assert house.until(lambda: all(row["installed"] for row in house.get("/feeds")), 10)
    assert house.stop() == 0
    load.start()


def at_rest(house: House) -> bool:
    """No event is unfinished and no feed lags."""
    return all(row["queued"] == 0 and row["running"] == 0 for row in house.get("/ps")) and all(
        row["lag"] == 0 for row in house.get("/feeds")
    )


def come_to_rest(house: House, load: Load) -> Findings:
    """Let the daemon finish undisturbed, stop it, and judge."""
    house.start()
    assert house.ready(), house.log.read_text()[-3000:]
    time.sleep(3)
    load.stop()
    load.mark()
    record = house.directory / "record"
    assert house.until(lambda: any(line.get("key") == "mark" for line in read_record(record)), 60, step=0.3), "it looks at no files"
    before = -1
    while before != (before := sum(str(event["source"]).startswith("s3:") for event in events_of(house))):
        time.sleep(3)  # one scan interval, several looks at the feed; where the machine is slow files are looked at for longer
    assert house.until(lambda: at_rest(house), 60, step=0.3), house.get("/ps")
    events = listed(house)
    assert house.stop(60) == 0
    assert house.processes() == []
    return judge(load.acknowledged, read_record(house.directory / "record"), events)


def listed(house: House) -> list[dict[str, object]]:
    """Every event, at a moment when none is under way: a tick comes every two seconds. What stays unfinished for a minute is listed so."""
    events: list[dict[str, object]] = []

    def all_ended() -> bool:
        events[:] = events_of(house)
        return all(event["state"] in ENDED for event in events)

    house.until(all_ended, 60, step=0.3)
    return events


def report(findings: Findings, load: Load, kills: int) -> None:
    """What happened, for people."""
    told = load.acknowledged
    print(
        f"\n{kills} kills; acknowledged: {len(told.jobs)} events, {len(told.requests)} requests, "
        f"{sum(map(len, told.rows.values()))} rows, {len(told.kept) + len(told.files)} files; "
        f"{findings.handled} handled, {findings.duplicates} of them duplicates",
    )


def test_killed_at_random_moments_nothing_is_lost(tmp_path: Path) -> None:
    port = free_port()
    chance = random.Random(20261123)
    with House(tmp_path, config_for(tmp_path, port), factor=FACTOR) as house:
        load = Load(house, port, seed=1)
        begin(house, load)
        for _ in range(ROUNDS):
            house.start()
            if chance.random() < 0.8:
                assert house.ready(), house.log.read_text()[-3000:]
            time.sleep(chance.random() * 0.6)
            house.kill()
        findings = come_to_rest(house, load)
    report(findings, load, ROUNDS)
    assert findings.bad() == {}, findings.bad()
    assert findings.handled > ROUNDS


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_chosen_step_nothing_is_lost(tmp_path: Path, step: str) -> None:
    port = free_port()
    died = 0
    with House(tmp_path, config_for(tmp_path, port), factor=FACTOR) as house:
        load = Load(house, port, seed=2)
        begin(house, load)
        for count in COUNTS:
            house.start(step=step, count=count)
            died += house.until(lambda: not house.alive(), 10)
            house.kill()
        findings = come_to_rest(house, load)
    report(findings, load, died)
    assert died == len(COUNTS), f"the step was reached {died} times only"
    assert findings.bad() == {}, findings.bad()
