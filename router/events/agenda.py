"""What is due: schedules, how far each has been decided, and what becomes of ticks nobody was there to run.

Pure: no loop, no clock, no disk; plan() is told the time. A tick is *missed* when it is found more than GRACE seconds
after its time: the daemon was down, the machine slept, or the wall clock was put forward. A schedule's policy then says:
- skip: missed ticks are dropped;
- once: all that is due runs once, as its newest tick;
- all:  every tick runs, oldest first, the newest CATCH_UP of them.
Whatever is dropped is counted. A cursor never moves back while the clock is behind it, so no tick comes up twice; only a
cursor over AHEAD seconds in the future, left by a clock that was wrong, is set back (rewind). A clock that shows a time
before PLAUSIBLE is itself the wrong one: on it nothing is decided, or all ticks since would be missed once it is set."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final, Literal

from router.events import schedule
from router.events.schedule import At, Expression, Rate

Missed = Literal["skip", "once", "all"]

GRACE: Final = 60  # seconds: AWS's own precision, a schedule runs within its minute
CATCH_UP: Final = 1000  # ticks of one schedule that `all` runs after an absence
AHEAD: Final = 86400  # seconds a cursor may be ahead of the clock before the clock of then is taken for wrong
BATCH: Final = 256  # schedules planned at once: what is due is not kept waiting for all that is due
BATCH_TICKS: Final = 1000  # ticks of a batch, beside those of its last schedule
PLAUSIBLE: Final = 1_767_225_600  # 2026-01-01, epoch seconds: this program is younger


@dataclass(frozen=True, slots=True)
class Timetable:
    """When a schedule ticks, and what becomes of missed ticks."""

    expression: Expression
    zone: tzinfo
    missed: Missed = "once"
    window: int = 0  # seconds after its time in which a tick may run: within it nothing is missed
    start: int | None = None  # epoch seconds of the first tick that may run
    end: int | None = None  # epoch seconds of the last
    at_once: bool = False  # a rate() without a start has its first tick when it begins, as EventBridge Scheduler's have

    @property
    def grace(self) -> int:
        """How many seconds after its time a tick is still on time."""
        return max(GRACE, self.window)

    def after(self, instant: float, anchor: int) -> int | None:
        """The first tick later than *instant*, within start and end."""
        instant = instant if self.start is None else max(instant, self.start - 1)
        tick = schedule.next_after(self.expression, instant, self.zone, anchor=self._anchor(anchor))
        return None if tick is None or (self.end is not None and tick > self.end) else tick

    def upcoming(self, instant: float, anchor: int) -> Iterator[int]:
        """All ticks later than *instant*, in order."""
        tick = self.after(instant, anchor)
        while tick is not None:
            yield tick
            tick = self.after(tick, anchor)

    def until(self, instant: float, anchor: int) -> int | None:
        """The last tick not later than *instant*, within start and end."""
        instant = instant if self.end is None else min(instant, self.end)
        tick = schedule.last_until(self.expression, instant, self.zone, anchor=self._anchor(anchor))
        return None if tick is None or (self.start is not None and tick < self.start) else tick

    def count(self, after: int, until: int, anchor: int) -> int:
        """How many ticks lie after *after*, up to and including *until*, within start and end."""
        after = after if self.start is None else max(after, self.start - 1)
        until = until if self.end is None else min(until, self.end)
        return schedule.count_between(self.expression, after, until, self.zone, anchor=self._anchor(anchor))

    def _anchor(self, anchor: int) -> int:
        """A rate() with a start counts from there, and ticks there first."""
        if self.start is None or not isinstance(self.expression, Rate):
            return anchor
        return self.start - self.expression.seconds


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a schedule has been decided."""

    until: int  # epoch seconds: every tick up to and including this second has been run or dropped
    anchor: int  # epoch seconds: where a rate() counts from


def beginning(table: Timetable, now: int) -> Cursor:
    """Where a new schedule begins at *now*, epoch seconds: it has missed nothing."""
    if table.at_once and table.start is None and isinstance(table.expression, Rate):
        return Cursor(now - 1, now - table.expression.seconds)
    return Cursor(now, now)


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done for one schedule now."""

    name: str
    ticks: tuple[int, ...]  # to run, oldest first; epoch seconds
    dropped: int  # missed ticks that will not run
    cursor: Cursor  # once the ticks are on record
    next: int | None  # the tick after these


def next_tick(table: Timetable, cursor: Cursor) -> int | None:
    """The first tick not decided yet; None when none will come."""
    return table.after(cursor.until, cursor.anchor)


def due(name: str, table: Timetable, cursor: Cursor, now: float) -> Due | None:
    """What a schedule has to do at *now*; None: nothing."""
    first = next_tick(table, cursor)
    return None if first is None or first > now else _decide(name, table, cursor, first, now)


def _decide(name: str, table: Timetable, cursor: Cursor, first: int, now: float) -> Due:
    """*first* is the first tick not decided yet, and due."""
    decided = Cursor(int(now), cursor.anchor)
    if first >= now - table.grace:
        ticks, following = _on_time(table, first, cursor.anchor, now)
        return Due(name, tuple(ticks), 0, decided, following)
    ticks = _newest(table, cursor, now, _limit(table))
    if table.missed == "skip":
        ticks = [tick for tick in ticks if tick >= now - table.grace]
    total = table.count(cursor.until, decided.until, cursor.anchor)
    return Due(name, tuple(ticks), max(0, total - len(ticks)), decided, next_tick(table, decided))


def _limit(table: Timetable) -> int:
    """How many of the newest due ticks can matter; ticks are a minute apart at least."""
    return {"skip": table.grace // 60 + 1, "once": 1, "all": CATCH_UP}[table.missed]


def _on_time(table: Timetable, first: int, anchor: int, now: float) -> tuple[list[int], int | None]:
    """The due ticks, and the one after them."""
    ticks: list[int] = []
    tick: int | None = first
    while tick is not None and tick <= now:
        ticks.append(tick)
        tick = table.after(tick, anchor)
    return ticks, tick


def _newest(table: Timetable, cursor: Cursor, now: float, limit: int) -> list[int]:
    """The newest due ticks, *limit* at most, oldest first; found from the end, so that a long absence costs no more than a short one."""
    ticks: list[int] = []
    before = now
    while len(ticks) < limit:
        tick = table.until(before, cursor.anchor)
        if tick is None or tick <= cursor.until:
            break
        ticks.append(tick)
        before = tick - 1
    return ticks[::-1]


class Agenda:
    """All schedules by the time of their next tick."""

    def __init__(self, tables: Mapping[str, Timetable], cursors: Mapping[str, Cursor]) -> None:
        self._tables = tables
        self.cursors = dict(cursors)
        self.next: dict[str, int] = {}  # of schedules that tick again
        self._heap: list[tuple[int, str]] = []
        self._arrange(tables)

    def plan(self, now: float) -> list[Due]:
        """Decide what is due, BATCH schedules at most, the longest due first; none when nothing is due."""
        decided: list[Due] = []
        ticks = 0
        while self._heap and self._heap[0][0] <= now and len(decided) < BATCH and ticks < BATCH_TICKS:
            first, name = heapq.heappop(self._heap)
            found = _decide(name, self._tables[name], self.cursors[name], first, now)
            self.cursors[name] = found.cursor
            self._push(name, found.next)
            decided.append(found)
            ticks += len(found.ticks)
        return decided

    @property
    def wake(self) -> int | None:
        """When something is due next, epoch seconds; None when nothing will be."""
        return self._heap[0][0] if self._heap else None

    def rewind(self, now: float) -> list[Due]:
        """Set back cursors that a wrong clock left more than AHEAD in the future; what is to be put on record of them.

        Its ticks until then come up again; those that were run are known to the journal by their time. at() stays: it runs once."""
        far = [name for name, cursor in self.cursors.items() if cursor.until > now + AHEAD]
        back = [name for name in far if not isinstance(self._tables[name].expression, At)]
        for name in back:
            self.cursors[name] = Cursor(int(now), min(self.cursors[name].anchor, int(now)))
        if back:
            self._arrange(self._tables)
        return [Due(name, (), 0, self.cursors[name], self.next.get(name)) for name in back]

    def _arrange(self, names: Iterable[str]) -> None:
        self._heap = []
        for name in names:
            self._push(name, next_tick(self._tables[name], self.cursors[name]))

    def _push(self, name: str, tick: int | None) -> None:
        if tick is None:
            self.next.pop(name, None)
        else:
            self.next[name] = tick
            heapq.heappush(self._heap, (tick, name))
