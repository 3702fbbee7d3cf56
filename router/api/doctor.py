"""What only the running daemon knows of its own fitness: `GET /doctor` on the control socket, shown by `router doctor`.

Rows have the keys of router/cli/checks.py: name, wanted, effective, proof, remedy, ok, required."""

import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

from router import VERSION, names
from router.api.calls import Calls
from router.clock import Clock
from router.errors import JournalError
from router.journal.database import Database
from router.journal.lock import StateLock
from router.runtime import sandbox_controls
from router.sources.http import HttpSource
from router.sources.s3dir import S3DirSource

Row = dict[str, Any]

CROWDED: Final = 0.8  # of the descriptors that may be open
STEP: Final = 1.0  # seconds by which the wall clock may have strayed from the monotonic one since the start


class Damage(Protocol):
    """What a journal found broken."""

    @property
    def damaged(self) -> int:
        """Events buried because their payload did not match its checksum."""


class Doctor:
    """Looks when asked."""

    def __init__(
        self,
        calls: Calls,
        database: Database,
        journal: Damage,
        lock: StateLock,
        *,
        clock: Clock,
        machine: Callable[[], sandbox_controls.Machine] = sandbox_controls.Machine,
        descriptors: Callable[[], tuple[int, int]] | None = None,
    ) -> None:
        """*machine*: what confines functions; *descriptors*: how many are open, and how many may be; of this process when not given."""
        self._calls, self._database, self._journal, self._lock, self._clock = calls, database, journal, lock, clock
        self._machine = machine
        self._descriptors = descriptors or _own_descriptors
        self._started = (clock.now(), clock.monotonic())

    async def rows(self) -> list[Row]:
        """Everything, each with what was wanted, what was found and the way there."""
        return [
            self._itself(),
            await self._store(),
            self._space(),
            self._damage(),
            self._holds(),
            *self._listeners(),
            *self._sources(),
            *self._watches(),
            *sandbox_controls.rows(self._machine(), list(self._calls.config.functions.values())),
            self._crowd(),
            self._wall_clock(),
        ]

    def _itself(self) -> Row:
        status = self._calls.status()
        told = f"{VERSION}, pid {status['pid']}, since {names.iso_s(self._started[0])}"
        return _row("daemon", "running", told, "control socket", "", ok=True)

    async def _store(self) -> Row:
        """A write that is synced, as every event needs it."""
        before = self._clock.monotonic()
        try:
            await self._database.ping()
        except JournalError as error:
            return _row("store", "takes writes", str(error), str(self._database.path), "see what the sentence says", ok=False)
        took = (self._clock.monotonic() - before) * 1000
        return _row("store", "takes writes", f"a synced write in {took:.1f} ms", str(self._database.path), "", ok=True)

    def _space(self) -> Row:
        short = self._database.short_of_space
        found = "only the reserve is left: outcomes are recorded, new events are refused" if short else "beyond the reserve"
        return _row("store space", "beyond the reserve", found, str(self._database.path), "make room on its file system", ok=not short)

    def _damage(self) -> Row:
        count = self._journal.damaged
        remedy = "check the disk; `router dlq list` shows the events, whose payloads are lost"
        found = f"{count} events with damaged payloads since the start" if count else "none damaged"
        return _row("payloads", "none damaged", found, "checksums", remedy, ok=not count, required=False)

    def _holds(self) -> Row:
        held = self._lock.held()
        found = "held" if held else "the file was deleted or replaced: a second daemon could start on this state directory"
        return _row("state lock", "held", found, str(self._lock.path), "restart the daemon", ok=held)

    def _listeners(self) -> Iterator[Row]:
        config = self._calls.config
        bound: dict[str, tuple[str, ...]] = dict(self._calls.listeners)
        for source in self._calls.sources_of(HttpSource):
            bound["http"] = (*bound.get("http", ()), *source.addresses)
        for name, addresses in sorted(bound.items()):
            wanted = getattr(config, name, None)
            if wanted is None or wanted.kind == "off":
                continue
            found = ", ".join(addresses) or "not bound"
            remedy = f"see the log for why; listen.{name} in the config says where"
            yield _row(f"listener {name}", str(wanted), found, "getsockname(2)", remedy, ok=bool(addresses))

    def _sources(self) -> Iterator[Row]:
        for source in self._calls.status()["sources"]:
            ok = source["health"] == "ok"
            remedy = "it is tried again by itself once that is mended"
            yield _row(f"source {source['name']}", "ok", source["health"], "the source", "" if ok else remedy, ok=ok)

    def _watches(self) -> Iterator[Row]:
        for source in self._calls.sources_of(S3DirSource):
            count = int(source.figure("unwatched_directories"))
            found = f"{count} are not: changes there are found at the scan's interval" if count else "every directory"
            remedy = "sysctl -w fs.inotify.max_user_watches=1048576"
            name = f"watches {source.name}"
            yield _row(name, "every directory", found, "inotify_add_watch(2)", remedy, ok=not count, required=False)

    def _crowd(self) -> Row:
        used, limit = self._descriptors()
        remedy = "LimitNOFILE=65536 in the unit, or lower limits.concurrency"
        ok = used < CROWDED * limit
        return _row("open descriptors", f"below {CROWDED:.0%} of {limit}", str(used), "/proc/self/fd", remedy, ok=ok, required=False)

    def _wall_clock(self) -> Row:
        """Whether somebody set the clock under a running daemon: schedules and event ages follow it."""
        wall, monotonic = self._clock.now() - self._started[0], self._clock.monotonic() - self._started[1]
        step = wall - monotonic
        found = f"set by {step:+.0f} s since the start" if abs(step) > STEP else "steady since the start"
        remedy = "let NTP slew it: timedatectl set-ntp true"
        return _row("daemon clock", "steady since the start", found, "clock_gettime(2)", remedy, ok=abs(step) <= STEP, required=False)


def _row(name: str, wanted: str, effective: str, proof: str, remedy: str, *, ok: bool, required: bool = True) -> Row:
    return {
        "name": name,
        "wanted": wanted,
        "effective": effective,
        "proof": proof,
        "remedy": remedy,
        "ok": ok,
        "required": required,
    }


def _own_descriptors() -> tuple[int, int]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sum(1 for _ in Path("/proc/self/fd").iterdir()), soft if soft != resource.RLIM_INFINITY else 2**31
