"""What queues do inside the store: units for the writer thread. Blocking; a connection and facts in, facts out.

*now* is the queues' time, *wall* epoch milliseconds. In a FIFO queue a message group is a lane: its messages are received from its
first one on, none before that can be, and none beyond one that is in flight. Recorded of AWS: a first one that was made visible again
does not wait for those that were received with it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import apsw
import orjson

from router import names
from router.config.types import Queue
from router.errors import RouterError
from router.events.http import NOBODY, Client
from router.events.sqs import Message
from router.events.sqs_errors import InvalidParameterValue, MessageNotInflight, OverLimit
from router.events.sqs_rules import DEDUPLICATION, IN_FLIGHT, LONGEST_VISIBILITY, New, sequence_number
from router.queues.queries import SQL
from router.queues.rows import DAMAGED, Handle, Place, Stored, attributes_text, checksum

ROUNDS: Final = 50  # looks of one receive at messages that turn out to be exhausted or too old
EXPIRE_AT_ONCE: Final = 100  # messages; a unit holds up all others
PURGE_AT_ONCE: Final = 500  # the same of those that nobody looks at any more


class Sent(NamedTuple):
    """A message that is stored; or one like it, sent before."""

    message_id: str
    sequence: str = ""  # 20 digits in a FIFO queue


@dataclass(frozen=True, slots=True)
class Wanted:
    """One receive."""

    most: int  # messages
    visibility: float  # seconds
    holder: str = ""  # event source mapping; "": somebody outside
    limit: int = 0  # bytes of messages in all, the first one apart; 0: no limit
    client: Client = NOBODY  # who waits for them
    patient: bool = False  # a long poll


@dataclass(slots=True)
class Received:
    """What a receive gave."""

    messages: list[Message] = field(default_factory=list)
    buried: int = 0  # exhausted ones, moved to the dead-letter queue
    expired: int = 0  # past their retention, removed
    damaged: int = 0  # set aside
    due: float | None = None  # the queues' time when the next one can be received; None: not known of any


class Settled(NamedTuple):
    """A held message whose holder is through with it."""

    handle: str
    visible: float | None = None  # seconds until it can be received again; None: remove it
    uncounted: bool = False  # the receive did not happen: it was never handed on
    late: bool = False  # make it visible then also when it is visible by now, or somebody else received it since


@dataclass(slots=True)
class Work:
    """One unit at work on the store's connection."""

    connection: apsw.Connection
    now: float
    wall: int  # epoch milliseconds
    number: Callable[[], int]  # a fresh id
    _tallies: dict[str, list[int]] = field(default_factory=dict)  # queue → messages, bytes, newest id
    _lanes: set[tuple[str, str]] = field(default_factory=set)  # whose due time may have changed

    # --- sending

    def send(self, queue: Queue, message: New, size: int, deduplication: str) -> Sent:
        """Store one checked message; give the first one's ids when it is a duplicate."""
        unlike = deduplication if queue.deduplication_scope == "queue" else f"{message.group}\n{deduplication}"
        if queue.fifo:
            known = self._one("known", queue.name, unlike, self.now)
            if known is not None:
                return Sent(known[1], sequence_number(known[0]))
        number, message_id = self.number(), names.request_id()
        visible = self.now + (queue.delay if message.delay is None else message.delay)
        lane, tenant = (message.group, "") if queue.fifo else ("", message.group)
        self._do("insert", number, queue.name, lane, message_id, visible, self.now, 0, 0, None, "", size)
        attributes = attributes_text(message.attributes)
        told = (deduplication, message.trace, attributes, message.body, checksum(message.body, attributes), tenant)
        self._do("insert_body", number, self.wall, message.sender, *told)
        self._count(queue.name, 1, size, number)
        if not queue.fifo:
            return Sent(message_id)
        self._do("remember", queue.name, unlike, self.now + DEDUPLICATION, number, message_id)
        self._do("open_lane", queue.name, lane, visible)
        return Sent(message_id, sequence_number(number))

    # --- receiving

    def _full(self, queue: Queue) -> bool:
        """Whether too many are in flight. They are counted one by one, so only where there are that many at all."""
        here = self._one("messages", queue.name)
        if here is None or here[0] < IN_FLIGHT:
            return False
        held = self._first("lanes_in_flight" if queue.fifo else "in_flight", queue.name, self.now, IN_FLIGHT)
        return held is not None and held >= IN_FLIGHT

    def receive(self, queue: Queue, dead_letters: Queue | None, wanted: Wanted, arn: Callable[[str], str]) -> Received:
        """Hand out up to *wanted.most* messages. Exhausted ones go to *dead_letters* and old ones away. Raises OverLimit.

        Who has left gets none: they would be held, and counted as received, for nobody."""
        if wanted.client.left:
            return Received()
        if not wanted.holder and self._full(queue):
            if queue.fifo or wanted.patient:  # SQS says nothing of it then
                return Received()
            raise OverLimit(IN_FLIGHT)
        made = Received()
        size = 0
        for row in self._candidates(queue, wanted.most):
            if self._unfit(queue, dead_letters, row, made):
                continue
            size += row.size
            if wanted.limit and made.messages and size > wanted.limit:
                break
            token = names.chance()
            self._do("take", row.id, self.now + wanted.visibility, self.now, self.wall, token, wanted.holder)
            self._touch(queue.name, row.lane)
            made.messages.append(row.received(token, self.wall, arn(row.source) if row.source else ""))
            if len(made.messages) == wanted.most:
                break
        self.finish()
        made.due = self._first("next_lane" if queue.fifo else "next", queue.name, self.now)
        return made

    def _candidates(self, queue: Queue, most: int) -> Iterator[Stored]:
        """Messages that may be received now, in their order; whoever iterates may remove or take the one it got."""
        if queue.fifo:
            for (lane,) in self._all("ready_lanes", queue.name, self.now, most + ROUNDS):
                yield from self._lane(queue.name, lane, most)
            return
        seen: list[int] = []
        for _ in range(ROUNDS):
            found = [number for (number,) in self._all("ready", queue.name, self.now, orjson.dumps(seen).decode(), most)]
            seen += found
            for number in found:
                yield self._stored(number)
            if len(found) < most:
                return

    def _lane(self, queue: str, lane: str, most: int) -> Iterator[Stored]:
        after = 0
        for _ in range(ROUNDS):
            found = self._all("lane", queue, lane, after, most)
            for number, visible in found:
                if visible > self.now:
                    return
                yield self._stored(number)
                after = number
            if len(found) < most:
                return

    def _unfit(self, queue: Queue, dead_letters: Queue | None, row: Stored, made: Received) -> bool:
        """Put away a message that is not to be received; say whether it was."""
        if row.arrived < self.now - queue.retention:
            self.remove(row.place)
            made.expired += 1
        elif not row.whole:
            self.move(row.place, DAMAGED, "")
            made.damaged += 1
        elif queue.redrive is not None and dead_letters is not None and row.receives - row.carried >= queue.redrive.max_receive_count:
            self.bury(row, dead_letters)
            made.buried += 1
        else:
            return False
        return True

    def bury(self, row: Stored, dead_letters: Queue) -> None:
        """Move an exhausted message; it keeps its id, its age in a standard queue, and its count of receives."""
        number = self.move(row.place, dead_letters.name, row.lane)
        if dead_letters.fifo:
            self._do("arrived", number, self.now)

    # --- settling

    def settle(self, queue: Queue, items: Sequence[Settled]) -> list[RouterError | None]:
        """Remove held messages or make them visible again; for each what is wrong with it, None when it is done.

        A handle of an earlier receive removes nothing, which is no error in a standard queue."""
        answers: list[RouterError | None] = []
        for item in items:
            try:
                self._settle(queue, item)
            except RouterError as refusal:
                answers.append(refusal)
            else:
                answers.append(None)
        self.finish()
        return answers

    def _settle(self, queue: Queue, item: Settled) -> None:
        handle = Handle.of(item.handle, queue.name)
        held = self._one("held", handle.id, queue.name)
        if held is None:
            if item.visible is not None and not item.uncounted:
                raise InvalidParameterValue(
                    f"Value {item.handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for"
                    " visibility timeout change."
                )
            return
        lane, visible, received, token, size, _ = held
        current = token == handle.token
        if item.visible is None:
            if queue.fifo and (visible <= self.now or not current):
                raise InvalidParameterValue(
                    f"Value {item.handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
                )
            if current:
                self.remove(Place(handle.id, queue.name, lane, size))
            return
        if not item.late and (not current or visible <= self.now):
            raise MessageNotInflight
        if self.now + item.visible > received + LONGEST_VISIBILITY:
            raise InvalidParameterValue(
                f"Value {item.visible:g} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is"
                f" beyond the limit [{LONGEST_VISIBILITY} seconds]."
            )
        self._make_visible(handle.id, self.now + item.visible, uncounted=item.uncounted)
        self._touch(queue.name, lane)

    def _make_visible(self, number: int, at: float, *, uncounted: bool) -> None:
        if uncounted:
            self._do("give_back", number, at)
        else:
            self._do("set_visible", number, at, "")

    def extend(self, queue: Queue, handles: Sequence[str], seconds: float, holder: str) -> None:
        """Keep for *holder* what it holds for *seconds* more."""
        for text in handles:
            handle = Handle.of(text, queue.name)
            held = self._one("held", handle.id, queue.name)
            if held is not None and held[3] == handle.token:
                self._do("set_visible", handle.id, self.now + seconds, holder)
                self._touch(queue.name, held[0])
        self.finish()

    # --- removing and moving

    def expire(self, queue: Queue) -> int:
        """Remove some messages past their retention; how many."""
        found = self._all("old", queue.name, self.now - queue.retention, EXPIRE_AT_ONCE)
        for (number,) in found:
            row = self._stored(number)
            self.remove(row.place)
        self._do("forget_duplicates", self.now, EXPIRE_AT_ONCE)
        self.finish()
        return len(found)

    def purge(self, queue: str, upto: int) -> int:
        """Remove some messages with ids up to *upto*, held ones too; how many."""
        found = self._all("first", queue, upto, PURGE_AT_ONCE)
        for row in found:
            self.remove(Place(*row))
        self.finish()
        return len(found)

    def forget_duplicates(self, queue: str, upto: int) -> None:
        """Forget what deduplication remembers of messages with ids up to *upto*."""
        self._do("forget_queue_duplicates", queue, upto)

    def release_orphans(self) -> int:
        """Make visible what event source mappings of a dead instance held; how many."""
        count = 0
        while found := self._all("orphans", EXPIRE_AT_ONCE):
            for number, queue, lane in found:
                self._do("set_visible", number, self.now, "")
                self._touch(queue, lane)
            count += len(found)
        self.finish()
        return count

    def remove(self, at: Place) -> None:
        """Remove a message."""
        self._do("remove", at.id)
        self._do("remove_body", at.id)
        self._count(at.queue, -1, -at.size, 0)
        self._touch(at.queue, at.lane)

    def move(self, at: Place, to: str, lane: str) -> int:
        """Put a message at the end of another queue, at once visible there; its new number."""
        fresh = self.number()
        self._do("to_queue", at.id, fresh, to, self.now, at.queue, lane)
        self._do("body_to", at.id, fresh)
        self._count(at.queue, -1, -at.size, 0)
        self._count(to, 1, at.size, fresh)
        self._touch(at.queue, at.lane)
        self._touch(to, lane)
        return fresh

    def renew(self, number: int) -> None:
        """Make a moved message a new one: id, age and receives."""
        self._do("renewed", number, names.request_id(), self.now)
        self._do("renewed_body", number, self.wall)

    # --- at the end of a unit

    def finish(self) -> None:
        """Write down what changed beside the messages. To be called once at the end of a unit; again does no harm."""
        for queue, lane in sorted(self._lanes):
            self._mend_lane(queue, lane)
        self._lanes.clear()
        for queue, (messages, size, last) in self._tallies.items():
            self._do("tally", queue, messages, size, last, self.now, self.wall // 1000)
        self._tallies.clear()

    def _mend_lane(self, queue: str, lane: str) -> None:
        first = self._one("first_of_lane", queue, lane)
        if first is None:
            self._do("close_lane", queue, lane)
        else:
            self._do("set_lane", queue, lane, *first)

    def _touch(self, queue: str, lane: str) -> None:
        if lane:
            self._lanes.add((queue, lane))

    def _count(self, queue: str, messages: int, size: int, last: int) -> None:
        tally = self._tallies.setdefault(queue, [0, 0, 0])
        tally[0] += messages
        tally[1] += size
        tally[2] = max(tally[2], last)

    # --- statements

    def _stored(self, number: int) -> Stored:
        row = self._all("message", number)[0]
        return Stored(*row[:10], *((0, "", "", "", "{}", None, 0, "") if row[15] is None else row[10:]))

    def _do(self, name: str, *params: Any) -> None:
        self.connection.execute(SQL[name], params).fetchall()

    def _all(self, name: str, *params: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(SQL[name], params).fetchall()

    def _one(self, name: str, *params: Any) -> tuple[Any, ...] | None:
        return next(iter(self._all(name, *params)), None)

    def _first(self, name: str, *params: Any) -> float | None:
        found: float | None = self._all(name, *params)[0][0]
        return found
