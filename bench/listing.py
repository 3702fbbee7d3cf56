"""Listings: a page of a bucket with very many keys, as the S3 endpoint asks the object store for it."""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from bench.process import resident
from bench.table import Check, Row, quantile
from router.buckets.ledger import Ledgers
from router.buckets.object_store import Objects
from router.clock import SystemClock
from router.config.types import Bucket
from router.journal.database import Database

PAGE = 1000
TARGET = 50.0  # milliseconds
PAGES = 20


def rows(*, brief: bool) -> list[Row]:
    """One directory, full."""
    count = 50_000 if brief else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        _fill(place / "bucket/in", count)
        return [asyncio.run(_measured(place, count))]


def _fill(directory: Path, count: int) -> None:
    """Empty files, made as fast as the file system does."""
    directory.mkdir(parents=True)
    opened = os.open(directory, os.O_RDONLY)
    for number in range(count):
        os.close(os.open(f"file-{number:07d}.txt", os.O_CREAT | os.O_WRONLY, dir_fd=opened))
    os.close(opened)


async def _measured(place: Path, count: int) -> Row:
    database = await Database.open(place / "store")
    objects = await Objects.prepared({"big": Bucket("big", place / "bucket")}, database, Ledgers(), SystemClock())
    before, plain = resident(), _plain(place / "bucket/in")
    try:
        first, later = await _page(objects, ""), list[float]()
        for number in range(PAGES):
            after = f"in/file-{number * count // PAGES:07d}.txt"
            await _page(objects, after)  # the MD5s of files that nobody has read yet
            later.append(await _page(objects, after))
        (place / "bucket/in/dropped").touch()
        changed = await _page(objects, "in/file-0000000.txt")
    finally:
        await objects.close()
        await database.close()
    p50, p99 = quantile(later, 0.5), quantile(later, 0.99)
    return Row(
        f"a page of {PAGE:,} of {count:,} keys in one directory",
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms; the first {first:.0f} ms, after a file was dropped {changed:.0f} ms; {_grown(before)}",
        f"{plain:.0f} ms: all names read and sorted",
        (Check(f"p50 ≤ {TARGET:.0f} ms after the first", p50 <= TARGET),),
        f"{PAGES} pages all over the directory, eTags known; the object store in this process, no HTTP",
    )


def _grown(before: int) -> str:
    return f"{max(0, resident() - before) / 1024**2:.0f} MB"


async def _page(objects: Objects, after: str) -> float:
    """Milliseconds of one page."""
    started = time.perf_counter()
    page = await objects.list_page("big", start_after=after, limit=PAGE)
    if len(page.objects) < PAGE - 1:
        raise RuntimeError(f"{len(page.objects)} keys of {PAGE}")
    return (time.perf_counter() - started) * 1000


def _plain(directory: Path) -> float:
    started = time.perf_counter()
    with os.scandir(directory) as entries:
        sorted(entry.name for entry in entries)
    return (time.perf_counter() - started) * 1000
