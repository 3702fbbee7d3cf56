"""An object store on a real directory, with or without the bucket's source at work."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.buckets.facts import UNSAID, Metadata, ObjectFacts, PartName, UploadFacts
from router.buckets.object_store import Objects
from router.events import s3
from router.journal.database import Database
from tests.helpers.bucket import BucketHouse, until

EVERYTHING = s3.Filter(s3.PRODUCED)
BUCKET = "uploads"


@dataclass
class Rig:
    """The bucket "uploads", its store and its house."""

    house: BucketHouse
    objects: Objects

    @property
    def root(self) -> Path:
        """The bucket's directory."""
        return self.house.root

    async def put(self, key: str, data: bytes = b"", metadata: Metadata = UNSAID, **how: Any) -> ObjectFacts:
        """An object in one go."""
        upload = await self.objects.begin_put(BUCKET, key)
        try:
            await upload.write(data)
            return await upload.commit(metadata, **how)
        finally:
            await upload.abort()

    async def get(self, key: str) -> bytes:
        """An object's content."""
        async with await self.objects.open(BUCKET, key) as opened:
            return await opened.read(0, opened.facts.size)

    async def keys(self, **how: Any) -> list[str]:
        """All keys and common prefixes of a listing, page by page."""
        found, after = list[str](), ""
        while True:
            page = await self.objects.list_page(BUCKET, start_after=after, **how)
            found += sorted([*(one.key for one in page.objects), *page.common_prefixes], key=str.encode)
            if page.next is None:
                return found
            after = page.next

    async def part(self, upload: UploadFacts, number: int, data: bytes) -> PartName:
        """A part in one go, as completing names it."""
        body = await self.objects.begin_part(upload, number)
        for start in range(0, len(data), 700_000):
            await body.write(data[start : start + 700_000])
        part = await body.commit({})
        return PartName(number, f'"{part.etag}"', part.checksums)

    async def told(self, count: int) -> list[tuple[str, str]]:
        """What was told, once at least *count* events were; and the source has had its looks."""
        await until(lambda: len(self.house.told()) >= count)
        mark = self.root / f"mark-{count}-{len(self.house.told())}"
        mark.write_bytes(b"")  # what was to be looked at before this was looked at when this is told
        await until(lambda: mark.name in self.house.created())
        return [(name, key) for name, key in self.house.told() if not key.startswith("mark-")]


@asynccontextmanager
async def rig(tmp_path: Path, *, source: bool = False, **house: Any) -> AsyncIterator[Rig]:
    """A store, its database and, when asked for, the source running."""
    database = await Database.open(tmp_path / "store")
    wanted: Mapping[str, s3.Filter] = {"f": EVERYTHING}
    built = BucketHouse(tmp_path, database, **({"wanted": dict(wanted)} | house))
    objects = await built.objects()
    try:
        if source:
            async with built.running():
                yield Rig(built, objects)
        else:
            yield Rig(built, objects)
    finally:
        await objects.close()
        await database.close()
