"""Buckets with `after`: a whole daemon, real files, and its death at any place: nothing that was not handled goes, what was goes once."""

from contextlib import suppress
from pathlib import Path

import pytest

from tests.helpers.house import House
from tests.helpers.record import read_record

pytestmark = pytest.mark.timeout(240)

FILES = 60
HANDLERS = """
import json, os

def handled(event, context):
    for record in event["Records"]:
        key = record["s3"]["object"]["key"]
        line = json.dumps({"name": record["eventName"], "key": key}) + "\\n"
        fd = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, line.encode())
        os.close(fd)
        if "bad" in key:
            raise ValueError("bad")
"""
CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: off, console: off}}
buckets:
  gone: {{path: ./gone, settle: 0, scan: 1s, after: delete}}
  moved: {{path: ./moved, settle: 0, scan: 1s, after: {{move: ./done}}}}
functions:
  handled:
    code: ./code
    handler: app.handled
    maximum_retry_attempts: 0
    environment: {{RECORD: {record}}}
    triggers: [{{s3: gone}}, {{s3: moved}}, {{s3: {{bucket: gone, events: "s3:ObjectRemoved:*"}}}}]
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/app.py").write_text(HANDLERS)
    (tmp_path / "record").touch()
    for name in ("gone", "moved"):
        (tmp_path / name).mkdir()
    return House(tmp_path, CONFIG.format(record=tmp_path / "record"))


def files(top: Path) -> dict[str, str]:
    found = {}
    for path in top.rglob("*"):
        with suppress(FileNotFoundError):  # it goes meanwhile
            if path.is_file() and ".router" not in path.parts:
                found[str(path.relative_to(top))] = path.read_text()
    return found


def test_what_was_handled_goes_and_what_failed_stays(house: House, tmp_path: Path) -> None:
    with house:
        house.up()
        for name in ("gone", "moved"):
            house.drop(f"{name}/good.csv", b"good")
            house.drop(f"{name}/bad.csv", b"bad")
        assert house.until(lambda: files(tmp_path / "gone") == files(tmp_path / "moved") == {"bad.csv": "bad"}, 30)
        assert files(tmp_path / "done") == {"good.csv": "good"}
        assert house.until(lambda: {"name": "ObjectRemoved:Delete", "key": "good.csv"} in read_record(tmp_path / "record"), 20)
        house.drop("moved/good.csv", b"good again")
        assert house.until(lambda: len(files(tmp_path / "done")) == 2, 30)
        assert sorted(files(tmp_path / "done").values()) == ["good", "good again"]
        assert house.stop() == 0
    assert files(tmp_path / "gone") == {"bad.csv": "bad"}


@pytest.mark.parametrize("step", ["before-clear", "after-clear", "before-ack", "after-ack"])
def test_wherever_the_daemon_dies_each_goes_once_and_none_is_lost(house: House, tmp_path: Path, step: str) -> None:
    bodies: dict[str, str] = {}
    with house:
        for death, count in enumerate((1, 7)):
            for number in range(FILES // 2):
                name, body = f"{death}-{number}.csv", f"{death} {number}"
                for bucket in ("gone", "moved"):
                    house.drop(f"{bucket}/{name}", body.encode())
                bodies[name] = body
            house.dies(step, count)
        house.up()
        assert house.until(lambda: not files(tmp_path / "gone") and not files(tmp_path / "moved"), 60), house.log.read_text()[-3000:]
        assert house.stop(60) == 0
    assert files(tmp_path / "done") == bodies
    created = [line["key"] for line in read_record(tmp_path / "record") if line["name"].startswith("ObjectCreated")]
    assert set(created) == bodies.keys()
