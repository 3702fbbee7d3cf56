"""rate(), cron() and at() as a source: every tick is a row in the store before it is an event.

What is due is decided in events/agenda.py, when is computed in events/schedule.py, the event is built in
events/scheduled.py. This is the shell: store, timer, tasks. One source serves all schedules of the house."""

import asyncio
import difflib
import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Self

import apsw
import structlog

from router import names
from router.errors import ConfigError, InvalidParameter, JournalError, ShuttingDown, SourceError
from router.events.agenda import PLAUSIBLE, Agenda, Due, beginning
from router.model import Envelope
from router.queues.outbox import Parcel
from router.sources import schedule_store, targets
from router.sources.base import Binding, House, Outlet, basis_of, first_leaf
from router.sources.schedule_store import ScheduleStore, Tick, Wanted
from router.sources.schedule_trigger import ScheduleTrigger
from router.sources.scheduled_targets import Schedule, listed
from router.sources.timer import ClockTimer, Timer, timer_for

log = structlog.get_logger("router.schedules")

TOGETHER: Final = 64  # ticks at most that are handed over in one transaction
UNDER_WAY: Final = 32  # such transactions at once
STEP: Final = 1.0  # seconds by which the wall clock may stray from the monotonic one between two looks


class ScheduleSource:
    """All schedules."""

    TRIGGERS: ClassVar = (ScheduleTrigger,)

    def __init__(self, schedules: Mapping[str, Schedule], house: House, timer: Timer, basis: object = None) -> None:
        self.name = "schedule"
        self.basis = basis
        self._schedules, self._timer = schedules, timer
        self._config, self._clock = house.config, house.clock
        self._resting = _resting(house)
        self._store, self._outbox = ScheduleStore(house.database), house.outbox
        self._tables = {name: schedule.timetable for name, schedule in schedules.items()}
        self._agenda = Agenda({}, {})
        self._outlet: Outlet | None = None  # while running
        self._room = asyncio.Semaphore(UNDER_WAY)
        self._later: list[tuple[int, Tick]] = []  # ticks in their windows: a heap, by when they run
        self._seen = (0.0, 0.0)  # wall and monotonic time of the last look
        self._ticks = house.metrics.counter("router_schedule_ticks_total", "Ticks of schedules handed over.", "function")
        self._missed = house.metrics.counter("router_schedule_missed_total", "Ticks dropped by the missed-run policy.", "function")
        self._late = house.metrics.histogram("router_schedule_late_seconds", "From a tick's time until its event was durable.")

    @classmethod
    def build(cls, bindings: Sequence[Binding], house: House) -> list[Self]:
        """One source for all, those of the config's own lists included; without any it only forgets the schedules there once were.

        Raises ConfigError when a name that was given is another schedule's FUNCTION-INDEX."""
        named: dict[str, list[Schedule]] = defaultdict(list)
        rules = [rule for rule in house.config.rules.values() if rule.enabled and rule.schedule is not None and rule.targets]
        plans = [plan for plan in house.config.schedules.values() if plan.enabled]
        for schedule in listed(bindings, house.config):
            named[schedule.name].append(schedule)
        if twice := [name for name, found in named.items() if len(found) > 1]:
            places = {one.trigger.named(one.function.name, one.index): one for one in bindings}  # none but those of triggers can be two
            told = [(places[name], name, " and ".join(schedule.function for schedule in named[name])) for name in twice]
            raise ConfigError(
                tuple(f"{one.path}.name: schedule {name}: two schedules have this name, of {them}" for one, name, them in told)
            )
        basis = (basis_of(bindings), tuple(plans), tuple(rules), _resting(house))

        return [house.source("schedule", basis, lambda: cls._made({name: found[0] for name, found in named.items()}, house, basis))]

    @classmethod
    def _made(cls, schedules: Mapping[str, Schedule], house: House, basis: object) -> Self:
        return cls(schedules, house, timer_for(house.clock) if schedules else ClockTimer(house.clock), basis)

    # -- running

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Emit ticks until *stop*; what is under way then is finished. Raises SourceError when the store or the journal fails."""
        self._room, self._later = asyncio.Semaphore(UNDER_WAY), []  # anew: a task cancelled before it began gave nothing back
        try:
            while self._clock.now() < PLAUSIBLE and not stop.is_set():
                await self._timer.wait(None, stop)
            async with asyncio.TaskGroup() as emits:
                pending = await self._attach(outlet)
                self._promise(pending)
                await self._start(emits, outlet, pending)
                while not stop.is_set():
                    await self._turn(emits, outlet, stop)
        except BaseExceptionGroup as group:
            failed, rest = group.split(JournalError)
            if failed is None or rest is not None:
                raise
            raise SourceError(f"ticks wait in the store: {first_leaf(failed)}") from group
        finally:
            self._outlet = None
            await self._timer.close()

    async def _attach(self, outlet: Outlet) -> list[Tick]:
        """Take up where the store says; give the ticks that were under way."""
        now = self._clock.now()
        self._seen = (now, self._clock.monotonic())  # together: time that the store takes is no step of the clock
        wanted = {name: Wanted(one.spelling, beginning(self._tables[name], int(now))) for name, one in self._schedules.items()}
        loaded = await self._store.load(wanted, int(now), self._resting)
        for name, stored in loaded.schedules.items():
            schedule = self._schedules[name]
            schedule.last, schedule.missed, schedule.pending = stored.last, stored.missed, 0
        if loaded.removed:
            named = sorted({name for name, _ in loaded.removed})
            log.warning("ticks_forgotten", count=len(loaded.removed), schedules=named[:10], reason="the config has these schedules no more")
        self._agenda = Agenda(self._tables, {name: stored.cursor for name, stored in loaded.schedules.items()})
        await self._rewind(now)
        self._outlet = outlet
        return loaded.pending

    async def _turn(self, emits: asyncio.TaskGroup, outlet: Outlet, stop: asyncio.Event) -> None:
        """Run what is due, or wait until something is."""
        now = self._clock.now()
        if abs(self._step(now)) > STEP:
            await self._rewind(now)
        ripe = self._ripe(now)
        await self._emit_all(emits, outlet, ripe)
        decided = self._agenda.plan(now)
        if not decided:
            if not ripe:
                await self._timer.wait(self._wake, stop)
            return
        ticks = [(due.name, tick) for due in decided for tick in due.ticks]
        self._promise(ticks)
        await self._store.decide(decided)
        self._tell([due for due in decided if due.dropped])
        await self._start(emits, outlet, ticks)

    def _promise(self, ticks: Sequence[Tick]) -> None:
        """From now on they are under way: a schedule is not over while its last tick is only on its way to the record."""
        for name, _ in ticks:
            self._schedules[name].pending += 1

    async def _start(self, emits: asyncio.TaskGroup, outlet: Outlet, ticks: Sequence[Tick]) -> None:
        """Emit ticks that are on record, or put them by until their moment within their window."""
        now, ripe = self._clock.now(), []
        for tick in ticks:
            due = self._schedules[tick[0]].due(tick[1])
            if due > now:
                heapq.heappush(self._later, (due, tick))
            else:
                ripe.append(tick)
        await self._emit_all(emits, outlet, ripe)

    def _ripe(self, now: float) -> list[Tick]:
        """Take out the ticks whose moment has come."""
        ripe = []
        while self._later and self._later[0][0] <= now:
            ripe.append(heapq.heappop(self._later)[1])
        return ripe

    @property
    def _wake(self) -> int | None:
        """When there is something to do next, epoch seconds."""
        moments = [at for at in (self._agenda.wake, self._later[0][0] if self._later else None) if at is not None]
        return min(moments, default=None)

    async def _emit_all(self, emits: asyncio.TaskGroup, outlet: Outlet, ticks: Sequence[Tick]) -> None:
        """Some together in a task, which shares the journal's group commits with others."""
        for first in range(0, len(ticks), TOGETHER):
            await self._room.acquire()
            some = ticks[first : first + TOGETHER]
            emits.create_task(self._emit(outlet, some), name="tick-{}-{}".format(*some[0]))

    async def _emit(self, outlet: Outlet, ticks: Sequence[Tick]) -> None:
        try:
            await self._hand_over(outlet, ticks)
        finally:
            self._room.release()
        now = self._clock.now()
        for name, at in ticks:
            schedule = self._schedules[name]
            schedule.last = max(schedule.last or at, at)
            schedule.pending -= 1
            self._ticks.add(schedule.function)
            self._late.observe(max(0.0, now - schedule.due(at)))

    async def _hand_over(self, outlet: Outlet, ticks: Sequence[Tick]) -> None:
        """What ticks hand over, and their rows' removal, in one transaction: a crash leaves a tick on record, or handed over."""
        now = self._clock.now()
        handed = [(tick, self._schedules[tick[0]].handed(self._config, tick[1], sequencer=str(tick[1]), now=now)) for tick in ticks]
        parcels = {tick: found for tick, things in handed if (found := [one for one in things if isinstance(one, Parcel)])}

        def unit(connection: apsw.Connection) -> None:
            there = schedule_store.drop(connection, ticks)
            if posted := [parcel for tick, found in parcels.items() if tick in there for parcel in found]:
                self._posted(connection, posted)

        await outlet.emit_all([one for _, things in handed for one in things if isinstance(one, Envelope)], unit)
        self._landed([parcel for found in parcels.values() for parcel in found])

    def _posted(self, connection: apsw.Connection, parcels: Sequence[Parcel]) -> None:
        assert self._outbox is not None  # a house that hands over has one
        self._outbox.post(connection, parcels)

    def _landed(self, parcels: Sequence[Parcel]) -> None:
        if parcels and self._outbox is not None:
            self._outbox.landed(parcels)

    # -- the wall clock

    def _step(self, now: float) -> float:
        """By how many seconds the wall clock was set since the last look; a step is told."""
        (wall, monotonic), self._seen = self._seen, (now, self._clock.monotonic())
        step = (now - wall) - (self._seen[1] - monotonic)
        if abs(step) > STEP:
            log.warning("clock_stepped", step_s=round(step, 3))
        return step

    async def _rewind(self, now: float) -> None:
        back = self._agenda.rewind(now) if now >= PLAUSIBLE else []
        if back:
            await self._store.decide(back)
            log.warning("schedules_set_back", count=len(back), reason="they were decided over a day into the future: the clock was wrong")

    def _tell(self, missed: Sequence[Due]) -> None:
        """Count and log what the policies dropped."""
        for due in missed:
            schedule = self._schedules[due.name]
            schedule.missed += due.dropped
            self._missed.add(schedule.function, amount=due.dropped)
        if missed:
            dropped, run = sum(due.dropped for due in missed), sum(len(due.ticks) for due in missed)
            log.warning(
                "ticks_missed", dropped=dropped, run=run, schedules=[due.name for due in missed[:10]], more=max(0, len(missed) - 10)
            )

    # -- for people

    async def fire(self, name: str) -> str:
        """Run a schedule now, beside its times; the request id. Raises InvalidParameter for an unknown name, ShuttingDown, JournalError."""
        schedule = self._schedules.get(name)
        if schedule is None or self._gone(schedule):
            close = difflib.get_close_matches(name, self._schedules.keys() - {name}, n=1)
            raise InvalidParameter(f"no schedule {name}" + (f", did you mean {close[0]}?" if close else ""))
        if self._outlet is None:
            raise ShuttingDown(self.health())
        now = self._clock.now()
        things = schedule.handed(self._config, int(now), sequencer=f"run-{names.request_id()}", now=now)
        await targets.hand_over(self._outlet, self._outbox, things)
        return next(one.request_id for one in things)

    def rows(self) -> list[dict[str, Any]]:
        """One row a schedule, times in UTC; state is `enabled`, or `finished` when no tick will come; one that is deleted by then has no row."""
        return [self._row(schedule) for _, schedule in sorted(self._schedules.items()) if not self._gone(schedule)]

    def gone(self) -> set[str]:
        """The names of schedules that were to be deleted after their last tick, and have run that."""
        return {name for name, schedule in self._schedules.items() if self._gone(schedule)}

    def _gone(self, schedule: Schedule) -> bool:
        """Whether it was to be deleted after its last tick, and has run that."""
        over = self._outlet is not None and schedule.name not in self._agenda.next and not schedule.pending
        return schedule.trigger.delete and over

    def _row(self, schedule: Schedule) -> dict[str, Any]:
        upcoming = self._agenda.next.get(schedule.name)
        return {
            "name": schedule.name,
            "function": schedule.function,
            "expression": schedule.trigger.text,
            "timezone": schedule.trigger.timezone or "UTC",
            "next": None if upcoming is None else names.iso_s(upcoming),
            "last": None if schedule.last is None else names.iso_s(schedule.last),
            "missed": schedule.missed,
            "state": "finished" if upcoming is None and self._outlet is not None else "enabled",
        }

    def health(self) -> str:
        """Whether the schedules run."""
        if self._outlet is not None:
            return ""
        if self._clock.now() < PLAUSIBLE:
            return f"schedules wait until the clock is set: it shows {names.iso_s(self._clock.now())}"
        return "schedules are not attached"


def _resting(house: House) -> frozenset[str]:
    """The schedules that are switched off: they are not new when they are on again."""
    return frozenset(plan.key for plan in house.config.schedules.values() if not plan.enabled)
