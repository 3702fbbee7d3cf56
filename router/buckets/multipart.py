"""Multipart uploads of one bucket: parts are files in the staging directory, completing joins them without the bytes passing through us.

Told once: the version that completing makes is recorded with its note, before it is in place. Whoever completes again, after a death
or because the answer was lost, is told of that version as long as it is the object, and nothing is made anew."""

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from router.buckets import checksums
from router.buckets.assembly import PARTS, check_claimed, chosen, unproven, usual, whole
from router.buckets.changing import Changes, Making, Origin
from router.buckets.facts import ChecksumType, Digests, Metadata, ObjectFacts, Part, PartName, PartPage, UploadFacts, UploadPage
from router.buckets.folders import names_in
from router.buckets.holds import Holds
from router.buckets.notes import Note
from router.buckets.object_errors import BadChecksum, BadName, BadSize, NoSuchUpload, OtherChecksumType, StorageTrouble, TooLarge
from router.buckets.objects import OpenObject
from router.buckets.shelf import Shelf
from router.buckets.staging import Staged, staging
from router.buckets.upload import LARGEST, PIECE, ObjectPart
from router.buckets.upload_table import Kept, Row, UploadTable, new_id
from router.events.s3 import COMPLETED, Caller
from router.journal.base import Beside

KEPT: Final = 7 * 86_400.0  # seconds until an upload is swept
PART: Final = "part-"  # how the names of parts' files begin
_BATCH: Final = 1000  # rows


class Uploads:
    """Those of one bucket. Belongs to one event loop."""

    def __init__(self, shelf: Shelf, changes: Changes) -> None:
        self._shelf, self._changes = shelf, changes
        self.table = UploadTable(shelf.tools.database, shelf.bucket.name)
        self._ending = Holds()  # by id: one ends it at a time

    async def create(self, key: str, metadata: Metadata, algorithm: str, checksum_type: ChecksumType, caller: Caller) -> UploadFacts:
        """Begin one."""
        if key.endswith("/"):
            raise BadName("a key that ends in / is a folder here, and a folder has no content")
        now = time.time_ns()
        kind: ChecksumType = checksum_type
        if algorithm and not kind:
            kind = usual(algorithm)
        facts = UploadFacts(self._shelf.bucket.name, key, new_id(now), now / 1e9, metadata, algorithm, kind, caller)
        await self.table.add(facts)
        return facts

    async def get(self, key: str, upload_id: str) -> UploadFacts:
        """One that is under way. Raises NoSuchUpload."""
        row = await self.table.get(key, upload_id)
        if row.done:
            raise NoSuchUpload(upload_id)
        return row.facts

    def begin_part(self, upload: UploadFacts, number: int, algorithms: AbstractSet[str]) -> ObjectPart:
        """A body for a part. Raises BadName for a number that no part has."""
        _check_number(number)

        async def put(staged: Staged, digests: Digests, sums: Mapping[str, str]) -> Part:
            return await self._changes.to_its_end(self._put_part(upload, number, staged, digests, sums))

        wanted = set(algorithms) | ({upload.algorithm} if upload.algorithm else set())
        return ObjectPart(self._shelf.in_thread, self._shelf.stage, self._shelf.tools.gathered, wanted, put)

    async def copy_part(self, upload: UploadFacts, number: int, source: OpenObject, span: tuple[int, int]) -> Part:
        """A part made of a span of what is open."""
        _check_number(number)
        first, end = span
        if end - first > LARGEST:
            raise TooLarge(f"more than {LARGEST} bytes")
        wanted = {upload.algorithm} if upload.algorithm else set[str]()
        staged, digests = await self._shelf.moving(end - first, self._copied, source, first, end - first, wanted)
        if not source.intact():
            await self._shelf.in_thread(staged.close)
            raise StorageTrouble("the source was rewritten in place while it was copied")
        return await self._changes.to_its_end(self._put_part(upload, number, staged, digests, {}))

    async def parts(self, upload: UploadFacts, after: int, limit: int) -> PartPage:
        """A page of the parts that are there."""
        kept = await self.table.parts(upload.upload_id, after, limit + 1)
        shown = tuple(one.part for one in kept[:limit])
        return PartPage(upload, shown, shown[-1].number if shown and len(kept) > limit else None)

    async def page(self, prefix: str, delimiter: str, after: tuple[str, str], limit: int) -> UploadPage:
        """A page of the uploads under way."""
        found, common = list[UploadFacts](), list[str]()
        last: tuple[str, str] | None = None
        marker = (after[0], after[1] or "\x7f") if after[0] else ("", "")  # ids are hex: no id is behind them all
        while rows := await self.table.page(marker, prefix, _BATCH):
            for facts in rows:
                marker = facts.key, facts.upload_id
                if not facts.key.startswith(prefix):
                    return UploadPage(tuple(found), tuple(common), None)
                cut = facts.key.find(delimiter, len(prefix)) if delimiter else -1
                shared = facts.key[: cut + len(delimiter)] if cut >= 0 else ""
                if shared and (shared in common or after[0].startswith(shared)):
                    continue
                if len(found) + len(common) >= limit:
                    return UploadPage(tuple(found), tuple(common), last)
                if shared:
                    common.append(shared)
                    last = shared, ""
                else:
                    found.append(facts)
                    last = marker
        return UploadPage(tuple(found), tuple(common), None)

    # --- how it ends

    async def complete(
        self,
        key: str,
        upload_id: str,
        named: Sequence[PartName],
        claimed: Mapping[str, str],
        origin: Origin,
        *,
        expected: int | None = None,
        kind: str = "",
    ) -> ObjectFacts:
        """Make the object; repeated, give the same. Goes on when its caller no longer waits."""
        return await self._changes.to_its_end(self._complete(key, upload_id, named, claimed, origin, expected=expected, kind=kind))

    async def abort(self, key: str, upload_id: str) -> None:
        """Forget it. Raises NoSuchUpload."""
        async with self._ending.changing(upload_id):
            facts = await self.get(key, upload_id)
            await self._remove(facts)

    async def sweep(self, before: float) -> int:
        """Finish what a death kept from its end, and forget what began before a time; how many were forgotten under way."""
        for row in await self.table.unfinished():
            async with self._ending.changing(row.facts.upload_id):
                if await self._made(row) is not None:
                    await self._finish(row.facts)
        swept = 0
        while rows := await self.table.old(before):
            for row in rows:
                swept += not row.done
                await self._remove(row.facts)
        return swept

    async def _complete(
        self,
        key: str,
        upload_id: str,
        named: Sequence[PartName],
        claimed: Mapping[str, str],
        origin: Origin,
        *,
        expected: int | None = None,
        kind: str = "",
    ) -> ObjectFacts:
        async with self._ending.changing(upload_id):
            row = await self.table.get(key, upload_id)
            if (made := await self._made(row)) is not None:
                if not row.done:
                    await self._finish(row.facts)
                return made
            upload = row.facts
            if kind not in ("", upload.checksum_type):
                raise OtherChecksumType(upload.checksum_type)
            parts = chosen(upload, named, await self.table.parts(upload_id))
            check_claimed(upload, claimed, kind)
            etag, metadata = whole(upload, [one.part for one in parts], claimed)
            size = sum(one.part.size for one in parts)
            if expected not in (None, size):
                raise BadSize(f"The provided 'x-amz-mp-object-size' header value {expected} does not match what was computed: {size}")
            staged = await self._shelf.moving(size, self._joined, parts, unproven(claimed, metadata))
            made_by = origin._replace(event=COMPLETED, beside=self._making(upload), begun=upload.begun)
            found = await self._changes.put(key, staged, etag, metadata, made_by)
            await self._finish(upload)
            return found

    async def _made(self, row: Row) -> ObjectFacts | None:
        """The object that completing made, if it did."""
        if row.made is None:
            return None
        there = await self._shelf.facts(row.facts.key)
        if there is not None and there.identity == row.made:
            return there
        if row.done:
            return ObjectFacts(self._shelf.bucket.name, row.facts.key, row.made, row.etag, row.facts.metadata)
        return None

    def _making(self, upload: UploadFacts) -> Making:
        def making(note: Note) -> Beside:
            return self.table.making(upload, note.identity, note.etag)

        return making

    async def _finish(self, facts: UploadFacts) -> None:
        await self.table.finish(facts)
        await self._shelf.rooted(_remove_files, facts.upload_id)

    async def _remove(self, facts: UploadFacts) -> None:
        await self.table.remove(facts)
        await self._shelf.rooted(_remove_files, facts.upload_id)

    # --- parts on the disk

    async def _put_part(self, upload: UploadFacts, number: int, staged: Staged, digests: Digests, sums: Mapping[str, str]) -> Part:
        try:
            file = f"{PART}{upload.upload_id}-{number}-{secrets.token_hex(6)}"
            await self._shelf.moving(staged.size, _kept, staged, file)
            known = {name: checksums.text(digest) for name, digest in digests.checksums.items()}
            part = Part(number, digests.size, digests.md5.hex(), dict(sums) | known, time.time())
            try:
                former = await self.table.put_part(upload, part, file)
            except BaseException:
                await self._shelf.rooted(_remove_file, file)
                raise
            if former:
                await self._shelf.rooted(_remove_file, former)
            return part
        finally:
            await self._shelf.in_thread(staged.close)

    def _copied(self, source: OpenObject, first: int, size: int, algorithms: AbstractSet[str]) -> tuple[Staged, Digests]:
        return copied(self._shelf.stage(), source.descriptor, first, size, algorithms)

    def _joined(self, parts: Sequence[Kept], claimed: Mapping[str, str]) -> Staged:
        """A body of all parts, in a thread. Raises BadChecksum, OSError."""
        staged = self._shelf.stage()
        try:
            for kept in parts:
                file = os.open(kept.file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=staged.directory)
                try:
                    staged.take(file, 0, kept.part.size)
                finally:
                    os.close(file)
            if claimed:
                _prove(staged, claimed)
        except BaseException:
            staged.close()
            raise
        return staged


def copied(staged: Staged, source: int, first: int, size: int, algorithms: AbstractSet[str]) -> tuple[Staged, Digests]:
    """*staged* with a span of a file, copied in the kernel, and its digests. In a thread; closes *staged* when it raises."""
    try:
        if source >= 0:
            staged.take(source, first, size)
        return staged, digested(staged, algorithms)
    except BaseException:
        staged.close()
        raise


def _prove(staged: Staged, claimed: Mapping[str, str]) -> None:
    """Raises BadChecksum when a checksum of the bytes is another than the client has."""
    found = digested(staged, set(claimed)).checksums
    for algorithm, value in claimed.items():
        if checksums.text(found[algorithm]) != value:
            raise BadChecksum(algorithm)


def digested(staged: Staged, algorithms: AbstractSet[str]) -> Digests:
    """Of what a body has so far. In a thread."""
    running, offset = checksums.Running(algorithms), 0
    os.ftruncate(staged.file, staged.size)
    while data := os.pread(staged.file, PIECE, offset):
        running.update(data)
        offset += len(data)
    return running.digests()


def _check_number(number: int) -> None:
    if not 1 <= number <= PARTS:
        raise BadName(f"part numbers are 1 to {PARTS}")


def _kept(staged: Staged, file: str) -> None:
    staged.seal()
    staged.sync()
    staged.keep(file)


def _remove_file(root: int, file: str) -> None:
    directory = staging(root)
    try:
        os.unlink(file, dir_fd=directory)
    except FileNotFoundError:
        return
    finally:
        os.close(directory)


def _remove_files(root: int, upload_id: str) -> None:
    """All files of an upload, those too that no row names."""
    directory = staging(root)
    try:
        for name in names_in(directory):
            if name.startswith(f"{PART}{upload_id}-"):
                os.unlink(name, dir_fd=directory)
    finally:
        os.close(directory)
