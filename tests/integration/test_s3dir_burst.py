"""A burst of files with the watcher killed at random: each final version told at least once, none read half-written."""

import asyncio
import contextlib
import hashlib
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import unquote_plus

import orjson
import pytest

from router.journal.base import Beside
from router.journal.database import Database
from router.model import Envelope
from tests.helpers.bucket import BucketHouse, until

FILES = 20_000
CHANCE = random.Random(20_261_123)

WRITER = """
import hashlib, os, random, sys
root, files = sys.argv[1], int(sys.argv[2])
chance = random.Random(7)
for number in range(files):
    directory = f"{root}/{number % 40}"
    os.makedirs(directory, exist_ok=True)
    body = chance.randbytes(chance.randrange(0, 400))
    data = hashlib.md5(body).hexdigest().encode() + body
    path = f"{directory}/{number}"
    if number % 3 == 0:
        with open(path + ".part", "wb") as file:
            file.write(data)
        os.rename(path + ".part", path)
    else:
        with open(path, "wb", buffering=0) as file:
            file.write(data[:20])
            file.write(data[20:])
    if number % 50 == 0:  # an earlier one again
        again = f"{root}/{number // 2 % 40}/{number // 2}"
        body = b"again" + body
        with open(again, "wb", buffering=0) as file:
            file.write(hashlib.md5(body).hexdigest().encode())
            file.write(body)
"""


class Checking:
    """A handler in small: reads the file it is told of and checks the hash inside; keeps the eTag told last."""

    def __init__(self, root: Path, database: Database) -> None:
        self.root, self.database, self.told, self.half, self.events = root, database, dict[str, str](), list[str](), 0

    async def emit_all(self, envelopes: Sequence[Envelope], beside: Beside) -> None:
        await self.database.transact(beside)
        for envelope in envelopes:
            self._check(envelope)

    def _check(self, envelope: Envelope) -> None:
        stored = orjson.loads(envelope.payload)["Records"][0]["s3"]["object"]
        key = unquote_plus(stored["key"])
        data = (self.root / key).read_bytes()
        changed = hashlib.md5(data).hexdigest() != stored["eTag"]  # overwritten since: then that version is told later
        if not changed and hashlib.md5(data[32:]).hexdigest().encode() != data[:32]:
            self.half.append(key)
        self.told[key] = stored["eTag"]
        self.events += 1

    async def invoke(self, envelope: Envelope) -> None:
        raise AssertionError


@pytest.fixture
async def bucket(tmp_path: Path) -> AsyncIterator[BucketHouse]:
    database = await Database.open(tmp_path / "store")
    yield BucketHouse(tmp_path, database, settle=0.5, scan=2.0)
    await database.close()


async def test_a_burst_with_the_watcher_killed_at_random(bucket: BucketHouse) -> None:
    outlet = Checking(bucket.root, bucket.database)
    bucket.root.mkdir()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(bucket.root), str(FILES)])
    try:
        for _ in range(5):  # a daemon drained in the middle, and one whose notifications end
            async with bucket.running(outlet):
                await asyncio.sleep(CHANCE.uniform(0.1, 0.6))
                for descriptor in os.listdir("/proc/self/fd"):
                    with contextlib.suppress(FileNotFoundError):  # a thread's, closed meanwhile
                        if os.readlink(f"/proc/self/fd/{descriptor}") == "anon_inode:inotify":
                            await kill(int(descriptor))
                await asyncio.sleep(CHANCE.uniform(0.0, 0.3))
        async with bucket.running(outlet):
            await until(lambda: writer.poll() is not None, timeout=60)
            final = {
                f"{directory.name}/{file.name}": hashlib.md5(file.read_bytes()).hexdigest()
                for directory in bucket.root.iterdir()
                for file in directory.iterdir()
            }
            assert len(final) == FILES
            await until(lambda: len(outlet.told) == FILES and outlet.told == final, timeout=60)
    finally:
        writer.kill()
        writer.wait()
    assert writer.returncode == 0
    assert outlet.half == []
    assert outlet.events >= FILES


async def kill(descriptor: int) -> None:
    """Put something silent in the place of a watcher's descriptor: hints end without a word."""
    silent, other = os.pipe()
    os.dup2(silent, descriptor)
    os.close(silent)
    os.close(other)
    await asyncio.sleep(0)
