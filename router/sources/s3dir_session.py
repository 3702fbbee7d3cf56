"""One attachment of a bucket to its root: watcher, scanner, lookers and a guard, until the daemon drains or the root goes."""

import asyncio
from functools import partial
from typing import Final

import structlog

from router.buckets import keys, roots
from router.buckets.listing import SLICE
from router.buckets.roots import RootGone
from router.buckets.versions import FOUND, GONE
from router.buckets.watch import DIRECTORY, OVERFLOW, ROOT, Hint
from router.errors import JournalError
from router.sources.base import Outlet
from router.sources.s3dir_look import Lookers
from router.sources.s3dir_scan import Scanner
from router.sources.s3dir_site import Site
from router.sources.s3dir_tell import Teller

log = structlog.get_logger("router.sources.s3dir")

GUARD: Final = 1.0  # seconds between two looks at the root


class Session:
    """Serves one site."""

    def __init__(self, site: Site, teller: Teller) -> None:
        self._site = site
        self._scanner = Scanner(site)
        self._lookers = Lookers(site, teller)
        self._suspect = asyncio.Event()  # something was said about the root itself

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Serve until *stop*, return with none half-handled. Raises RootGone when the root is not there any more."""
        site = self._site
        async with asyncio.TaskGroup() as tasks:
            helpers = [tasks.create_task(work) for work in (self._stopped(stop), self._listen(), self._guard())]
            tasks.create_task(self._scanner.run())
            tasks.create_task(self._hidden())
            await self._lookers.run(outlet)
            for helper in helpers:
                helper.cancel()
        if site.gone is not None:
            raise site.gone

    async def _stopped(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._site.ledger.serving = None  # what is put or deleted from here on is for who comes next: other triggers may be in force
        self._site.end()

    async def _hidden(self) -> None:
        """Have looked at what the object store put under names that no scan looks at: a death may have kept it from telling."""
        site, after = self._site, ""
        while not site.ended.is_set():
            try:
                notes = await site.notes.extras(after, SLICE)
            except JournalError as error:
                site.storage.failed(error)
                await site.storage.ready(site.ended)
                continue
            for note in notes:
                if not note.key.endswith("/"):
                    site.work.found(note.key, FOUND)
            if len(notes) < SLICE:
                return
            after = notes[-1].key
            await site.work.room()

    async def _listen(self) -> None:
        """Turn hints into work."""
        while True:
            hints = await self._site.watcher.hints()
            now = self._site.clock.monotonic()
            for hint in hints:
                self._heard(hint, now)

    def _heard(self, hint: Hint, now: float) -> None:
        site, (path, sign) = self._site, hint
        if sign == OVERFLOW:
            site.figures.overflow()
            log.warning("watcher_overflowed", bucket=site.bucket.name)
            self._scanner.lost()
        elif sign == ROOT:
            self._suspect.set()
        elif site.ignored.key(path):
            return
        elif why := keys.unfit(path):
            site.refused([(path, why)] if sign != GONE else [])
        elif sign == DIRECTORY:
            site.work.name_directory(path, deep=True)
        else:
            site.work.name(path, sign, now=now)

    async def _guard(self) -> None:
        """Look after the root: a missing or other one ends the session before its absence is taken for deletions."""
        site = self._site
        while not site.ended.is_set():
            await site.clock.wait(self._suspect, GUARD)
            self._suspect.clear()
            try:
                root = await site.in_thread(partial(roots.find, site.bucket.place, required=site.bucket.mount == "required"))
            except RootGone as gone:
                site.end(gone)
                return
            if not site.watcher.alive():
                site.end(RootGone(f"notifications of {site.bucket.path} have ended; attaching again"))
            if root != site.root:
                site.end(RootGone(f"{site.bucket.path} is not the directory it was: another one was mounted, unmounted or made there"))
