"""Years of use in a minute: one huge transaction, reloads and workers that come and go. Faults I3 and I9."""

import os
import resource
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.helpers.house import House, free_port

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "12"))
ROWS = 100_000
HANDLERS = """
import os
VERSION = 0

def feed(event, context):
    keys = [record["dynamodb"]["Keys"]["id"]["N"] for record in event["Records"]]
    file = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, ("\\n".join(keys) + "\\n").encode())
    os.close(file)

def version(event, context):
    return VERSION

def leaves(event, context):
    os._exit(1)
"""
CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: off, console: "127.0.0.1:{console}"}}
tables:
  orders: {{sqlite: ./shop.db, install: auto}}
functions:
  feed:
    code: ./code
    handler: app.feed
    environment: {{RECORD: "{record}"}}
    triggers: [{{table: {{name: orders, batch_size: 1000}}}}]
  version: {{code: ./code, handler: app.version}}
  leaves: {{code: ./code, handler: app.leaves}}
"""

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]


def house_on(directory: Path) -> House:
    (directory / "code").mkdir()
    (directory / "code/app.py").write_text(HANDLERS)
    return House(directory, CONFIG.format(console=free_port(), record=directory / "record"))


def memory(house: House) -> int:
    """Bytes of the daemon's memory."""
    assert house.process is not None
    return int(Path(f"/proc/{house.process.pid}/statm").read_text().split()[1]) * resource.getpagesize()


def descriptors(house: House) -> int:
    assert house.process is not None
    return len(os.listdir(f"/proc/{house.process.pid}/fd"))


def zombies(house: House) -> int:
    """Dead children that nobody has buried, of the daemon and of what it started."""
    found = 0
    for pid in {*house.processes(), house.process.pid if house.process else 0}:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            found += state == "Z" and int(parent) == pid
    return found


def invoked(house: House, function: str) -> Any:
    status, _, body = house.request("POST", f"/functions/{function}/invocations", b"null")
    assert status == 200, body
    return body


def test_a_transaction_of_a_hundred_thousand_rows_costs_bounded_memory_and_keeps_its_order(tmp_path: Path) -> None:
    user = apsw.Connection(str(tmp_path / "shop.db"))
    user.execute("PRAGMA journal_mode=WAL; CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT)").fetchall()
    with house_on(tmp_path) as house:
        house.start()
        assert house.ready(), house.log.read_text()[-3000:]
        assert house.until(lambda: all(row["installed"] for row in house.get("/feeds")), 20)
        before = most = memory(house)
        user.execute("BEGIN").fetchall()
        user.executemany("INSERT INTO orders VALUES (?, ?)", ((number, "x" * 100) for number in range(ROWS)))
        user.execute("COMMIT").fetchall()

        def done() -> bool:
            nonlocal most
            most = max(most, memory(house))
            return all(row["lag"] == 0 for row in house.get("/feeds"))

        assert house.until(done, 200, step=0.1), house.get("/feeds")
        assert most - before < 64 << 20, (before, most)
        assert house.stop(60) == 0
    user.close()
    assert [int(line) for line in (tmp_path / "record").read_text().split()] == list(range(ROWS))


def test_reloads_and_workers_that_end_leave_nothing_behind(tmp_path: Path) -> None:
    user = apsw.Connection(str(tmp_path / "shop.db"))
    user.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)").fetchall()
    user.close()
    with house_on(tmp_path) as house:
        house.start()
        assert house.ready(), house.log.read_text()[-3000:]

        def life(number: int) -> None:
            (tmp_path / "code/app.py").write_text(HANDLERS.replace("VERSION = 0", f"VERSION = {number}"))
            assert house.request("POST", "/reload")[0] == 200
            assert house.until(lambda: invoked(house, "version") == str(number).encode(), 20)
            for _ in range(5):
                invoked(house, "leaves")

        for number in range(1, 4):
            life(number)
        open_before, before = descriptors(house), memory(house)
        for number in range(4, 4 + ROUNDS):
            life(number)
        assert house.until(lambda: descriptors(house) <= open_before + 4, 20), (open_before, descriptors(house))
        assert house.until(lambda: zombies(house) == 0, 10)
        assert memory(house) - before < 16 << 20
        assert house.until(lambda: len(house.processes()) < 20, 10), house.processes()
        began = time.monotonic()
        assert house.stop(60) == 0
        assert time.monotonic() - began < 30
