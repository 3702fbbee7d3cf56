"""What the parts of one directory source share: the bucket, its root as attached, its table, its worklist, its figures."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from router.buckets import keys
from router.buckets.ledger import Ledger
from router.buckets.notes import Notes
from router.buckets.roots import Root, RootGone
from router.buckets.version_table import VersionTable
from router.buckets.watch import Watcher
from router.buckets.worklist import Worklist
from router.clock import Clock
from router.config.types import Bucket
from router.errors import JournalError
from router.telemetry.metrics import Metrics

log = structlog.get_logger("router.sources.s3dir")

T = TypeVar("T")

REFUSALS: Final = 1_000  # names remembered, so that each is told once
PAUSE_FIRST, PAUSE_LIMIT = 0.1, 5.0  # seconds between tries while the store takes nothing


class Figures:
    """The metrics of one bucket. Counters carry the bucket's name."""

    def __init__(self, bucket: str, metrics: Metrics) -> None:
        self._bucket = bucket
        self._looks = metrics.counter("router_s3_looks_total", "Keys of a bucket that were looked at.", "bucket")
        self._events = metrics.counter("router_s3_events_total", "Events of a bucket that were accepted.", "bucket")
        self._refusals = metrics.counter("router_s3_refusals_total", "Names that cannot be objects, by reason.", "bucket", "reason")
        self._overflows = metrics.counter("router_s3_overflows_total", "Times that notifications of a bucket were lost.", "bucket")
        self._scans = metrics.counter("router_s3_scans_total", "Full scans of a bucket, by reason.", "bucket", "reason")
        self._errors = metrics.counter("router_s3_errors_total", "Failed looks and listings of a bucket, by error.", "bucket", "error")
        self.ignored_entries = 0  # entries passed over by the last full scan, because of their name
        self.special_entries = 0  # links, FIFOs, sockets and devices seen by it
        self.unwatched_directories = 0  # directories without a watch; the scan's interval serves them
        self.refused_entries = 0  # names that cannot be objects and are there now

    def looked(self, count: int) -> None:
        """Keys looked at."""
        self._looks.add(self._bucket, amount=count)

    def emitted(self, count: int) -> None:
        """Events accepted by the journal."""
        self._events.add(self._bucket, amount=count)

    def refusal(self, reason: str) -> None:
        """A name that cannot be an object's, told for the first time."""
        self._refusals.add(self._bucket, reason)

    def overflow(self) -> None:
        """Notifications were lost."""
        self._overflows.add(self._bucket)

    def scanned(self, reason: str) -> None:
        """A full scan ended."""
        self._scans.add(self._bucket, reason)

    def error(self, name: str) -> None:
        """A look or a listing failed."""
        self._errors.add(self._bucket, name)


class Refusals:
    """Files that are there and cannot be objects: told once each, listed until they are gone. Bounded."""

    def __init__(self, bucket: str, figures: Figures) -> None:
        self._bucket, self._figures = bucket, figures
        self._known: dict[str, tuple[str, int]] = {}  # key → reason, ctime
        self._met: set[str] = set()  # since the full scan under way began

    def add(self, key: str, reason: str, told: str = "", ctime: int = 0) -> None:
        """Note that *key* is refused; log and count it unless that was done since it last changed."""
        known = self._known.get(key)
        if known is None and len(self._known) >= REFUSALS:
            return
        self._met.add(key)
        if known == (reason, ctime):
            return
        self._known[key] = (reason, ctime)
        self._figures.refusal(reason)
        self._figures.refused_entries = len(self._known)
        log.warning("object_refused", bucket=self._bucket, key=keys.shown(key), reason=reason, error=told)

    def drop(self, key: str) -> None:
        """*key* is gone or well."""
        if self._known.pop(key, None):
            self._figures.refused_entries = len(self._known)

    def begin_scan(self) -> None:
        """From here on what is met again stays."""
        self._met.clear()

    def meet(self, key: str) -> None:
        """The scan under way saw *key*."""
        if key in self._known:
            self._met.add(key)

    def end_scan(self) -> None:
        """Forget what a full scan did not meet."""
        for key in self._known.keys() - self._met:
            self.drop(key)

    def listed(self) -> Mapping[str, str]:
        """Keys and reasons, fit to be shown."""
        return {keys.shown(key): reason for key, (reason, _) in self._known.items()}


@dataclass(slots=True)
class Storage:
    """Whether the store takes what we hand it; when it does not, everybody pauses."""

    clock: Clock
    trouble: str = ""  # the store's words; "" while it works
    until: float = 0.0  # monotonic seconds
    pause: float = PAUSE_FIRST

    def failed(self, error: JournalError) -> None:
        """The store refused: pause, longer each time. Several refusals of one moment count as one."""
        now = self.clock.monotonic()
        if now < self.until:
            return
        self.trouble, self.until = str(error), now + self.pause
        self.pause = min(PAUSE_LIMIT, self.pause * 2)

    def worked(self) -> None:
        """The store took something."""
        self.trouble, self.pause = "", PAUSE_FIRST

    async def ready(self, ended: asyncio.Event) -> None:
        """Wait until the pause is over, or *ended*."""
        if self.trouble and (left := self.until - self.clock.monotonic()) > 0:
            await self.clock.wait(ended, left)


@dataclass(slots=True)
class Site:
    """A bucket attached to its root, until the root goes or the daemon drains."""

    bucket: Bucket
    root: Root
    watcher: Watcher
    watched: bool  # whether the watcher reports closes and changes by itself
    device: int  # see contents.look(): where closes are reported besides, and nothing is left to standing still
    unwatched: set[str]  # directories of which nothing is reported all the same, for want of a watch
    ignored: keys.Ignored
    table: VersionTable
    notes: Notes
    ledger: Ledger
    work: Worklist
    clock: Clock
    figures: Figures
    refusals: Refusals
    storage: Storage
    threads: ThreadPoolExecutor
    ended: asyncio.Event
    gone: RootGone | None = None

    async def in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        """Run what touches the bucket's disk off the loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, function, *arguments)

    def end(self, gone: RootGone | None = None) -> None:
        """Take no new work; *gone*: because the root is not there any more."""
        self.gone = self.gone or gone
        self.ended.set()
        self.work.close()

    def refused(self, found: Iterable[tuple[str, str]]) -> None:
        """Note names that cannot be keys."""
        for key, reason in found:
            self.refusals.add(key, reason)
