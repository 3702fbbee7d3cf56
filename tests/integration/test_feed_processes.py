"""Writers that are other processes, with Python's own SQLite: journal modes, concurrency, death in mid-transaction."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from router.clock import SystemClock
from tests.unit.sources.feed_rig import Rig, plain, records, table

WRITER = """
import json, random, sqlite3, sys
path, seed, count, first = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
chance = random.Random(seed)
db = sqlite3.connect(path, isolation_level=None, timeout=30)
db.execute("PRAGMA synchronous=OFF")
for n in range(count):
    key = first + chance.randrange(5)
    db.execute("BEGIN IMMEDIATE")
    what = chance.random()
    if what < 0.3:
        db.execute("REPLACE INTO t VALUES (?, ?, ?)", (key, seed, n))
    elif what < 0.6:
        db.execute("INSERT INTO t VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = excluded.n", (key, seed, n))
    elif what < 0.8:
        db.execute("UPDATE OR REPLACE t SET id = ? WHERE id = ?", (first + chance.randrange(5), key))
    elif what < 0.9:
        db.execute("DELETE FROM t WHERE id = ?", (key,))
    else:
        db.execute("UPDATE t SET n = ? WHERE id = ?", (n, key))
    db.execute("ROLLBACK" if chance.random() < 0.1 else "COMMIT")
print("done")
"""


def made(path: Path, mode: str) -> None:
    user = sqlite3.connect(path)
    user.execute(f"PRAGMA journal_mode={mode}")
    user.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, writer INTEGER, n INTEGER)")
    user.commit()
    user.close()


def start(path: Path, script: str, *args: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path), *map(str, args)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )


def rows_of(path: Path) -> dict[str, Any]:
    """The table as another process sees it: this one must not open the file with a second SQLite library."""
    script = "import json, sqlite3, sys; print(json.dumps(sqlite3.connect(sys.argv[1]).execute('SELECT * FROM t').fetchall()))"
    out = subprocess.run([sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True).stdout
    return {str(row[0]): {"id": str(row[0]), "writer": str(row[1]), "n": str(row[2])} for row in json.loads(out)}


def replayed(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The table as the records tell it; old images must fit, so nothing was left out or out of order."""
    state: dict[str, Any] = {}
    for record in found:
        body = record["dynamodb"]
        key = body["Keys"]["id"]["N"]
        assert state.get(key) == (plain(body["OldImage"]) if "OldImage" in body else None), record
        state.pop(key, None)
        if "NewImage" in body:
            state[key] = plain(body["NewImage"])
    return state


async def settled(rig: Rig) -> None:
    async with asyncio.timeout(30):
        while any(row["lag"] != 0 for row in await rig.source.rows()) or not rig.known():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("mode", ["WAL", "DELETE", "TRUNCATE", "PERSIST"])
async def test_concurrent_writers_in_every_journal_mode(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "t.db"
    made(path, mode)
    async with Rig(tmp_path, table(path, "t"), clock=SystemClock(), batch_size=7) as rig:
        await settled(rig)
        writers = [start(path, WRITER, seed, 120, first) for seed, first in ((1, 0), (2, 3), (3, 100))]
        for writer in writers:
            out, _ = await asyncio.to_thread(writer.communicate)
            assert out == "done\n"
        await settled(rig)
        found = records(rig.outlet.invoked)
        assert replayed(found) == rows_of(path)
        assert len({record["eventID"] for record in found}) == len(found)
        order: dict[str, list[str]] = defaultdict(list)
        for record in found:
            order[record["dynamodb"]["Keys"]["id"]["N"]].append(record["dynamodb"]["SequenceNumber"])
        assert all(numbers == sorted(numbers) for numbers in order.values())


DYING = """
import os, signal, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size=10")
db.execute("INSERT INTO t VALUES (1, 1, 1)")
db.execute("BEGIN")
db.executemany("INSERT INTO t VALUES (?, 2, 2)", [(i,) for i in range(10, 5000)])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
async def test_a_writer_that_dies_in_mid_transaction_leaves_no_record_of_it(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "t.db"
    made(path, mode)
    async with Rig(tmp_path, table(path, "t"), clock=SystemClock()) as rig:
        await settled(rig)
        await asyncio.to_thread(start(path, DYING).communicate)
        writer = start(path, WRITER, 5, 1, 50)
        await asyncio.to_thread(writer.communicate)
        await settled(rig)
        assert replayed(records(rig.outlet.invoked)) == rows_of(path)
        assert rows_of(path).keys() & {"1", "10"} == {"1"}
        assert rig.source.health() == ""


async def test_a_commit_is_delivered_within_moments(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    made(path, "WAL")
    script = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.stdin:
    db.execute("INSERT INTO t VALUES (?, 0, 0)", (int(line),))
"""
    async with Rig(tmp_path, table(path, "t"), clock=SystemClock()) as rig:
        await settled(rig)
        writer = start(path, script)
        assert writer.stdin is not None
        for n in range(1, 6):
            writer.stdin.write(f"{n}\n")
            writer.stdin.flush()
            await rig.outlet.until(lambda outlet, n=n: len(records(outlet.invoked)) == n, timeout=5.0)
        await asyncio.to_thread(writer.communicate)
