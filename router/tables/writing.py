"""Changes of items within one transaction: the item, its place in every index, its expiry, the table's figures, the stream's record.

Runs in the writer's thread."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import apsw

from router import names
from router.items.conditions import holds
from router.items.errors import Refused
from router.items.keys import Place, check_indexed, indexed, place
from router.items.nodes import Action, Condition
from router.items.updates import takes_only, updated
from router.items.values import LARGEST, Item, item_size, parts, same
from router.tables import records
from router.tables.codec import decode, encode
from router.tables.queries import SQL
from router.tables.stored import Stored, label_of, not_found

FURTHEST: Final = 5 * 366 * 86400.0  # seconds: what expired longer ago than that is not removed, as in DynamoDB
_MARKS: Final = 2**62  # of records; drawn at random


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done to one item."""

    table: str
    key: Item
    kind: Literal["put", "update", "delete", "check"]
    item: Item = field(default_factory=dict)  # with put
    actions: tuple[Action, ...] = ()  # with update
    condition: Condition | None = None
    return_old: bool = False  # with the error of a condition that does not hold


class Done(NamedTuple):
    """What came of it."""

    old: Item | None
    new: Item | None


class ConditionFailed(Refused):
    """The condition does not hold. *old*: the item, when that was asked for."""

    def __init__(self, old: Item | None) -> None:
        members = {"Item": old} if old is not None else {}
        super().__init__("The conditional request failed", "ConditionalCheckFailedException", **members)
        self.old = old


class Work:
    """One transaction over some tables."""

    def __init__(self, connection: apsw.Connection, tables: Mapping[str, Stored], *, now: float, region: str, account: str) -> None:
        self._connection, self._tables, self._now = connection, tables, now
        self._region, self._account = region, account
        self.told: set[str] = set()  # tables whose streams have something new

    def table(self, name: str) -> Stored:
        """A table as it is at this moment. Raises Refused."""
        stored = self._tables.get(name)
        if stored is None:
            raise not_found()
        return stored

    def get(self, name: str, key: Item) -> Item | None:
        """An item."""
        stored = self.table(name)
        found = self._found(stored, place(stored.schema, key))
        return None if found is None else decode(found[2])

    def apply(self, change: Change) -> Done:
        """Do it. Raises ConditionFailed, Refused; then nothing has been done to it."""
        stored = self.table(change.table)
        where = place(stored.schema, change.key)
        found = self._found(stored, where)
        old = None if found is None else decode(found[2])
        if change.condition is not None and not holds(change.condition, old or {}):
            raise ConditionFailed(old if change.return_old else None)
        if change.kind == "check":
            return Done(old, old)
        new = self._result(change, old)
        self._store(stored, where, found, old, new, updating=change.kind == "update")
        return Done(old, new)

    def token(self, token: str, since: float) -> str:
        """The digest of the transaction that had this token *since*, in the tokens' time; "": none had."""
        return str(self._connection.execute(SQL["token"], (token, since)).get or "")

    def remember(self, token: str, digest: str, at: float) -> None:
        """A transaction with this token was done."""
        self._connection.execute(SQL["add_token"], (token, digest, at)).fetchall()

    def due(self, stored: Stored, *, low: int, high: int, most: int) -> list[Place]:
        """Where items lie that expire from *low* to *high*, epoch seconds."""
        rows: list[Any] = self._connection.execute(SQL["expired"], (stored.id, low, high, most)).fetchall()
        return [Place(*row) for row in rows]

    def expire(self, stored: Stored, where: Place) -> None:
        """Remove an item whose time has come; one that has been given more time since stays."""
        found = self._found(stored, where)
        if found is None:
            return
        old = decode(found[2])
        at = expiry(stored, old)
        if at is not None and at <= self._now:
            self._store(stored, where, found, old, None, expired=True)

    def _found(self, stored: Stored, where: Place) -> tuple[int, int, bytes] | None:
        rows: list[Any] = self._connection.execute(SQL["get"], (stored.id, where.hash, where.range)).fetchall()
        return rows[0] if rows else None

    def _result(self, change: Change, old: Item | None) -> Item | None:
        """The item as it is to be."""
        if change.kind == "delete":
            return None
        if change.kind == "put":
            return change.item
        new = updated(old if old is not None else change.key, change.actions)
        return None if old is None and takes_only(change.actions) else new

    def _store(
        self,
        stored: Stored,
        where: Place,
        found: tuple[int, int, bytes] | None,
        old: Item | None,
        new: Item | None,
        *,
        updating: bool = False,
        expired: bool = False,
    ) -> None:
        """Write an item or remove it, here and in the indexes. *updating*: by UpdateItem, which has words of its own."""
        if new is None and found is None:
            return
        if new is None:
            assert found is not None
            self._connection.execute(SQL["delete"], (found[0],)).fetchall()
            number, size = found[0], 0
        else:
            number, size = self._put(stored, where, found, new, updating=updating)
        self._enter(stored, where, number, old, new)
        more, before = (new is not None) - (found is not None), 0 if found is None else found[1]
        if more or size != before:
            self._connection.execute(SQL["count"], (more, size - before, stored.id)).fetchall()
        if stored.stream is not None:
            self._note(stored, old, new, expired=expired)

    def _put(self, stored: Stored, where: Place, found: tuple[int, int, bytes] | None, new: Item, *, updating: bool) -> tuple[int, int]:
        """Write an item; its row and its size."""
        size = item_size(new)
        if size > LARGEST:
            told = (
                "Item size to update has exceeded the maximum allowed size"
                if updating
                else "Item size has exceeded the maximum allowed size"
            )
            raise Refused(told)
        for name, index in stored.indexes.items():
            check_indexed(name, index.schema, new)
        at, data = expiry(stored, new), encode(new)
        if found is not None:
            self._connection.execute(SQL["replace"], (size, at, data, found[0])).fetchall()
            return found[0], size
        self._connection.execute(SQL["insert"], (stored.id, *where, size, at, data)).fetchall()
        return self._connection.last_insert_rowid(), size

    def _enter(self, stored: Stored, where: Place, number: int, old: Item | None, new: Item | None) -> None:
        """Move an item in the indexes."""
        for index in stored.indexes.values():
            before = place(index.schema, old) if old is not None and indexed(index.schema, old) else None
            after = place(index.schema, new) if new is not None and indexed(index.schema, new) else None
            if before is not None and before != after:
                self._connection.execute(SQL["leave"], (index.id, *before, *where)).fetchall()
            if after is not None and before != after:
                self._connection.execute(SQL["enter"], (index.id, *after, *where, number)).fetchall()

    def _note(self, stored: Stored, old: Item | None, new: Item | None, *, expired: bool) -> None:
        """Write the stream's record; none for a change that changes nothing."""
        if old is not None and new is not None and same({"M": old}, {"M": new}):
            return
        stream = stored.stream
        assert stream is not None
        mark = secrets.randbelow(_MARKS) + 1
        seq = self._connection.execute(SQL["next_seq"], (mark, stream.id)).get
        made = records.record(
            old,
            new,
            stored.schema,
            view=stream.view,
            seq=seq,
            at=self._now,
            event=records.event_id(stream.identity, seq, mark),
            region=self._region,
            arn=names.stream_arn(self._region, self._account, stored.definition.name, label_of(stream.made)),
            expired=expired,
        )
        self._connection.execute(SQL["add_record"], (stream.id, seq, self._now, mark, made)).fetchall()
        self.told.add(stored.definition.name)


def expiry(stored: Stored, item: Item) -> int | None:
    """When an item expires, epoch seconds; None: never."""
    value = item.get(stored.definition.ttl) if stored.definition.ttl else None
    if value is None or "N" not in value:
        return None
    whole = parts(value)[1].partition(".")[0]
    return int(whole) if len(whole) <= 18 and whole not in ("", "-", "-0") else None


def transact(work: Work, changes: Sequence[Change]) -> list[Done]:
    """All of them or none. Raises Refused with a reason for each when one cannot be done."""
    done: list[Done] = []
    reasons: list[dict[str, object]] = []
    for change in changes:
        try:
            done.append(work.apply(change))
        except ConditionFailed as error:
            reason: dict[str, object] = {"Code": "ConditionalCheckFailed", "Message": str(error)}
            reasons.append(reason | ({"Item": error.old} if error.old is not None else {}))
        except Refused as error:
            if error.code != "ValidationException":
                raise
            reasons.append({"Code": "ValidationError", "Message": str(error)})
        else:
            reasons.append({"Code": "None"})
    if len(done) < len(changes):
        codes = ", ".join(str(reason["Code"]) for reason in reasons)
        raise Refused(
            f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
            "TransactionCanceledException",
            CancellationReasons=reasons,
        )
    return done
