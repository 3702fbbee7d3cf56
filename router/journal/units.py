"""What the SQLite journal does inside the store: units for the writer thread, each a handful of statements for a whole batch.

Blocking; a connection and facts in, facts out. *now* is the journal's time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import Any, Final

import apsw
import orjson

from router.errors import EventNotFound, InvalidParameter, LeaseLost, RouterError
from router.journal import rows
from router.journal.queries import SQL
from router.journal.rows import Accepted, Settled, Tally, json_text
from router.journal.turns import in_turn
from router.model import TERMINAL, Delivery, State

ROWS_AT_ONCE: Final = (64, 8, 1)  # one prepared statement for each
LEASE_BYTES: Final = 16 * 1024 * 1024  # of payload in one lease, but for a single one that is larger
PROMPT: Final = 0.001  # seconds that a due time may be ahead: epoch seconds as floats are not exact
FORGET_AT_ONCE: Final = 100  # events; a unit holds up all others


@dataclass(frozen=True, slots=True)
class Start:
    """What a journal finds when it opens."""

    last_id: int
    earliest: dict[str, float]  # function → when its first event is due


@dataclass(slots=True)
class Taken:
    """What a lease came to."""

    deliveries: list[Delivery] = field(default_factory=list)
    damaged: list[Delivery] = field(default_factory=list)  # buried instead
    earliest: dict[str, float] = field(default_factory=dict)  # of the functions that were asked: when the next one is due


def last_time(connection: apsw.Connection) -> float:
    """The journal's time when anything changed last; 0.0 when nothing ever did."""
    return float(_rows(connection, "latest")[0][1])


def recover(connection: apsw.Connection, now: float) -> Start:
    """Queue at once what a dead instance ran; say where to go on."""
    tally: Tally = {}
    for function, state, count in _rows(connection, "orphans"):
        rows.add(tally, function, State(state), count)
        rows.add(tally, function, State.RUNNING, -count)
    if tally:
        connection.execute(SQL["requeue"], {"now": now})
        _count(connection, tally, now)
    functions = _json(connection, "known_functions")
    last_id = _rows(connection, "latest")[0][0]
    return Start(last_id, earliest(connection, functions))


def earliest(connection: apsw.Connection, functions: Sequence[str]) -> dict[str, float]:
    """When the first event of each function is due; functions without one are left out."""
    found = _json(connection, "earliest", functions=json_text(functions))
    return {function: due for function, due in found if due is not None}


def append(connection: apsw.Connection, batch: Sequence[Accepted], *, first: int, now: float) -> list[bool | RouterError]:
    """Insert events under the ids from *first* on. True: accepted; False: known already."""
    numbered = list(enumerate(batch, first))
    before = connection.total_changes()
    _insert(connection, SQL["insert"], [_columns(number, item, now) for number, item in numbered])
    if connection.total_changes() - before == len(batch):
        present = None
    else:
        present = set(_json(connection, "present", first=first, last=first + len(batch) - 1))
        numbered = [(number, item) for number, item in numbered if number in present]
    _insert(connection, SQL["insert_payloads"], [(n, i.envelope.payload, rows.checksum(i.envelope.payload)) for n, i in numbered])
    _promote(connection, [number for number, item in numbered if item.envelope.shard], now)
    tally: Tally = {}
    for _, item in numbered:
        rows.add(tally, item.envelope.function, State.QUEUED, 1)
    _count(connection, tally, now)
    if present is None:
        return [True] * len(batch)
    return [True if number in present else _refusal(connection, item) for number, item in enumerate(batch, first)]


def _columns(number: int, item: Accepted, now: float) -> tuple[Any, ...]:
    it = item.envelope
    due = None if it.shard else now  # the head of a shard is promoted
    return (
        *(number, it.request_id, it.function, it.source, it.shard, it.sequencer, item.dedup, len(it.payload), item.created, due),
        *("queued", 0, 0, 0, ""),
    )


def _refusal(connection: apsw.Connection, item: Accepted) -> bool | RouterError:
    """Why an event could not be inserted: it is known (False), or its id is taken by another."""
    if item.dedup is not None and connection.execute(SQL["is_known"], {"dedup": item.dedup}).get is not None:
        return False
    return InvalidParameter(f"an event with the id {item.envelope.request_id} exists already: every event needs its own")


def take(connection: apsw.Connection, rooms: Sequence[tuple[str, int]], limit: int, *, now: float, wall: float) -> Taken:
    """Start up to *limit* due events, the functions in turn and of each as many as it has room for."""
    lines = []
    for function, room in rooms:
        if line := _json(connection, "due", function=function, now=now + PROMPT, limit=min(room, limit)):
            lines.append(line)
        if len(lines) == limit:
            break
    taken = Taken()
    if chosen := in_turn(lines, limit):
        _start(connection, chosen, taken, now=now, wall=wall)
    taken.earliest = earliest(connection, [function for function, _ in rooms])
    return taken


def _start(connection: apsw.Connection, chosen: list[int], taken: Taken, *, now: float, wall: float) -> None:
    facts = {n: (size, State(state)) for n, size, state in _json(connection, "sizes", ids=json_text(chosen))}
    chosen = _within(chosen, {number: size for number, (size, _) in facts.items()})
    connection.execute(SQL["start"], {"ids": json_text(chosen)})
    taken.deliveries, taken.damaged = rows.deliveries(_json(connection, "started", ids=json_text(chosen)), chosen)
    tally: Tally = {}
    for delivery in chain(taken.deliveries, taken.damaged):
        rows.add(tally, delivery.envelope.function, facts[delivery.id][1], -1)
        rows.add(tally, delivery.envelope.function, State.RUNNING, 1)
    _count(connection, tally, now)
    if taken.damaged:
        buried = [Settled(d, State.DEAD, None, d.failures, d.throttles, wall, rows.DAMAGED, wall) for d in taken.damaged]
        settle(connection, buried, now=now)


def _within(chosen: Sequence[int], sizes: dict[int, int]) -> list[int]:
    """The first of the chosen that fit into LEASE_BYTES, one at least."""
    fitting: list[int] = []
    total = 0
    for number in chosen:
        total += sizes[number]
        if fitting and total > LEASE_BYTES:
            break
        fitting.append(number)
    return fitting


def settle(connection: apsw.Connection, batch: Sequence[Settled], *, now: float) -> list[RouterError | None]:
    """Record what became of deliveries; LeaseLost for each that is no longer held under its attempt number."""
    free = set(_json(connection, "held", held=json_text([(item.delivery.id, item.delivery.attempt) for item in batch])))
    good: list[Settled] = []
    answers: list[RouterError | None] = []
    for item in batch:
        if item.delivery.id in free:
            free.remove(item.delivery.id)  # a second settlement in this batch finds it gone
            good.append(item)
            answers.append(None)
        else:
            answers.append(LeaseLost(f"event {item.delivery.envelope.request_id} is no longer held under attempt {item.delivery.attempt}"))
    if good:
        _record(connection, good, now)
    return answers


def _record(connection: apsw.Connection, good: Sequence[Settled], now: float) -> None:
    settled = [(i.delivery.id, i.state, i.due, i.failures, i.throttles, i.finished, i.error) for i in good]
    connection.execute(SQL["settle"], {"settled": json_text(settled)})
    if failed := [(i.delivery.id, i.delivery.attempt, i.at, i.error) for i in good if i.at is not None]:
        connection.execute(SQL["failed"], {"failed": json_text(failed)})
    _promote(connection, [i.delivery.id for i in good if i.state in TERMINAL and i.delivery.envelope.shard], now)
    tally: Tally = {}
    for item in good:
        rows.add(tally, item.delivery.envelope.function, State.RUNNING, -1)
        rows.add(tally, item.delivery.envelope.function, item.state, 1)
    _count(connection, tally, now)


def redrive(connection: apsw.Connection, event_id: str, *, number: int, now: float, wall: float) -> str:
    """Queue a dead or expired event again as the newest, under a new *number*; give its function."""
    found = _rows(connection, "exhausted", request_id=event_id)
    if not found:
        raise EventNotFound(event_id)
    old, function, state = found[0]
    if state not in {State.DEAD, State.EXPIRED}:
        raise InvalidParameter(f"event {event_id} is {state}: only a dead or expired one can be redriven")
    connection.execute(SQL["redrive"], {"new": number, "old": old, "now": now, "created": wall})
    connection.execute(SQL["redrive_payload"], {"new": number, "old": old})
    connection.execute(SQL["redrive_attempts"], {"new": number, "old": old})
    _promote(connection, [number], now)
    tally: Tally = {}
    rows.add(tally, function, State(state), -1)
    rows.add(tally, function, State.QUEUED, 1)
    _count(connection, tally, now)
    return str(function)


def forget(connection: apsw.Connection, *, before: float, limit: int, now: float) -> int:
    """Remove up to *limit* events that finished before *before* (wall time), the first ones first."""
    old = _json(connection, "old", before=before, limit=limit)
    ids = {"ids": json_text([number for number, _, _ in old])}
    for name in ("forget", "forget_payloads", "forget_attempts"):
        connection.execute(SQL[name], ids)
    tally: Tally = {}
    for _, function, state in old:
        rows.add(tally, function, State(state), -1)
    _count(connection, tally, now)
    return len(old)


def _rows(connection: apsw.Connection, name: str, **params: Any) -> list[tuple[Any, ...]]:
    return connection.execute(SQL[name], params).fetchall()


def _json(connection: apsw.Connection, name: str, **params: Any) -> Any:
    """The answer of a statement that gives one row of one JSON text."""
    return orjson.loads(_rows(connection, name, **params)[0][0])


def _promote(connection: apsw.Connection, numbers: Sequence[int], now: float) -> None:
    if numbers:
        connection.execute(SQL["promote"], {"ids": json_text(numbers), "now": now})


def _count(connection: apsw.Connection, tally: Tally, now: float) -> None:
    if tally:
        connection.execute(SQL["tally"], {"changes": rows.tally_json(tally), "now": now})


def _insert(connection: apsw.Connection, statement: str, values: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows, as many as possible at once."""
    done = 0
    for size in ROWS_AT_ONCE:
        while len(values) - done >= size:
            connection.execute(_many(statement, size, len(values[0])), tuple(chain.from_iterable(values[done : done + size])))
            done += size


@cache
def _many(statement: str, rows_at_once: int, columns: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return statement.replace("{rows}", ", ".join([row] * rows_at_once))
