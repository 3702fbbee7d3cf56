"""Move tasks: the way back out of a dead-letter queue, a little at a time, across restarts.

Source: Amazon SQS API reference, StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask. A moved message is a new
one: its id, its age and its count of receives begin anew. Messages in flight stay, as do those that come after the start."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

import apsw
import structlog

from router import names
from router.clock import Clock
from router.events.sqs_errors import InvalidParameterValue, ResourceNotFoundException
from router.journal.database import Row
from router.queues.queries import SQL
from router.queues.rows import Place
from router.queues.store import Queues

log = structlog.get_logger("router.queues")

RATE: Final = 500  # messages a second, and the most that may be asked for
AT_ONCE: Final = 100  # messages moved in one unit
KEPT: Final = 14 * 86400.0  # seconds that an ended task is remembered


class Task(NamedTuple):
    """A task at work."""

    id: str
    source: str
    destination: str  # "": each message to the queue that gave up on it
    rate: int
    upto: int  # newest message to move


class Moves:
    """The move tasks of a daemon."""

    def __init__(self, queues: Queues, clock: Clock) -> None:
        self._queues, self._clock = queues, clock
        self.on_start: Callable[[], None] = lambda: None  # called when there is work for step()

    async def start(self, source: str, destination: str = "", *, rate: int = RATE) -> str:
        """Begin to move what is in *source* now; the task's id. Raises a QueueError when it cannot be done."""
        queue = self._queues.of(source)
        if not 1 <= rate <= RATE:
            raise InvalidParameterValue(
                f"Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: must be between 1 and {RATE}."
            )
        if destination and self._queues.of(destination).fifo != queue.fifo:
            raise InvalidParameterValue("Source and destination must both be standard queues or both be FIFO queues.")
        if destination == source:
            raise InvalidParameterValue("Source and destination must be different queues.")
        if not destination and not self._queues.sources_of(source):
            raise InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.")
        wanted = (await self._queues.count(source)).messages
        task, started, upto = names.request_id(), int(self._clock.now() * 1000), self._queues.newest

        def unit(connection: apsw.Connection) -> None:
            if any(running[1] == source for running in connection.execute(SQL["running_moves"])):
                raise InvalidParameterValue(
                    "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
                )
            connection.execute(SQL["forget_moves"], ((self._clock.now() - KEPT) * 1000,)).fetchall()
            connection.execute(SQL["start_move"], (task, source, destination, rate, wanted, upto, started)).fetchall()

        await self._queues.transact(unit, lambda _: self.on_start())
        return task

    async def cancel(self, task: str) -> int:
        """End a running task; how many messages it has moved. Raises ResourceNotFoundException."""

        def unit(connection: apsw.Connection) -> int:
            found: list[Row] = connection.execute(SQL["moves"], ("",)).fetchall()
            for number, _, _, _, state, moved, *_ in found:
                if (number, state) == (task, "RUNNING"):
                    connection.execute(SQL["end_move"], (task, "CANCELLED", "")).fetchall()
                    return int(moved)
            raise ResourceNotFoundException("The move task is not there or has ended.")

        return await self._queues.transact(unit, lambda _: None)

    async def list(self, source: str = "") -> list[dict[str, Any]]:
        """Tasks, newest first; *started* is epoch milliseconds."""
        rows = await self._queues.read(SQL["moves"], source)
        keys = ("id", "source", "destination", "rate", "state", "moved", "wanted", "upto", "started", "failure")
        return [dict(zip(keys, row, strict=True)) for row in rows]

    async def step(self) -> float | None:
        """Move some messages of every task; seconds until the next step, None when no task runs."""
        tasks = [Task(*row) for row in await self._queues.read(SQL["running_moves"])]
        pauses = [await self._step(task) for task in tasks]
        return min((pause for pause in pauses if pause is not None), default=None)

    async def _step(self, task: Task) -> float | None:
        """One second's worth of *task*, AT_ONCE messages at most."""
        limit = min(AT_ONCE, task.rate)
        touched: set[str] = set()
        moved = await self._queues.transact(partial(self._unit, task=task, limit=limit, touched=touched), lambda _: None)
        for name in touched:
            self._queues.ring(name)
        if moved < limit:
            log.info("messages_redriven", queue=task.source, task=task.id)
            return None
        return limit / task.rate

    def _unit(self, connection: apsw.Connection, *, task: Task, limit: int, touched: set[str]) -> int:
        """Move up to *limit* messages and count them in the same commit; the last one ends the task."""
        if all(running[0] != task.id for running in connection.execute(SQL["running_moves"])):
            return 0  # cancelled meanwhile
        work = self._queues.work(connection)
        needs_source = "" if task.destination else "yes"
        found: list[Row] = connection.execute(SQL["movable"], (task.source, task.upto, work.now, needs_source, limit)).fetchall()
        moved, failure = 0, ""
        for number, origin in found:
            target = task.destination or origin
            if target not in self._queues.settings:
                failure = f"the config has no queue {target}"
                break
            held: list[Row] = connection.execute(SQL["held"], (number, task.source)).fetchall()
            lane, _, _, _, size, _ = held[0]
            fresh = work.move(Place(number, task.source, lane, size), target, lane)
            work.renew(fresh)
            touched.add(target)
            moved += 1
        work.finish()
        connection.execute(SQL["count_move"], (task.id, moved)).fetchall()
        if moved < limit:
            connection.execute(SQL["end_move"], (task.id, "FAILED" if failure else "COMPLETED", failure)).fetchall()
        return moved
