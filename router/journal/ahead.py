"""What is known of a queue beyond what was leased: events read ahead, and when the first of the others is due. Pure.

Reading ahead changes nothing in the store: what is here is queued there, and a process that dies has taken nothing. Of each
function the oldest due events are here, so that handing them out keeps the order; what becomes due later never comes before them."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple, TypeVar

from router.journal.turns import in_turn, rotated
from router.model import Delivery

T = TypeVar("T")

AHEAD: Final = 256  # events of all functions together that are held beyond what was asked for
AHEAD_BYTES: Final = 4 * 1024 * 1024  # of their payloads
LEASE_BYTES: Final = 16 * 1024 * 1024  # of payload in one lease, but for a single one that is larger
PROMPT: Final = 0.001  # seconds that a due time may be ahead: epoch seconds as floats are not exact
FOREVER: Final = float("inf")


class Waiting(NamedTuple):
    """An event that may start. Its delivery's attempt is the one that begins when it is handed out."""

    due: float  # the journal's time
    delivery: Delivery


class Due(NamedTuple):
    """An event in the store that is due."""

    id: int
    due: float  # the journal's time
    size: int  # bytes of its payload


class Ahead:
    """Lines of waiting events, one a function, and what has been handed out of them. Times are the journal's."""

    def __init__(self, earliest: Mapping[str, float]) -> None:
        """*earliest*: function → when its first event in the store is due; a lower bound of it does."""
        self._earliest = dict(earliest)
        self._lines: dict[str, deque[Waiting]] = {}  # none is empty
        self._taken: dict[str, dict[int, int]] = {}  # function → id → attempt: in its line, or handed out and not settled
        self._looked: dict[str, list[tuple[int, float]]] = {}  # functions that are being read → what was accepted meanwhile: id, due
        self.count = 0  # events in the lines
        self.bytes = 0  # of their payloads

    def ready(self, now: float, after: str) -> list[str]:
        """Functions with an event that is due, or may be; in turn behind *after*."""
        return rotated({*self._lines, *(name for name, due in self._earliest.items() if due <= now + PROMPT)}, after)

    def next_due(self, now: float) -> float:
        """When the next event that is not due yet will be; FOREVER when there is none."""
        return min((due for due in self._earliest.values() if due > now + PROMPT), default=FOREVER)

    def holds(self, function: str) -> int:
        """How many events of a function are in its line."""
        return len(self._lines.get(function, ()))

    def more(self, function: str, now: float) -> bool:
        """Whether the store may hold due events of a function that are not in its line."""
        return self._earliest.get(function, FOREVER) <= now + PROMPT

    def spare(self) -> int:
        """How many more events may be held ahead."""
        return max(0, AHEAD - self.count) if self.bytes < AHEAD_BYTES else 0

    def taken(self, function: str) -> frozenset[int]:
        """Ids of a function that are not to be read again although the store has them as due."""
        return frozenset(self._taken.get(function, ()))

    def look(self, functions: Iterable[str]) -> dict[str, float]:
        """Begin to read of these functions: what was assumed of when they are due. To be ended by read()."""
        self._looked = {name: [] for name in functions}
        return {name: self._earliest.pop(name) for name in self._looked if name in self._earliest}

    def read(self, found: Iterable[Waiting], earliest: Mapping[str, float]) -> None:
        """Put what was read behind the lines, and note when the first event is due of each function that was not read.

        What has become due meanwhile and may belong between them has its function read again."""
        looked, self._looked = self._looked, {}
        for function, line in _by_function(found).items():
            if self._earliest.get(function, FOREVER) <= line[-1].due:
                self.expect(function, line[0].due)
            else:
                self._put(function, line)
        for function, due in earliest.items():
            self._earliest[function] = min(self._earliest.get(function, FOREVER), due)
        for function, meanwhile in looked.items():
            for number, due in meanwhile:
                if number not in self._taken.get(function, ()):
                    self.expect(function, due, number)

    def expect(self, function: str, due: float, number: int = 0) -> None:
        """An event of *function* in the store, perhaps *number*, is due at *due*, or earlier."""
        line = self._lines.get(function)
        if line is not None and (due, number) < (line[-1].due, line[-1].delivery.id):  # it may belong between those read
            due = min(due, line[0].due)
            self._forget(function)
        self._earliest[function] = min(self._earliest.get(function, FOREVER), due)

    def accept(self, waiting: Waiting) -> None:
        """A new event, the last one of all so far, is due: put it behind its line when nothing else can come before it."""
        function = waiting.delivery.envelope.function
        if (meanwhile := self._looked.get(function)) is not None:
            meanwhile.append((waiting.delivery.id, waiting.due))  # it may be among what is being read
        elif self.spare() > 0 and self._last_due(function) <= waiting.due < self._earliest.get(function, FOREVER):
            self._put(function, [waiting])
        else:
            self.expect(function, waiting.due, waiting.delivery.id)

    def _last_due(self, function: str) -> float:
        line = self._lines.get(function)
        return line[-1].due if line is not None else 0.0

    def _put(self, function: str, found: Sequence[Waiting]) -> None:
        self._lines.setdefault(function, deque()).extend(found)
        self._taken.setdefault(function, {}).update((waiting.delivery.id, waiting.delivery.attempt) for waiting in found)
        self.count += len(found)
        self.bytes += sum(len(waiting.delivery.envelope.payload) for waiting in found)

    def hand_out(self, rooms: Mapping[str, int], limit: int, take: Callable[[str], bool]) -> list[Delivery]:
        """Up to *limit* events, the functions in turn and of each as many as there is room for; those are no longer ahead.

        *take* has the last word on each of them: what it refuses stays first in its line."""
        lines = [list(islice(self._lines.get(name, ()), room)) for name, room in rooms.items()]
        chosen = within([(waiting, len(waiting.delivery.envelope.payload)) for waiting in in_turn(lines, limit)], LEASE_BYTES)
        functions = [waiting.delivery.envelope.function for waiting in chosen]
        return [self._pop(function).delivery for function in functions if take(function)]

    def settled(self, delivery: Delivery) -> None:
        """What was handed out is the store's again; not so when a later attempt of it is here."""
        self._drop(delivery)

    def _pop(self, function: str) -> Waiting:
        line = self._lines[function]
        waiting = line.popleft()
        if not line:
            del self._lines[function]
        self.count -= 1
        self.bytes -= len(waiting.delivery.envelope.payload)
        return waiting

    def _forget(self, function: str) -> None:
        while function in self._lines:
            self._drop(self._pop(function).delivery)

    def _drop(self, delivery: Delivery) -> None:
        function = delivery.envelope.function
        taken = self._taken.get(function)
        if taken is not None and taken.get(delivery.id) == delivery.attempt:
            del taken[delivery.id]
            if not taken:
                del self._taken[function]


def _by_function(found: Iterable[Waiting]) -> dict[str, list[Waiting]]:
    lines: dict[str, list[Waiting]] = {}
    for waiting in found:
        lines.setdefault(waiting.delivery.envelope.function, []).append(waiting)
    return lines


def within(sized: Sequence[tuple[T, int]], limit: int) -> list[T]:
    """The first of the items, given with their sizes, that fit into *limit* together, one at least."""
    fitting: list[T] = []
    total = 0
    for item, size in sized:
        total += size
        if fitting and total > limit:
            break
        fitting.append(item)
    return fitting


def shares(lines: Mapping[str, Sequence[Due]], rooms: Mapping[str, int], limit: int, spare: int) -> list[Due]:
    """What to read of *lines*: what a lease of *limit* would take and up to *spare* more, both in turn. Of each line the first ones."""
    wanted = in_turn([line[: rooms[name]] for name, line in lines.items()], limit)
    chosen = within([(due, due.size) for due in wanted], LEASE_BYTES)
    if len(chosen) < len(wanted):
        return chosen
    taken, left = set(chosen), AHEAD_BYTES - sum(due.size for due in chosen)
    for due in in_turn([[due for due in line if due not in taken] for line in lines.values()], spare):
        left -= due.size
        if left < 0:
            break
        chosen.append(due)
    return chosen
