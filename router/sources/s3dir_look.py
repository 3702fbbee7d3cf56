"""Lookers: take keys from the worklist, look at the files, tell of what changed and record it, both in one transaction.

Many keys at a time, each key by one looker only, so the events of a key are told in order. A death finds a change told and recorded,
or neither: then it is found again."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from router.buckets import contents, keys, versions
from router.buckets.contents import Look, Trouble
from router.buckets.facts import NOBODY
from router.buckets.ledger import Told
from router.buckets.roots import Root, RootGone, open_root
from router.buckets.version_table import together
from router.buckets.versions import Seen, Verdict, Version, same_file
from router.buckets.worklist import Work
from router.errors import JournalError
from router.events import s3
from router.sources.base import Outlet
from router.sources.s3dir_found import Change, Found, doubtful, floor_of, identity_of, noted
from router.sources.s3dir_site import Site
from router.sources.s3dir_tell import Teller

log = structlog.get_logger("router.sources.s3dir")

BATCH: Final = 64  # keys looked at together
BATCHES: Final = 4  # at once
LARGE: Final = 2  # files over contents.SMALL that are read at once
QUEUED: Final = 256  # files over contents.SMALL that wait to be read; with more, batches wait too
RETRY_LIMIT: Final = 8.0  # seconds between looks at a file that gives errors
IN_HAND: Final = 0.01  # seconds until a key is looked at again that the object store has in hand
IDLE: Final = 3600.0  # seconds to wait for work when none is due


class Lookers:
    """All lookers of one bucket."""

    def __init__(self, site: Site, teller: Teller) -> None:
        self._site, self._teller = site, teller
        self._slots, self._large, self._queued = asyncio.Semaphore(BATCHES), asyncio.Semaphore(LARGE), asyncio.Semaphore(QUEUED)
        self._blind = False  # the last look did not get its rows

    async def run(self, outlet: Outlet) -> None:
        """Look until the site ends; return with nothing half-handled."""
        site = self._site
        async with asyncio.TaskGroup() as tasks:
            while not site.ended.is_set():
                await site.storage.ready(site.ended)
                await self._slots.acquire()
                if site.ended.is_set():
                    break  # and wake stays set
                site.work.wake.clear()
                if batch := site.work.take(BATCH, now=site.clock.monotonic()):
                    tasks.create_task(self._batch(outlet, batch, tasks), name=f"look-{self._site.bucket.name}")
                    continue
                self._slots.release()
                due = site.work.due(now=site.clock.monotonic())
                await site.clock.wait(site.work.wake, IDLE if due is None else due)

    async def _batch(self, outlet: Outlet, batch: dict[str, Work], tasks: asyncio.TaskGroup) -> None:
        try:
            found = await self._look(batch, contents.SMALL)
            unread = {one.key for one in found if self._unread(one)}
            await self._report(outlet, [one for one in found if one.key not in unread])
            for one in found:
                if one.key in unread:
                    await self._queued.acquire()
                    tasks.create_task(self._read(outlet, one), name=f"read-{self._site.bucket.name}")
        finally:
            self._slots.release()

    async def _look(self, batch: dict[str, Work], upto: int) -> list[Found]:
        """Rows and files of a batch, contents up to *upto* bytes; keys that have to be looked at again later are put back and left out."""
        site, found = self._site, list[Found]()
        wall_ns, turn = int(site.clock.now() * 1e9), site.ledger.holds.turn
        try:
            rows, looks = await asyncio.gather(site.table.versions(batch), self._examined(list(batch), upto))
        except JournalError as error:
            self._put_back(batch, error)
            self._blind = True
            return found
        if self._blind:
            self._blind = False
            site.storage.worked()
        site.figures.looked(len(batch))
        # fewer looks than keys: the site has ended, and what is left is found again
        for (key, work), look in zip(batch.items(), looks, strict=False):
            if isinstance(look, Trouble):
                self._troubled(key, work, look)
            elif not self._waits(key, work, look, wall_ns):
                found.append(Found(key, work, rows.get(key), look, wall_ns, turn))
        return await self._noted(found)

    async def _noted(self, found: list[Found]) -> list[Found]:
        """With the notes of versions that are, or may be, new: they know the eTag, and how the version came to be."""
        new = {one.key: identity_of(one.seen) for one in found if one.seen is not None and doubtful(one.row, one.seen)}
        try:
            notes = await self._site.notes.matching(new)
        except JournalError as error:
            self._put_back({one.key: one.work for one in found}, error)
            return []
        put = {key: note for key, note in notes.items() if note.event}  # what was only read of a drop is nothing to go by
        if put:
            found = [noted(one, put[one.key]) if one.key in put else one for one in found]
        known = {one.key for one in found if one.note is not None} if put else put
        hidden = {key for key in new if key not in known and self._site.ignored.key(key)}  # overwritten by hand: no object any more
        for key in hidden:
            self._site.work.done(key)
        return [one for one in found if one.key not in hidden] if hidden else found

    def _waits(self, key: str, work: Work, seen: Seen | None, wall_ns: int) -> bool:
        """Whether the file is not complete yet: then it is looked at again."""
        site = self._site
        site.refusals.drop(key)
        if seen is None:
            return False
        if seen.writing is False and keys.split(key)[0] in site.unwatched:
            seen = replace(seen, writing=None)  # it may be opened again, and that close would not be told
        now, seconds = site.clock.monotonic(), site.bucket.settle
        still = versions.settle(seen, work.signs, work.still, now=now, wall_ns=wall_ns, seconds=seconds)
        if still is None:
            return False
        site.work.later(key, Work(work.signs, still), due=now + seconds)
        return True

    def _troubled(self, key: str, work: Work, trouble: Trouble) -> None:
        """A file that is there and cannot be opened waits for its next change; one that gives errors is tried again."""
        site = self._site
        site.figures.error(trouble.reason)
        if trouble.reason == "unreadable":
            site.refusals.add(key, trouble.reason, trouble.told, trouble.ctime)
            site.work.done(key)
            return
        if not work.failures:
            log.warning("object_look_failed", bucket=self._site.bucket.name, key=keys.shown(key), error=trouble.told)
        pause = min(RETRY_LIMIT, 0.1 * 2**work.failures)
        site.work.later(key, work._replace(failures=min(work.failures + 1, 16)), due=site.clock.monotonic() + pause)

    def _unread(self, found: Found) -> bool:
        """Whether the content of a large file has still to be read."""
        seen = found.seen
        if seen is None or seen.etag or not versions.needs_content(found.row, seen, found.work.signs):
            return False
        return self._teller.wants(found.key)

    async def _read(self, outlet: Outlet, found: Found) -> None:
        """The same for one file whose content takes a while to read."""
        try:
            async with self._large:
                again = await self._look({found.key: found.work}, contents.WHOLE)
        finally:
            self._queued.release()
        await self._report(outlet, again)

    async def _examined(self, wanted: list[str], upto: int) -> list[Look]:
        """Look at files in a thread; at fewer when the site has ended, and nothing when the root is gone: then it ends."""
        site = self._site
        try:
            look = partial(contents.look, upto=upto, device=site.device, ended=site.ended.is_set)
            return await site.in_thread(examine, site.bucket.place, site.root, wanted, look)
        except RootGone as gone:
            site.end(gone)
            return []

    async def _report(self, outlet: Outlet, found: Sequence[Found]) -> None:
        """Have the keys in hand while they are told of; those that the object store has, or changed since, are looked at again."""
        holds, mine = self._site.ledger.holds, list[Found]()
        for one in found:
            if holds.take(one.key, one.turn):
                mine.append(one)
            else:
                self._site.work.later(one.key, one.work, due=self._site.clock.monotonic() + IN_HAND)
        try:
            await self._tell(outlet, mine)
        finally:
            for one in mine:
                holds.give_back(one.key)

    async def _tell(self, outlet: Outlet, found: Sequence[Found]) -> None:
        """Tell of what changed and record it, all of it at once; what the store does not take is put back."""
        found = await self._gone(found)
        try:
            await self._hand_over(outlet, [change for one in found if (change := self._change(one)) is not None])
        except JournalError as error:
            self._put_back({one.key: one.work for one in found}, error)
            return
        for one in found:
            self._site.work.done(one.key)

    async def _hand_over(self, outlet: Outlet, changes: Sequence[Change]) -> None:
        """Events and rows in one transaction; rows that nobody is told of have time. Raises JournalError: none of them is on disk."""
        if not changes:
            return
        site, floor = self._site, floor_of(changes)
        rows = {change.found.key: change.version for change in changes}
        void = [site.notes.dropping(change.found.key) for change in changes if change.found.void]
        told = [self._told(change) for change in changes if self._teller.hears(change.name, change.found.key)]
        if told:
            site.figures.emitted(await self._teller.tell(outlet, told, together(site.table.storing(rows, floor), *void)))
        else:
            await site.table.store(rows, floor, *void)
        site.ledger.floor = max(site.ledger.floor, floor)
        site.storage.worked()

    async def _gone(self, found: Sequence[Found]) -> list[Found]:
        """With the times of those that are gone; with the root gone, nothing was removed from it."""
        going = [one for one in found if one.row is not None and self._verdict(one) is Verdict.REMOVED]
        if not going:
            return [*found]
        site, gone = self._site, {one.key for one in going}
        left = [one for one in found if one.key not in gone]
        try:
            times = await site.in_thread(_gone_since, site.bucket.place, site.root, [one.key for one in going])
        except RootGone as error:
            site.end(error)
            return left
        return [*left, *(one._replace(gone=at) for one, at in zip(going, times, strict=True))]

    def _verdict(self, found: Found) -> Verdict:
        return versions.judge(found.row, found.seen, signs=found.work.signs, root=self._site.root.number)

    def _put_back(self, batch: dict[str, Work], error: JournalError) -> None:
        """The store took nothing: the files stay where they are and are looked at again when it works."""
        site = self._site
        if not site.storage.trouble:
            log.warning("bucket_paused", bucket=self._site.bucket.name, error=str(error))
        site.storage.failed(error)
        for key, work in batch.items():
            site.work.later(key, work, due=site.storage.until)

    def _change(self, found: Found) -> Change | None:
        """What there is to tell and to record; None when nothing is."""
        row, seen = found.row, found.seen
        verdict = self._verdict(found)
        if verdict is Verdict.CREATED and seen is not None:
            previous = row.sequencer if row is not None else self._site.ledger.floor
            sequencer = s3.sequencer(seen.ctime, previous, versions.stir(seen))
            name = s3.CREATED if found.note is None else found.note.event_name
            return Change(found, self._version(found, seen, sequencer), name, sequencer)
        if verdict is Verdict.REFRESH and seen is not None and row is not None:
            return Change(found, self._version(found, seen, row.sequencer), "", row.sequencer)
        if verdict is Verdict.REMOVED and row is not None:
            return Change(found, None, s3.REMOVED, s3.sequencer(found.gone, row.sequencer))  # after every version that was told
        if verdict is Verdict.FORGET and row is not None:
            return Change(found, None, "", row.sequencer)
        return None

    def _version(self, found: Found, seen: Seen, sequencer: str) -> Version:
        """The row to record."""
        row, racy = found.row, versions.racy(max(seen.mtime, seen.ctime), found.wall_ns)
        if row is not None and not seen.etag and same_file(row, seen):
            seen, racy = replace(seen, etag=row.etag), row.racy  # its content was not read again
        return Version(self._site.root.number, seen.inode, seen.size, seen.mtime, seen.ctime, seen.etag, sequencer, racy)

    def _told(self, change: Change) -> Told:
        """What is told of it. A new version came to be when its file last changed in any way, a rename into the bucket too."""
        key, version = change.found.key, change.version
        if version is None:
            return Told(key, change.name, change.sequencer, self._site.clock.now())
        caller = NOBODY if change.found.note is None else change.found.note.caller
        return Told(key, change.name, version.sequencer, version.ctime / 1e9, version.size, version.etag, caller)


def examine(path: Path, root: Root, wanted: Sequence[str], look: Callable[[int, str], Look]) -> list[Look]:
    """Look at files below the root, all in one thread; at none behind one that was cut short. Raises RootGone when it is not there any more."""
    opened, looks = open_root(path, root), list[Look]()
    try:
        with contextlib.suppress(contents.CutShort):
            for key in wanted:
                looks.append(look(opened, key))
    finally:
        os.close(opened)
    return looks


def _gone_since(path: Path, root: Root, gone: Sequence[str]) -> list[int]:
    """When each of *gone* went at the latest (contents.gone_since). Raises RootGone."""
    opened = open_root(path, root)
    try:
        return [contents.gone_since(opened, key) for key in gone]
    finally:
        os.close(opened)
