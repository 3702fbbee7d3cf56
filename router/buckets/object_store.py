"""The object store over all buckets of a daemon (objects.Store): finds the bucket, hands on to who does it."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

import structlog

from router.buckets import checksums, notes, sweeping, upload_table, version_table
from router.buckets.changing import Changes, Origin
from router.buckets.facts import (
    ANYWAY,
    NOBODY,
    ChecksumType,
    Condition,
    Digests,
    Metadata,
    ObjectFacts,
    Page,
    Part,
    PartName,
    PartPage,
    UploadFacts,
    UploadPage,
)
from router.buckets.ledger import Ledgers
from router.buckets.multipart import KEPT, Uploads, copied
from router.buckets.object_errors import BucketNotEmpty, NoSuchBucket, NoSuchKey, ObjectError, StorageTrouble
from router.buckets.object_keys import place
from router.buckets.objects import OpenObject
from router.buckets.pages import Pages
from router.buckets.shelf import Handle, Shelf, Tools
from router.buckets.staging import Staged
from router.buckets.tree import Directories
from router.buckets.upload import ObjectPart, ObjectUpload
from router.clock import Clock
from router.config.types import Bucket
from router.errors import JournalError, RouterError
from router.events.s3 import COPIED, Caller
from router.journal.database import Database

log = structlog.get_logger("router.objects")

SWEEP: Final = 86_400.0  # seconds between sweeps of what was left behind
WAITING: Final = 3600.0  # seconds that a note may be older than its file is in place
AT_ONCE: Final = 32  # deletions of one call at a time: they share the syncs of the store


class Desk:
    """All that is done for one bucket."""

    def __init__(self, shelf: Shelf, directories: Directories) -> None:
        self.shelf = shelf
        self.changes = Changes(shelf)
        self.pages = Pages(shelf, directories)
        self.uploads = Uploads(shelf, self.changes)


class Objects:
    """Belongs to one event loop."""

    def __init__(self, buckets: Mapping[str, Bucket], database: Database, ledgers: Ledgers, clock: Clock) -> None:
        self._buckets, self._ledgers, self._clock = buckets, ledgers, clock
        self._tools = Tools(database)
        self._directories = Directories()
        self._desks: dict[str, Desk] = {}
        self._due = asyncio.Event()  # a sweep is wanted at once

    @classmethod
    async def prepared(cls, buckets: Mapping[str, Bucket], database: Database, ledgers: Ledgers, clock: Clock) -> Self:
        """With its tables up to date. Raises JournalError."""
        for room in (version_table, notes, upload_table):
            await room.prepare(database)
        return cls(buckets, database, ledgers, clock)

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep now and then until *stop*."""
        while not stop.is_set():
            self._due.clear()
            await self.sweep()
            waits = [asyncio.create_task(self._clock.wait(event, SWEEP)) for event in (stop, self._due)]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waits:
                    one.cancel()

    async def close(self) -> None:
        """Wait for what is under way, then take nothing more."""
        for desk in self._desks.values():
            await desk.changes.settled()
        self._tools.close()

    def adopt(self, buckets: Mapping[str, Bucket]) -> None:
        """Another config is in force. What is under way in a bucket that is gone ends as it began; where other names are ignored, notes are looked at."""
        former, self._buckets = self._buckets, buckets
        if any(name in former and former[name].ignore != bucket.ignore for name, bucket in buckets.items()):
            self._due.set()

    async def sweep(self) -> None:
        """Remove what nobody works on any more; a bucket that gives trouble waits for the next time."""
        for name in list(self._buckets):
            try:
                desk = self._desk(name)
                bodies = await desk.shelf.rooted(sweeping.sweep)
                uploads = await desk.uploads.sweep(self._clock.now() - KEPT)
                await desk.changes.sweep(self._clock.now() - WAITING)
            except (ObjectError, JournalError) as error:
                log.warning("objects_sweep_failed", bucket=name, error=str(error))
                continue
            if bodies or uploads:
                log.info("objects_swept", bucket=name, bodies=bodies, uploads=uploads)

    # --- buckets

    def buckets(self) -> Mapping[str, Bucket]:
        """See Store."""
        return self._buckets

    async def created(self, bucket: str) -> float:
        """See Store."""
        desk = self._desk(bucket)
        return await desk.shelf.rooted(_made_at)

    async def empty(self, bucket: str) -> bool:
        """See Store."""
        return await self._desk(bucket).pages.empty()

    async def remove_bucket(self, bucket: str) -> None:
        """See Store."""
        desk = self._desk(bucket)
        if not await desk.pages.empty():
            raise BucketNotEmpty("the bucket has objects")
        await desk.shelf.rooted(sweeping.remove_bucket, desk.shelf.bucket.place)
        await desk.shelf.notes.drop_all()
        await desk.shelf.table.drop_all()
        await desk.uploads.table.remove_all()
        self._desks.pop(bucket, None)

    async def list_page(self, bucket: str, prefix: str = "", delimiter: str = "", start_after: str = "", limit: int = 1000) -> Page:
        """See Store."""
        return await self._desk(bucket).pages.page(prefix, delimiter, start_after, limit)

    # --- objects

    async def head(self, bucket: str, key: str) -> ObjectFacts:
        """See Store."""
        async with await self.open(bucket, key) as handle:
            return handle.facts

    async def open(self, bucket: str, key: str) -> Handle:
        """See Store."""
        return await self._desk(bucket).shelf.open(key)

    async def begin_put(self, bucket: str, key: str, algorithms: AbstractSet[str] = frozenset()) -> ObjectUpload:
        """See Store."""
        desk = self._desk(bucket)
        place(key)

        async def put(
            staged: Staged, digests: Digests, metadata: Metadata, *, condition: Condition, caller: Caller, event: str
        ) -> ObjectFacts:
            return await desk.changes.put(key, staged, digests.md5.hex(), metadata, Origin(caller, event, condition))

        return ObjectUpload(desk.shelf.in_thread, desk.shelf.stage, self._tools.gathered, algorithms, put)

    async def copy(
        self,
        source: OpenObject,
        bucket: str,
        key: str,
        metadata: Metadata,
        *,
        condition: Condition = ANYWAY,
        caller: Caller = NOBODY,
        algorithm: str = "",
    ) -> ObjectFacts:
        """See Store."""
        desk = self._desk(bucket)
        place(key)
        wanted = {algorithm} if algorithm else set(metadata.checksums if metadata.checksum_type == "COMPOSITE" else ())
        staged, digests = await desk.shelf.moving(source.facts.size, _whole, desk.shelf, source, wanted)
        if not source.intact():
            await desk.shelf.in_thread(staged.close)
            raise StorageTrouble("the source was rewritten in place while it was copied")
        if wanted:
            sums = {name: checksums.text(digest) for name, digest in digests.checksums.items()}
            metadata = replace(metadata, checksums=sums, checksum_type="FULL_OBJECT")
        whole = replace(metadata, parts=())  # a copy is one piece
        return await desk.changes.put(key, staged, digests.md5.hex(), whole, Origin(caller, COPIED, condition))

    async def delete(self, bucket: str, key: str, *, condition: Condition = ANYWAY, caller: Caller = NOBODY) -> bool:
        """See Store."""
        desk = self._desk(bucket)
        try:
            place(key)
        except ObjectError:
            if condition.if_match:
                raise NoSuchKey(bucket, key) from None
            return False  # no file can be under it
        return await desk.changes.delete(key, condition, caller)

    async def clear(self, bucket: str, key: str, sequencer: str, to: Path | None) -> Path | bool:
        """After its events have succeeded: see Changes.clear. Raises NoSuchBucket too."""
        return await self._desk(bucket).changes.clear(key, sequencer, to)

    async def told(self, bucket: str, after: str, limit: int) -> list[tuple[str, str]]:
        """Keys and sequencers of the versions that were told of, in the order of the table, from behind the key *after*."""
        return await self._desk(bucket).shelf.recorder.told(after, limit)

    async def delete_many(self, bucket: str, keys: Mapping[str, Condition], *, caller: Caller = NOBODY) -> dict[str, Exception | None]:
        """See Store."""
        results: dict[str, Exception | None] = dict.fromkeys(keys)
        waiting = iter(list(results))

        async def worker() -> None:
            for key in waiting:
                try:
                    await self.delete(bucket, key, condition=keys[key], caller=caller)
                except RouterError as error:
                    results[key] = error

        self._desk(bucket)
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(AT_ONCE, len(results))):
                workers.create_task(worker())
        return results

    async def tag(self, bucket: str, key: str, tags: Mapping[str, str], *, caller: Caller = NOBODY) -> ObjectFacts:
        """See Store."""
        return await self._desk(bucket).changes.tag(key, tags, caller)

    # --- multipart

    async def create_upload(
        self, bucket: str, key: str, metadata: Metadata, *, algorithm: str = "", checksum_type: ChecksumType = "", caller: Caller = NOBODY
    ) -> UploadFacts:
        """See Store."""
        desk = self._desk(bucket)
        place(key)
        return await desk.uploads.create(key, metadata, algorithm, checksum_type, caller)

    async def upload(self, bucket: str, key: str, upload_id: str) -> UploadFacts:
        """See Store."""
        return await self._desk(bucket).uploads.get(key, upload_id)

    async def begin_part(self, upload: UploadFacts, number: int, algorithms: AbstractSet[str] = frozenset()) -> ObjectPart:
        """See Store."""
        return self._desk(upload.bucket).uploads.begin_part(upload, number, algorithms)

    async def copy_part(self, upload: UploadFacts, number: int, source: OpenObject, span: tuple[int, int]) -> Part:
        """See Store."""
        return await self._desk(upload.bucket).uploads.copy_part(upload, number, source, span)

    async def parts(self, upload: UploadFacts, *, after: int = 0, limit: int = 1000) -> PartPage:
        """See Store."""
        return await self._desk(upload.bucket).uploads.parts(upload, after, limit)

    async def uploads(
        self, bucket: str, prefix: str = "", delimiter: str = "", after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> UploadPage:
        """See Store."""
        return await self._desk(bucket).uploads.page(prefix, delimiter, after, limit)

    async def complete(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        parts: Sequence[PartName],
        *,
        condition: Condition = ANYWAY,
        caller: Caller = NOBODY,
        checksums: Mapping[str, str] | None = None,
        size: int | None = None,
        kind: str = "",
    ) -> ObjectFacts:
        """See Store."""
        uploads, origin = self._desk(bucket).uploads, Origin(caller, condition=condition)
        return await uploads.complete(key, upload_id, parts, checksums or {}, origin, expected=size, kind=kind)

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """See Store."""
        await self._desk(bucket).uploads.abort(key, upload_id)

    def _desk(self, name: str) -> Desk:
        """Raises NoSuchBucket."""
        bucket = self._buckets.get(name)
        if bucket is None:
            raise NoSuchBucket(name)
        desk = self._desks.get(name)
        if desk is None or desk.shelf.bucket != bucket:
            desk = self._desks[name] = Desk(Shelf(bucket, self._tools, self._ledgers.of(name)), self._directories)
        return desk


def _whole(shelf: Shelf, source: OpenObject, algorithms: AbstractSet[str]) -> tuple[Staged, Digests]:
    """A body of all that is open. In a thread."""
    return copied(shelf.stage(), source.descriptor, 0, source.facts.size, algorithms)


def _made_at(root: int) -> float:
    """When a directory was made, as far as the file system tells: its oldest time. In a thread."""
    state = os.fstat(root)
    return min(state.st_mtime, state.st_ctime)
