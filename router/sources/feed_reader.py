"""An outbox for the event loop: its calls run in a thread of their own, and what goes wrong is remembered for /readyz."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import structlog

from router.clock import Clock
from router.events.filters import Filters
from router.sources.feed_cursors import Cursor
from router.sources.feed_outbox import Batch, Head, Outbox
from router.sources.feed_schema import FeedFault

log = structlog.get_logger("router.sources.feed")

T = TypeVar("T")

PATIENCE: Final = 5.0  # seconds that another process may hold its lock before that is called a fault


class Reader:
    """One feed's thread. Calls raise FeedFault."""

    def __init__(self, outbox: Outbox, feed: str, clock: Clock) -> None:
        self._outbox, self._feed, self._clock = outbox, feed, clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"feed-{feed}")
        self._looked = False
        self._fault: FeedFault | None = None
        self._since = 0.0
        self._said = ""
        self._repairs = 0

    async def head(self) -> Head:
        """Where the stream stands."""
        return await self._call(self._outbox.head)

    async def read(self, cursor: Cursor, most: int, filters: Filters) -> Batch:
        """The records after *cursor* that pass the filters, *most* at most."""
        return await self._call(self._outbox.read, cursor, most, filters)

    async def seek(self, since: float) -> Cursor:
        """Where to begin with the first change since *since*, epoch seconds."""
        return await self._call(self._outbox.seek, since)

    async def install(self) -> None:
        """Make the triggers, or bring them up to date."""
        await self._call(self._outbox.install)

    async def trim(self, stream: str, done: int, paused: int | None = None) -> bool:
        """See Outbox.trim. That it cannot be done is no fault of the feed."""
        try:
            return await self._run(self._outbox.trim, stream, done, self._clock.now(), paused)
        except FeedFault as fault:
            if not fault.passing:
                log.warning("feed_not_trimmed", feed=self._feed, error=str(fault))
            return False

    async def present(self) -> Head | None:
        """Where the stream stands of a feed that nobody reads; None when none is installed."""
        return await self._run(self._outbox.present)

    async def tidy(self) -> bool:
        """Remove a few old changes of such a feed; say whether there are more. Raises FeedFault."""
        return await self._run(self._outbox.tidy, self._clock.now())

    async def uninstall(self) -> int:
        """Take the feed out; how many changes it held."""
        return await self._run(self._outbox.uninstall)

    async def close(self) -> None:
        """Hang up; the next call connects again."""
        await self._run(self._outbox.close)

    def health(self) -> str:
        """Why the feed is not read, or does not see all changes; "" when it is well."""
        if not self._looked:
            return f"the feed of table {self._feed} has not been read yet"
        if self._fault is None:
            return self._outbox.complaint
        if self._fault.absent and self._outbox.table.install == "auto":
            return ""  # to wait for a database or a table to be made is what auto is for; rows() says so
        lasted = self._clock.monotonic() - self._since
        return str(self._fault) if lasted >= PATIENCE or not self._fault.passing else ""

    async def _run(self, call: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    async def _call(self, call: Callable[..., T], *args: Any) -> T:
        try:
            result = await self._run(call, *args)
        except FeedFault as fault:
            self._note(fault)
            raise
        self._note(None)
        return result

    def _note(self, fault: FeedFault | None) -> None:
        self._looked = True
        if fault is None or self._fault is None:
            self._since = self._clock.monotonic()
        self._fault = fault
        if self._outbox.repairs != self._repairs:
            self._repairs = self._outbox.repairs
            log.info("feed_installed", feed=self._feed, database=str(self._outbox.table.sqlite), table=self._outbox.table.table)
        said = self.health()
        if said and said != self._said:
            log.warning("feed_disturbed", feed=self._feed, error=said)
        elif self._said and not said and fault is None:
            log.info("feed_recovered", feed=self._feed)
        self._said = said
