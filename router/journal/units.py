"""What the SQLite journal does inside the store: units for the writer thread, each a handful of statements for a whole batch.

Blocking; a connection and facts in, facts out. *now* is the journal's time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import Any, Final, NamedTuple

import apsw
import orjson

from router.errors import EventNotFound, InvalidParameter, LeaseLost, RouterError
from router.journal import rows
from router.journal.ahead import PROMPT, Due, Waiting, shares
from router.journal.queries import SQL
from router.journal.rows import Accepted, Placed, Settled, Tally, json_text
from router.model import TERMINAL, Delivery, State

ROWS_AT_ONCE: Final = (64, 8, 1)  # one prepared statement for each
FORGET_AT_ONCE: Final = 100  # events; a unit holds up all others
ROW: Final = 500  # bytes that an event takes beside its payload and its error, its entries in indexes too: about


@dataclass(frozen=True, slots=True)
class Start:
    """What a journal finds when it opens."""

    last_id: int
    earliest: dict[str, float]  # function → when its first event is due


class Look(NamedTuple):
    """What to read ahead."""

    rooms: Mapping[str, int]  # functions in turn, and how many of each can start now
    taken: Mapping[str, frozenset[int]]  # ids that are not to be read again
    limit: int  # how many can start now
    spare: int  # how many more may be read


@dataclass(slots=True)
class Read:
    """What was read ahead."""

    looked: set[str] = field(default_factory=set)  # functions whose queue was looked at
    found: list[Waiting] = field(default_factory=list)  # of each function in the order in which they are due
    damaged: list[Delivery] = field(default_factory=list)  # buried instead
    earliest: dict[str, float] = field(default_factory=dict)  # function → when the first one is due that was not read; absent: none


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


def append(connection: apsw.Connection, batch: Sequence[Accepted], *, first: int, now: float) -> list[Placed | RouterError | None]:
    """Insert events under the ids from *first* on; where each stands, None: known already."""
    behind = _behind(connection, batch)
    placed = [Placed(first + n, None if n in behind else now) for n in range(len(batch))]  # the head of a shard is due
    before = connection.total_changes()
    _insert(connection, SQL["insert"], [_columns(place, item) for place, item in zip(placed, batch, strict=True)])
    if connection.total_changes() - before == len(batch):
        _complete(connection, placed, batch, now)
        return [*placed]
    present = {number for number, _ in _json(connection, "present", first=first, last=first + len(batch) - 1)}
    kept = [(place, item) for place, item in zip(placed, batch, strict=True) if place.id in present]
    _complete(connection, [place for place, _ in kept], [item for _, item in kept], now)
    _promote(connection, [place.id for place, item in kept if item.envelope.shard], now)  # the head may be one that is known
    due = dict(_json(connection, "present", first=first, last=first + len(batch) - 1))
    return [Placed(p.id, due[p.id]) if p.id in due else _refusal(connection, item) for p, item in zip(placed, batch, strict=True)]


def _behind(connection: apsw.Connection, batch: Sequence[Accepted]) -> set[int]:
    """Positions of the events that have an unfinished one of their shard before them, in the store or in the batch."""
    first: dict[tuple[str, str, str], int] = {}
    behind: set[int] = set()
    for position, item in enumerate(batch):
        it = item.envelope
        if it.shard and first.setdefault((it.function, it.source, it.shard), position) != position:
            behind.add(position)
    if first:
        heads = [*first.values()]
        behind.update(heads[n] for n in _json(connection, "busy", lanes=json_text([*first])))
    return behind


def _columns(place: Placed, item: Accepted) -> tuple[Any, ...]:
    it = item.envelope
    return (
        *(place.id, it.request_id, it.function, it.source, it.shard, it.sequencer, item.dedup, len(it.payload), item.created, place.due),
        *("queued", 0, 0, 0, "", it.trace, item.accepted),
    )


def _complete(connection: apsw.Connection, placed: Sequence[Placed], batch: Sequence[Accepted], now: float) -> None:
    """Insert the payloads and count the events."""
    payloads = [item.envelope.payload for item in batch]
    _insert(
        connection, SQL["insert_payloads"], [(p.id, payload, rows.checksum(payload)) for p, payload in zip(placed, payloads, strict=True)]
    )
    tally: Tally = {}
    for item in batch:
        rows.add(tally, item.envelope.function, State.QUEUED, 1)
    _count(connection, tally, now)


def _refusal(connection: apsw.Connection, item: Accepted) -> RouterError | None:
    """Why an event could not be inserted: it is known (None), or its id is taken by another."""
    if item.dedup is not None and connection.execute(SQL["is_known"], {"dedup": item.dedup}).get is not None:
        return None
    return InvalidParameter(f"an event with the id {item.envelope.request_id} exists already: every event needs its own")


def read_ahead(connection: apsw.Connection, look: Look, *, now: float, wall: float) -> Read:
    """Read due events that may start; nothing is changed but for events whose payload is damaged: those are buried."""
    wanted = look.limit + look.spare
    each = wanted // max(1, min(len(look.rooms), wanted)) + 2  # of a function, when all have as much: more than it gets then
    read, full = Read(), set[str]()
    lines: dict[str, list[Due]] = {}

    def line(function: str, limit: int) -> None:
        taken = look.taken.get(function, frozenset())
        found = [Due(*row) for row in _json(connection, "due", function=function, now=now + PROMPT, limit=limit + len(taken))]
        lines[function] = [due for due in found if due.id not in taken]
        read.looked.add(function)
        full.discard(function)
        read.earliest.pop(function, None)
        if len(found) == limit + len(taken):
            full.add(function)
            read.earliest[function] = found[-1].due

    some = 0  # lines that are not empty
    for function in sorted(
        look.rooms, key=lambda name: not look.rooms[name]
    ):  # those that can start first: others must not be in their way
        if some >= wanted:
            break
        line(function, each)
        some += bool(lines[function])
    chosen = shares(lines, look.rooms, look.limit, look.spare)
    fetched = set(chosen)
    if any(fetched.issuperset(lines[function]) for function in full):  # it would get more: others have less
        for function in [*full]:
            line(function, wanted)
        chosen = shares(lines, look.rooms, look.limit, look.spare)
        fetched = set(chosen)
    _fetch(connection, chosen, read, now=now, wall=wall)
    for function, found in lines.items():
        if rest := [due.due for due in found if due not in fetched]:
            read.earliest[function] = rest[0]
        elif function not in full and (later := _later(connection, function, now, read)) is not None:
            read.earliest[function] = later
    return read


def _later(connection: apsw.Connection, function: str, now: float, read: Read) -> float | None:
    """When a function's next event is due of which nothing is known yet."""
    if any(delivery.envelope.function == function for delivery in read.damaged):
        return now  # burying may have made the next of a shard due
    due: float | None = _rows(connection, "later", function=function, now=now + PROMPT)[0][0]
    return due


def _fetch(connection: apsw.Connection, chosen: Sequence[Due], read: Read, *, now: float, wall: float) -> None:
    if not chosen:
        return
    rows_by_id = {row[0]: row for row in _json(connection, "waiting", ids=json_text([due.id for due in chosen]))}
    for due in chosen:
        delivery, whole = rows.delivery(rows_by_id[due.id])
        if whole:
            read.found.append(Waiting(due.due, delivery))
        else:
            read.damaged.append(delivery)
    if read.damaged:
        buried = [Settled(d, State.DEAD, None, d.failures, d.throttles, wall, rows.DAMAGED, wall) for d in read.damaged]
        settle(connection, buried, now=now)


def settle(connection: apsw.Connection, batch: Sequence[Delivery | Settled], *, now: float) -> list[RouterError | float | None]:
    """Record what started (a Delivery) and what became of deliveries, in this order of calls. Give *now* where the next of a
    shard became due with it.

    LeaseLost for each settlement of an attempt that is no longer held. An attempt is held when the event runs under its
    number; or waits under the number before it: then its start was not recorded, and is now, together with its end."""
    ids = [item.id if isinstance(item, Delivery) else item.delivery.id for item in batch]
    standing = {number: (state, attempt) for number, state, attempt in _json(connection, "standing", ids=json_text(ids))}
    started: dict[int, Delivery] = {}
    good: list[Settled] = []
    answers: list[RouterError | float | None] = []
    tally: Tally = {}
    for item in batch:
        delivery = item if isinstance(item, Delivery) else item.delivery
        state = _held(standing.get(delivery.id), delivery)
        if state is None:
            answers.append(LeaseLost(f"event {delivery.envelope.request_id} is no longer held under attempt {delivery.attempt}"))
            continue
        answers.append(None)
        rows.add(tally, delivery.envelope.function, state, -1)
        if isinstance(item, Delivery):
            started[delivery.id] = delivery
            standing[delivery.id] = (State.RUNNING, delivery.attempt)
            rows.add(tally, delivery.envelope.function, State.RUNNING, 1)
        else:
            started.pop(delivery.id, None)
            standing.pop(delivery.id)  # a second settlement in this batch finds it gone
            good.append(item)
            rows.add(tally, delivery.envelope.function, item.state, 1)
    _record(connection, list(started.values()), good)
    for item in good:
        if item.beside is not None:
            item.beside(connection)
    _count(connection, tally, now)
    ended = [item.delivery.id for item in good if item.state in TERMINAL and item.delivery.envelope.shard]
    if _promote(connection, ended, now):
        return [answer if isinstance(answer, RouterError) else now for answer in answers]
    return answers


def _held(standing: tuple[str, int] | None, delivery: Delivery) -> State | None:
    """The state in which an event is held under the delivery's attempt; None when it is not."""
    waits = rows.waiting_state(delivery.failures)
    for state, attempt in ((State.RUNNING, delivery.attempt), (waits, delivery.attempt - 1)):
        if standing == (state, attempt):
            return state
    return None


def _record(connection: apsw.Connection, started: Sequence[Delivery], good: Sequence[Settled]) -> None:
    if started:
        connection.execute(SQL["start"], {"started": json_text([(d.id, d.attempt) for d in started])})
    if not good:
        return
    settled = [(i.delivery.id, i.state, i.due, i.failures, i.throttles, i.finished, i.error, i.delivery.attempt) for i in good]
    connection.execute(SQL["settle"], {"settled": json_text(settled)})
    if failed := [(i.delivery.id, i.delivery.attempt, i.at, i.error) for i in good if i.at is not None]:
        connection.execute(SQL["failed"], {"failed": json_text(failed)})
    if over := [item.delivery.id for item in good if not item.keep]:
        connection.execute(SQL["forget_payloads"], {"ids": json_text(over)})


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


def forget(connection: apsw.Connection, *, before: float, limit: int, worth: float, now: float) -> tuple[int, int]:
    """Remove up to *limit* events that finished before *before* (wall time), the first ones first, until they come to *worth* bytes;
    how many, and what they come to."""
    old = _json(connection, "old", before=before, limit=limit)
    sizes = [size + ROW for *_, size in old]
    count = rows.worth_up_to(sizes, worth)
    _remove(connection, [found for *found, _ in old[:count]], now)
    return count, sum(sizes[:count])


def purge(connection: apsw.Connection, *, ids: Sequence[str], now: float) -> int:
    """Remove dead and expired events by their request ids, all or none. Raises EventNotFound, InvalidParameter."""
    found = []
    for event_id in dict.fromkeys(ids):
        match _rows(connection, "exhausted", request_id=event_id):
            case []:
                raise EventNotFound(event_id)
            case [(_, _, (State.DEAD | State.EXPIRED)) as row]:
                found.append(row)
            case [(_, _, state)]:
                raise InvalidParameter(f"event {event_id} is {state}: only a dead or expired one can be purged")
    _remove(connection, found, now)
    return len(found)


def _remove(connection: apsw.Connection, gone: Sequence[Sequence[Any]], now: float) -> None:
    """Delete terminal events, given as (id, function, state)."""
    ids = {"ids": json_text([number for number, _, _ in gone])}
    for name in ("forget", "forget_payloads", "forget_attempts"):
        connection.execute(SQL[name], ids)
    tally: Tally = {}
    for _, function, state in gone:
        rows.add(tally, function, State(state), -1)
    _count(connection, tally, now)


def _rows(connection: apsw.Connection, name: str, **params: Any) -> list[tuple[Any, ...]]:
    return connection.execute(SQL[name], params).fetchall()


def _json(connection: apsw.Connection, name: str, **params: Any) -> Any:
    """The answer of a statement that gives one row of one JSON text."""
    return orjson.loads(_rows(connection, name, **params)[0][0])


def _promote(connection: apsw.Connection, numbers: Sequence[int], now: float) -> int:
    """Have the heads of these events' shards be due; how many were not."""
    if not numbers:
        return 0
    before = connection.total_changes()
    connection.execute(SQL["promote"], {"ids": json_text(numbers), "now": now})
    return connection.total_changes() - before


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
