"""What is to be looked at in a bucket: keys and directories, each once however often it is named, and never more than a limit.

Past the limit a key collapses into its directory, and directories into a scan of everything: nothing is forgotten, only the
reason why. Times are monotonic seconds, given by the caller. Belongs to one event loop."""

import asyncio
import heapq
from collections import deque
from typing import Final, NamedTuple

from router.buckets.keys import split
from router.buckets.versions import CLOSED, FOUND, GONE, MOVED, Still

KEYS: Final = 50_000
DIRECTORIES: Final = 10_000
GRACE: Final = 0.05  # seconds until a created file is looked at: its close is the better sign and mostly follows at once

_AT_ONCE: Final = CLOSED | MOVED | GONE
_AFRESH: Final = MOVED | GONE  # what was known of the former file says nothing about this one


class Work(NamedTuple):
    """Why and how a key is to be looked at."""

    signs: int  # of router.buckets.versions
    still: Still | None = None
    failures: int = 0  # looks in a row that failed


class Worklist:
    """Keys are ready, waiting for a time, or busy; a key that is named while it is busy is ready again when it is done."""

    def __init__(self, keys: int = KEYS, directories: int = DIRECTORIES) -> None:
        self._limit, self._directory_limit = keys, directories
        self._order: deque[str] = deque()
        self._ready: dict[str, Work] = {}
        self._waiting: dict[str, tuple[float, Work]] = {}
        self._times: list[tuple[float, str]] = []  # a heap; entries that do not agree with _waiting are stale
        self._busy: set[str] = set()
        self._directories: dict[str, bool] = {}  # key → with everything below
        self.everything = False  # a full scan is due
        self.wake = asyncio.Event()  # there may be keys to take
        self.listing = asyncio.Event()  # there may be directories to list
        self._room = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._ready) + len(self._waiting) + len(self._busy)

    # -- naming work

    def name(self, key: str, sign: int, *, now: float) -> None:
        """Have *key* looked at, because of *sign*; at once, or after a moment when the sign is a weak one."""
        if (ready := self._ready.get(key)) is not None:
            self._ready[key] = ready._replace(signs=_merged(ready.signs, sign))
        elif (waiting := self._waiting.get(key)) is not None:
            work = waiting[1]._replace(signs=_merged(waiting[1].signs, sign))
            if sign & _AT_ONCE:
                del self._waiting[key]
                self._make_ready(key, work)
            else:
                self._waiting[key] = (waiting[0], work)
        elif len(self) >= self._limit and key not in self._busy:
            self.name_directory(split(key)[0], deep=False)
        elif sign & _AT_ONCE or key in self._busy:
            self._make_ready(key, Work(sign))
        else:
            self._wait(key, Work(sign), now + GRACE)

    def found(self, key: str, sign: int) -> None:
        """Have *key* looked at soon: a scan found it changed. For a caller that awaits room() now and then."""
        work = self._ready.get(key)
        if work is None and key in self._waiting:
            return  # it is being watched standing still
        if work is None:
            self._make_ready(key, Work(sign))
        else:
            self._ready[key] = work._replace(signs=work.signs | sign)

    def again(self, directory: str) -> None:
        """Have busy keys below *directory* ("": all) looked at again: what is being recorded of them may be over already."""
        below = f"{directory}/" if directory else ""
        for key in [key for key in self._busy if key.startswith(below)]:
            self.found(key, FOUND)

    def name_directory(self, directory: str, *, deep: bool) -> None:
        """Have a directory listed; *deep*: with everything below."""
        if self.everything:
            return
        self._directories[directory] = deep or self._directories.get(directory, False)
        if len(self._directories) > self._directory_limit:
            self.name_everything()
        self.listing.set()

    def name_everything(self) -> None:
        """Have the whole bucket scanned."""
        self._directories.clear()
        self.everything = True
        self.listing.set()

    # -- doing it

    def take(self, limit: int, *, now: float) -> dict[str, Work]:
        """Up to *limit* keys whose time has come; they are busy until done() or later()."""
        while self._times and self._times[0][0] <= now:
            due, key = heapq.heappop(self._times)
            if key in self._waiting and self._waiting[key][0] == due:
                self._make_ready(key, self._waiting.pop(key)[1])
        taken: dict[str, Work] = {}
        while self._order and len(taken) < limit:
            key = self._order.popleft()
            if key in self._ready and key not in self._busy:
                taken[key] = self._ready.pop(key)
                self._busy.add(key)
        return taken

    def due(self, *, now: float) -> float | None:
        """Seconds until a waiting key's time comes; None when none waits."""
        while self._times and self._waiting.get(self._times[0][1], (None,))[0] != self._times[0][0]:
            heapq.heappop(self._times)
        return max(0.0, self._times[0][0] - now) if self._times else None

    def done(self, key: str) -> None:
        """*key* was handled."""
        self._busy.discard(key)
        if key in self._ready:  # named meanwhile
            self._order.append(key)
            self.wake.set()
        if len(self) <= self._limit // 2:
            self._room.set()

    def later(self, key: str, work: Work, *, due: float) -> None:
        """*key* could not be judged yet; look again at *due*, or at once when it was named meanwhile."""
        self._busy.discard(key)
        if (ready := self._ready.get(key)) is not None:
            self._ready[key] = work._replace(signs=_merged(work.signs, ready.signs))
            self._order.append(key)
            self.wake.set()
        else:
            self._wait(key, work, due)

    def take_directories(self) -> dict[str, bool]:
        """The directories to list, deep or not; the list is empty afterwards."""
        taken, self._directories = self._directories, {}
        return taken

    async def room(self) -> None:
        """Wait until no more than half the limit is in hand, or nobody takes work any more."""
        if len(self) > self._limit // 2 and not self._closed:
            self._room.clear()
            await self._room.wait()

    def close(self) -> None:
        """Wake everybody who waits: no work is taken any more."""
        self._closed = True
        for event in (self.wake, self.listing, self._room):
            event.set()

    def __contains__(self, key: str) -> bool:
        return key in self._ready or key in self._waiting or key in self._busy

    def _make_ready(self, key: str, work: Work) -> None:
        self._ready[key] = work
        if key not in self._busy:
            self._order.append(key)
            self.wake.set()

    def _wait(self, key: str, work: Work, due: float) -> None:
        self._waiting[key] = (due, work)
        heapq.heappush(self._times, (due, key))
        if len(self._times) > 2 * self._limit:
            self._times = [(due, key) for key, (due, _) in self._waiting.items()]
            heapq.heapify(self._times)
        self.wake.set()


def _merged(signs: int, sign: int) -> int:
    return sign if sign & _AFRESH else signs | sign
