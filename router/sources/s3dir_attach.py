"""Attaching a bucket to its directory, and again when the directory was gone.

A root that is missing is waited for. One that another replaced is taken in its stead, and nothing that only the former one
held is reported as deleted. A mount point that stopped being one is waited for: what is left there is an empty directory."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog

from router.buckets import contents, notes, roots
from router.buckets.keys import Ignored
from router.buckets.ledger import Serving, Tell, Told
from router.buckets.notes import Notes
from router.buckets.roots import Root, RootGone
from router.buckets.version_table import VersionTable, prepare
from router.buckets.watch import Unwatched, Watcher, chosen, make
from router.buckets.worklist import Worklist
from router.config.types import Bucket
from router.errors import JournalError, SourceError
from router.journal.base import Beside
from router.sources.base import Binding, House, Outlet
from router.sources.bucket_notification import BucketNotification
from router.sources.s3dir_session import Session
from router.sources.s3dir_site import Figures, Refusals, Site, Storage
from router.sources.s3dir_tell import Bridge, Post, Stamp, Target, Teller

log = structlog.get_logger("router.sources.s3dir")

RETRY: Final = 1.0  # seconds between looks for a root that is not there
THREADS: Final = 7  # four batches, two large files or a listing, the guard


class Attachment:
    """One bucket and the directory it is attached to, if any."""

    def __init__(self, bucket: Bucket, bindings: Sequence[Binding], told: Sequence[BucketNotification], house: House) -> None:
        self._bucket, self._clock, self._database = bucket, house.clock, house.database
        stamp = Stamp(bucket.name, house.config.region, house.config.account, bucket.event_version)
        bridge = Bridge(house.buses, stamp) if bucket.eventbridge else None
        post = Post(house.outbox, stamp, told, house.clock) if told and house.outbox is not None else None
        self._teller = Teller([_target(binding) for binding in bindings], stamp, bridge, post)
        self.figures = Figures(bucket.name, house.metrics)
        self.refusals = Refusals(bucket.name, self.figures)
        self._storage = Storage(house.clock)
        self._ledger = house.ledgers.of(bucket.name)
        self._roots: list[Root] = []  # every root of this run of the daemon, the present one last
        self._trouble = f"{bucket.path} is not attached yet"
        self._hidden = ""  # what is wrong although files are served

    def health(self) -> str:
        """What is wrong, in one sentence; nothing when all is well."""
        if self._storage.trouble:
            return f"events of bucket {self._bucket.name} cannot be stored, its files wait in place: {self._storage.trouble}"
        return self._trouble or self._hidden

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Serve the directory, whenever it is there, until *stop*. Raises SourceError when the version table cannot be read."""
        threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"s3-{self._bucket.name}")
        try:
            await prepare(self._database)
            await notes.prepare(self._database)
            while not stop.is_set():
                try:
                    await self._serve(outlet, stop, threads)
                except RootGone as gone:
                    self._lost(gone)
                    await self._clock.wait(stop, RETRY)
        except JournalError as error:
            raise SourceError(f"the version table of bucket {self._bucket.name} cannot be read: {error}") from error
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    async def _serve(self, outlet: Outlet, stop: asyncio.Event, threads: ThreadPoolExecutor) -> None:
        """Attach to the root that is there now and serve it. Raises RootGone when it is not there, or no longer."""
        root = await asyncio.get_running_loop().run_in_executor(threads, self._find)
        self._may_follow(root)
        table = VersionTable(self._database, self._bucket.name)
        floor = await table.floor()
        await self._accept(root, table)
        watcher, watched = await watcher_for(self._bucket)
        serving: Serving | None = None
        try:
            device = await asyncio.get_running_loop().run_in_executor(threads, _known, root) if watched else contents.ELSEWHERE
            site = self._site(root, table, watcher, threads, watched=watched, device=device)
            self._ledger.floor = max(self._ledger.floor, floor)
            self._ledger.serving = serving = Serving(self._way(outlet), root)
            await Session(site, self._teller).run(outlet, stop)
        finally:
            if self._ledger.serving is serving:  # and not that of a source which has taken over
                self._ledger.serving = None
            watcher.close()

    def _way(self, outlet: Outlet) -> Tell:
        """How the object store tells what it did to this bucket."""

        async def tell(told: Told, beside: Beside) -> None:
            self.figures.emitted(await self._teller.tell(outlet, [told], beside))

        return tell

    def _find(self) -> Root:
        """The root; made when the daemon starts and it is missing, unless it is to be mounted. In a thread."""
        required = self._bucket.mount == "required"
        if not self._roots and not required:
            roots.make(self._bucket.place)
        return roots.find(self._bucket.place, required=required)

    def _may_follow(self, root: Root) -> None:
        """Raise RootGone when *root* is what an unmounted file system left behind."""
        if self._roots and self._roots[-1].mounted and not root.mounted and root not in self._roots:
            raise RootGone(f"{self._bucket.path} was a mount point and is not one now; mount its file system, or restart if this is meant")

    async def _accept(self, root: Root, table: VersionTable) -> None:
        """Take *root* as the bucket's; say what that hides."""
        self._roots = [*(one for one in self._roots if one != root), root]
        hidden = [one for one in self._roots[:-1] if one.mounted or root.mounted]
        self._trouble = self._hidden = ""
        for former in hidden:
            if await table.holds(former.number):
                self._hidden = (
                    f"{self._bucket.path} is not the directory it was: something was mounted or unmounted there;"
                    " its files are served, those of the former directory are hidden and not taken for deleted"
                )

    def _site(self, root: Root, table: VersionTable, watcher: Watcher, threads: ThreadPoolExecutor, *, watched: bool, device: int) -> Site:
        return Site(
            bucket=self._bucket,
            root=root,
            watcher=watcher,
            watched=watched,
            device=device,
            unwatched=set(),
            ignored=Ignored(self._bucket.ignore),
            table=table,
            notes=Notes(self._database, self._bucket.name, self._ledger.presence),
            ledger=self._ledger,
            work=Worklist(),
            clock=self._clock,
            figures=self.figures,
            refusals=self.refusals,
            storage=self._storage,
            threads=threads,
            ended=asyncio.Event(),
        )

    def _lost(self, gone: RootGone) -> None:
        """Say once that the root is not there."""
        if self._trouble != str(gone):
            self._trouble = str(gone)
            log.warning("bucket_detached", bucket=self._bucket.name, error=self._trouble)


async def watcher_for(bucket: Bucket) -> tuple[Watcher, bool]:
    """An open watcher as configured, and whether it reports anything; when it cannot be had, none: the scan goes on alone."""
    kind = chosen(bucket.watcher)
    watcher = make(kind, bucket.place)
    try:
        await watcher.open()
    except OSError as error:
        watcher.close()
        log.warning("watcher_unavailable", bucket=bucket.name, watcher=kind, error=error.strerror, fallback="scan", interval_s=bucket.scan)
        return Unwatched(), False
    return watcher, kind != "scan"


def _known(root: Root) -> int:
    """The root's file system where the kernel knows all who write to it; in a thread."""
    return root.device if roots.local(root.device) else contents.ELSEWHERE


def _target(binding: Binding) -> Target:
    return Target(binding.target, binding.trigger.wanted, binding.trigger.configuration(binding.target))
