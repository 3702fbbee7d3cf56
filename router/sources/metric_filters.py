"""Metric filters at work: what is written to their log groups is read in a thread, and what they find in it is counted.

Nothing is kept: counts begin with the daemon's start, as all that /metrics shows, and a filter that is new begins behind what is there."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import structlog

from router.clock import Clock, woken
from router.names import log_group
from router.sources.metric_filter import MetricFilter
from router.telemetry import logfollow
from router.telemetry.loggroups import LogGroups
from router.telemetry.logs import LogStream
from router.telemetry.measured import Measured

if TYPE_CHECKING:
    from router.sources.metric_counting import Group

log: Final = structlog.get_logger("router.sources.logs")

GATHER: Final = 0.5  # seconds between two looks
PAUSE: Final = 5.0  # seconds until what could not be read is tried again
TIDY_EVERY: Final = 3600.0  # seconds between two looks for streams that are gone


class MetricFilters:
    """All of a daemon's."""

    def __init__(self, logs: LogGroups, measured: Measured, clock: Clock) -> None:
        self._logs, self._measured, self._clock = logs, measured, clock
        self._groups: dict[str, Group] = {}
        self._work = asyncio.Event()  # a stream, or a group, waits to be looked at

    def adopt(self, wanted: Mapping[str, MetricFilter]) -> None:
        """These are the filters from now on; a group that had some goes on where it was."""
        of: defaultdict[str, list[MetricFilter]] = defaultdict(list)
        for one in wanted.values():
            of[one.group].append(one)
        kept = {name: group for name, group in self._groups.items() if name in of and list(group.filters) == of[name]}
        self._groups = {name: kept.get(name) or self._made(name, filters) for name, filters in of.items()}
        self._work.set()

    def _made(self, name: str, filters: Sequence[MetricFilter]) -> "Group":
        from router.sources.metric_counting import Counting, Group  # noqa: PLC0415 - a daemon without any does without

        made = Group(name, filters, [Counting(one) for one in filters])
        former = self._groups.get(name)
        if former is not None:
            made.begun, made.marks, made.waiting = former.begun, former.marks, former.waiting
        return made

    async def run(self, stop: asyncio.Event) -> None:
        """Count what is written until *stop*."""
        self._logs.store.listeners.add(self._heard)
        try:
            async with woken(self._work, stop):
                while not stop.is_set():
                    self._work.clear()
                    for group in (*self._groups.values(),):
                        await self._try(group, stop)
                    idle = not any(group.waiting or not group.begun for group in self._groups.values())
                    if idle and not await self._clock.wait(self._work, TIDY_EVERY):
                        await asyncio.to_thread(self._tidy)
                    await self._clock.wait(stop, GATHER)
        finally:
            self._logs.store.listeners.discard(self._heard)

    def _heard(self, stream: LogStream) -> None:
        group = self._groups.get(stream.group or log_group(stream.function))
        if group is not None:
            group.waiting.add(stream.name)
            self._work.set()

    async def _try(self, group: "Group", stop: asyncio.Event) -> None:
        """Read a group; a disk that fails, or no file that can be opened, ends nothing."""
        try:
            await self._read(group, stop)
        except OSError as error:
            log.warning("metric_filters_delayed", group=group.name, error=str(error), retry_s=PAUSE)
            await self._clock.wait(stop, PAUSE)

    async def _read(self, group: "Group", stop: asyncio.Event) -> None:
        """Begin a group, or count what its streams have that wait now."""
        if not group.begun:
            self._logs.store.flush()
            group.waiting.clear()
            group.marks |= await asyncio.to_thread(lambda: logfollow.ends(self._logs.streams(group.name)))
            group.begun = True
        names, group.waiting = group.waiting, set()
        try:
            while names and not stop.is_set():
                found, names = await asyncio.to_thread(group.look, self._logs, names)
                for metric, (total, count) in found.items():
                    self._measured.add(metric, total, count)
        finally:
            group.waiting |= names

    def _tidy(self) -> None:
        """Forget streams that are gone. Blocking."""
        for group in (*self._groups.values(),):
            for name in [*group.marks]:
                if self._logs.stream(group.name, name).written() is None:
                    group.marks.pop(name, None)
