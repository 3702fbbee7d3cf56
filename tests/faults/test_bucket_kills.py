"""The daemon is killed right before and right after a batch of files is handed over: each file becomes one event, none is lost, none is told twice."""

import hashlib
from pathlib import Path

import pytest

from tests.helpers.house import ROOT, House
from tests.helpers.record import read_record

pytestmark = [pytest.mark.fault, pytest.mark.timeout(240)]

FILES = 100  # more than one batch
DEATHS = (1, 2, 2)
CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: off, console: off}}
buckets: {{inbox: {{path: ./inbox, settle: 0, scan: 1s}}}}
functions:
  files: {{code: {functions}, handler: app.files, timeout: 60, environment: {{RECORD: {record}}}, triggers: [{{s3: inbox}}]}}
"""


def drop(house: House, number: int) -> set[str]:
    """A directory of files that is moved in, whole; their keys."""
    place = house.directory / "fresh"
    place.mkdir()
    for name in range(FILES):
        body = f"{number} {name}".encode()
        (place / str(name)).write_bytes(hashlib.md5(body).hexdigest().encode() + b"\n" + body)
    place.rename(house.directory / f"inbox/{number}")
    return {f"{number}/{name}" for name in range(FILES)}


@pytest.mark.parametrize("step", ["before-append-all", "after-append-all"])
def test_files_are_one_event_each_wherever_the_daemon_dies(tmp_path: Path, step: str) -> None:
    config = CONFIG.format(functions=ROOT / "tests/faults/functions", record=tmp_path / "record")
    (tmp_path / "inbox").mkdir()
    keys: set[str] = set()
    with House(tmp_path, config) as house:
        for number, count in enumerate(DEATHS):
            keys |= drop(house, number)
            house.dies(step, count)
        house.start()
        assert house.ready(), house.log.read_text()[-3000:]
        assert house.until(lambda: {line["key"] for line in read_record(tmp_path / "record")} >= keys, 60)
        events = house.get("/events?function=files&limit=1000")
        assert house.stop(60) == 0
    lines = read_record(tmp_path / "record")
    assert all(line["whole"] for line in lines)
    assert len({(line["key"], line["sequencer"]) for line in lines}) == len(keys), "a version was told under two sequencers"
    assert len(events) == len(keys), "a version was told twice"
