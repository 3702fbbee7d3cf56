"""The same disk without us: one synced commit per event."""

import statistics
import time
from pathlib import Path

import apsw

PAYLOAD = b'{"x":"' + b"x" * 400 + b'"}'
SCHEMA = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS e (id INTEGER PRIMARY KEY, p BLOB)"


def commits_once(directory: Path, seconds: float) -> float:
    """Events per second over *seconds*, each in a transaction of its own, WAL, synchronous=FULL."""
    connection = apsw.Connection(str(directory / "plain.db"))
    connection.execute(SCHEMA).fetchall()
    count, started = 0, time.perf_counter()
    while time.perf_counter() < started + seconds:
        connection.execute("INSERT INTO e (p) VALUES (?)", (PAYLOAD,))
        count += 1
    took = time.perf_counter() - started
    connection.close()
    return count / took


def commits(directory: Path, seconds: float, runs: int) -> float:
    """The median of several runs."""
    return statistics.median(commits_once(directory, seconds / runs) for _ in range(runs))
