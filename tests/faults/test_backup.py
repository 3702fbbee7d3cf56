"""A backup taken under load is put back elsewhere: all that was acknowledged before it is there, and no tick fires again that had fired.

Faults B13 and B14."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.test_kill import FACTOR, at_rest, begin, events_of
from tests.helpers.house import ROOT, House, free_port
from tests.helpers.load import Load, config_for
from tests.helpers.record import read_record

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]


def router(house: House, *arguments: str) -> Any:
    """A command of the command line, its JSON."""
    command = [sys.executable, "-m", "router.cli", "--config", str(house.config), "--output", "json", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def ticks(house: House) -> dict[str, str]:
    """Times of the ticks that were handled, and the ids of their events."""
    return {line["at"]: line["id"] for line in read_record(house.directory / "record") if line["kind"] == "tick"}


def test_a_backup_taken_under_load_and_put_back_elsewhere_has_lost_nothing(tmp_path: Path) -> None:
    here, there, file = tmp_path / "here", tmp_path / "there", tmp_path / "backup.tar.gz"
    here.mkdir()
    port = free_port()
    with House(here, config_for(here, port), factor=FACTOR) as house:
        load = Load(house, port, seed=3)
        begin(house, load)
        house.start()
        assert house.ready(), house.log.read_text()[-3000:]
        assert house.until(lambda: len(ticks(house)) > 1 and len(load.acknowledged.jobs) > 100, 30)
        acknowledged, ticked = dict(load.acknowledged.jobs), ticks(house)
        made = router(house, "backup", str(file))
        time.sleep(1)
        assert len(load.acknowledged.jobs) > len(acknowledged), "the daemon did not go on"
        house.kill()
        load.stop()
        known = {str(event["id"]): str(event["state"]) for event in _listed(house)}
    assert acknowledged.keys() <= known.keys()

    shutil.copytree(here, there, ignore=shutil.ignore_patterns("state", "record", "daemon.log"))
    with House(there, config_for(there, port), factor=FACTOR) as house:
        house.base += 600  # a while after the backup
        assert router(house, "restore", "--check", str(file))["events"] == made["events"] >= len(acknowledged)
        router(house, "restore", str(file))
        house.start()
        assert house.ready(), house.log.read_text()[-3000:]
        assert house.until(lambda: at_rest(house), 60, step=0.3), house.get("/ps")
        states = {str(event["id"]): event["state"] for event in events_of(house)}
        assert house.stop(60) == 0
        assert {job for job in acknowledged if states.get(job) not in {"succeeded", "dead"}} == set()
        assert {at: one for at, one in ticks(house).items() if at in ticked and one != ticked[at]} == {}
        handled = {line["id"] for line in read_record(there / "record")}
        before = {line["id"] for line in read_record(here / "record")}
        assert {one for one, state in states.items() if state == "succeeded"} <= handled | before


def _listed(house: House) -> list[dict[str, object]]:
    """The events of a house that was killed: it is started once more, without load."""
    house.start()
    assert house.ready(), house.log.read_text()[-3000:]
    events = events_of(house)
    house.kill()
    return events
