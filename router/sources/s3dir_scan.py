"""Scans: the directory compared with the version table. They only name keys; what became of each, the lookers find out.

One directory at a time, one slice at a time, so that memory stays bounded and hints are not held up. Each directory is
covered by the watcher before it is listed."""

import errno
import os
from pathlib import Path
from typing import Final

import structlog

from router.buckets import keys, versions
from router.buckets.beneath import beneath
from router.buckets.keys import join
from router.buckets.listing import SLICE, Listing, Slice
from router.buckets.roots import Root, RootGone, open_root
from router.buckets.versions import FOUND, GONE, same_file
from router.errors import JournalError
from router.sources.s3dir_site import Site

log = structlog.get_logger("router.sources.s3dir")

_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.ENAMETOOLONG})


SHARE: Final = 9.0  # seconds of rest for each second of scanning, where there are hints


class Scanner:
    """Scans at the start, at every interval, after lost hints; and single directories that came, went or were too much."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._blind = False  # the last scan did not get its rows
        self._reason = "start"

    async def run(self) -> None:
        """Scan whenever it is due, until the site ends."""
        site = self._site
        site.work.name_everything()
        due = site.clock.monotonic()
        while not site.ended.is_set():
            site.work.listing.clear()
            try:
                if site.work.everything or site.clock.monotonic() >= due:
                    began = site.clock.monotonic()
                    await self._everything()
                    due = (ended := site.clock.monotonic()) + pause(ended - began, site.bucket.scan, watched=site.watched)
                else:
                    for directory, deep in site.work.take_directories().items():
                        await self._below(directory, deep=deep, trusted=False)
            except JournalError as error:
                self._blind = True
                site.storage.failed(error)
                site.work.name_everything()
                await site.storage.ready(site.ended)
            except RootGone as gone:
                site.end(gone)
            else:
                await site.clock.wait(site.work.listing, max(0.0, due - site.clock.monotonic()))

    def lost(self) -> None:
        """Hints were lost: a full scan is due and may not rely on them."""
        self._reason = "overflow"
        self._site.work.name_everything()

    async def _everything(self) -> None:
        """A full scan. One that only the interval asked for trusts that each change since the last was hinted at."""
        site, reason = self._site, self._reason if self._site.work.everything else "interval"
        site.work.everything = False
        self._reason = "overflow"
        site.figures.ignored_entries = site.figures.special_entries = 0
        site.refusals.begin_scan()
        await self._below("", deep=True, trusted=reason == "interval" and site.watched)
        if not site.ended.is_set():
            site.refusals.end_scan()
            site.figures.scanned(reason)
        if self._blind:
            self._blind = False
            site.storage.worked()

    async def _below(self, start: str, *, deep: bool, trusted: bool) -> None:
        """Scan *start*; *deep*: all below it too, and what the table has there that the disk has not."""
        pending = [start]
        self._site.work.again(start)
        while pending and not self._site.ended.is_set():
            below = await self._directory(pending.pop(), trusted=trusted)
            pending += below if deep else ()
        if deep:
            await self._sweep(start)

    async def _directory(self, directory: str, *, trusted: bool) -> list[str]:
        """Compare one directory with its rows; give the directories in it."""
        site, below, known = self._site, list[str](), 0
        try:
            listing = await site.in_thread(self._open, directory)
        except OSError as error:
            await self._unlisted(directory, error)
            return below
        try:
            site.refusals.drop(directory)
            while not site.ended.is_set() and (part := await site.in_thread(listing.slice)) is not None:
                await site.work.room()
                known += await self._compare(directory, part, trusted=trusted)
                below += part.directories
            if not site.ended.is_set() and known < await site.table.count(directory):
                await self._missing(listing)
        except OSError as error:
            await self._unlisted(directory, error)
        finally:
            listing.close()
        return below

    def _open(self, directory: str) -> Listing:
        """Cover and open a directory; in a thread."""
        site = self._site
        root = open_root(site.bucket.place, site.root)
        try:
            listing = Listing(root, directory, site.ignored)
        finally:
            os.close(root)
        self._covered(directory, covered=site.watcher.cover(directory, listing.descriptor))
        return listing

    def _covered(self, directory: str, *, covered: bool) -> None:
        unwatched = self._site.unwatched
        if covered:
            unwatched.discard(directory)
        elif directory not in unwatched:
            if not unwatched:
                told = "raise fs.inotify.max_user_watches; until then changes there are found every scan interval"
                log.warning("directory_unwatched", bucket=self._site.bucket.name, directory=keys.shown(directory), remedy=told)
            unwatched.add(directory)
        self._site.figures.unwatched_directories = len(unwatched)

    async def _compare(self, directory: str, part: Slice, *, trusted: bool) -> int:
        """Name the keys whose files are not as recorded; give how many are recorded."""
        site = self._site
        site.figures.ignored_entries += part.ignored
        site.figures.special_entries += part.special
        site.refused(part.refused)
        rows = await site.table.named(directory, part.files)
        now_ns, confirmed = int(site.clock.now() * 1e9), list[str]()
        for name, seen in part.files.items():
            row, key = rows.get(name), join(directory, name)
            site.refusals.meet(key)
            if row is None or not same_file(row, seen):
                site.work.found(key, FOUND)
            elif row.root != site.root.number or row.racy:
                settled = not row.racy or (trusted and key not in site.work and not versions.racy(max(row.mtime, row.ctime), now_ns))
                if settled:
                    confirmed.append(name)
                elif not trusted:
                    site.work.found(key, FOUND)
        if confirmed:
            await site.table.confirm(directory, confirmed, site.root.number)
        return len(rows)

    async def _missing(self, listing: Listing) -> None:
        """Name the keys that are recorded in a directory and not there."""
        site, after = self._site, ""
        while not site.ended.is_set() and (names := await site.table.page(listing.directory, after, SLICE)):
            await site.work.room()
            for name in await site.in_thread(listing.missing, names):
                site.work.found(join(listing.directory, name), GONE)
            after = names[-1]

    async def _unlisted(self, directory: str, error: OSError) -> None:
        """A directory that cannot be listed: gone with all its files, or unreadable and its files are not known to be gone."""
        site = self._site
        if error.errno not in _ABSENT:
            name = errno.errorcode.get(error.errno or 0, "error")
            site.figures.error(name)
            reason = "unreadable" if name in {"EACCES", "EPERM"} else name
            site.refusals.add(directory, reason, error.strerror or "")
            return
        site.unwatched.discard(directory)
        after = ""
        while not site.ended.is_set() and (names := await site.table.page(directory, after, SLICE)):
            await site.work.room()
            for name in names:
                site.work.found(join(directory, name), GONE)
            after = names[-1]

    async def _sweep(self, start: str) -> None:
        """Find directories below *start* that the table knows and the disk does not have."""
        site, after = self._site, ""
        while not site.ended.is_set() and (recorded := await site.table.directories(start, after, SLICE)):
            for directory, error in await site.in_thread(_absent, site.bucket.place, site.root, recorded):
                await self._unlisted(directory, error)
            after = recorded[-1]


def pause(took: float, interval: float, *, watched: bool) -> float:
    """Seconds until the next full scan after one that *took* so long. Where hints come too, scans take a tenth of the time at most."""
    return max(interval, SHARE * took) if watched else interval


def _absent(path: Path, root: Root, directories: list[str]) -> list[tuple[str, OSError]]:
    """Those of *directories* that are not there; in a thread. Raises RootGone."""
    absent = []
    opened = open_root(path, root)
    try:
        for directory in directories:
            try:
                os.close(beneath(opened, directory, os.O_PATH | os.O_DIRECTORY))
            except OSError as error:
                if error.errno in _ABSENT:
                    absent.append((directory, error))
    finally:
        os.close(opened)
    return absent
