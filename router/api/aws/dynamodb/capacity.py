"""Capacity units that a request would consume in AWS: told when asked for, never enforced.

Source: DynamoDB developer guide, "Read and write operations": 4 KB a read unit, half of one when eventually consistent, 1 KB a write
unit; transactions take twice as many. "Provisioned throughput considerations" for indexes: entries count as large as they are there, two
are written when an item moves, none when it has nothing new for the index."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from router.api.aws.dynamodb.reading import CAPACITY, choice
from router.api.aws.service import Members
from router.items.keys import indexed, place
from router.items.values import Item, item_size, same
from router.tables.reading import shown
from router.tables.stored import Stored, StoredIndex
from router.tables.writing import Done


def wanted(members: Members) -> str:
    """How much is to be told: INDEXES, TOTAL, NONE. Raises Refused."""
    return choice(members, "ReturnConsumedCapacity", CAPACITY, "NONE")


def read_units(size: int, *, consistent: bool) -> float:
    """Of so many bytes; nothing found is one item of no size."""
    units = max(1, -(-size // 4096))
    return float(units) if consistent else units / 2


def write_units(size: int) -> float:
    """Of an item of so many bytes."""
    return float(max(1, -(-size // 1024)))


class Consumed:
    """What one table was asked for."""

    def __init__(self, stored: Stored) -> None:
        self._stored, self._table, self._indexes = stored, 0.0, Counter[str]()

    def read(self, size: int, *, consistent: bool, index: str = "", times: int = 1) -> None:
        """So many bytes were read, of an index when it is named."""
        units = times * read_units(size, consistent=consistent)
        if index:
            self._indexes[index] += units  # type: ignore[assignment]  # halves too
        else:
            self._table += units

    def wrote(self, done: Done, *, times: int = 1) -> None:
        """An item was changed."""
        size = max(item_size(done.old or {}), item_size(done.new or {}))
        self._table += times * write_units(size)
        for name, index in self._stored.indexes.items():
            for entry in _entries(self._stored, index, done):
                self._indexes[name] += times * write_units(entry)  # type: ignore[assignment]

    def told(self, how: str) -> dict[str, Any]:
        """One ConsumedCapacity."""
        made: dict[str, Any] = {"TableName": self._stored.definition.name, "CapacityUnits": self._table + sum(self._indexes.values())}
        if how != "INDEXES":
            return made
        made["Table"] = {"CapacityUnits": self._table}
        for local, member in ((True, "LocalSecondaryIndexes"), (False, "GlobalSecondaryIndexes")):
            units = {name: {"CapacityUnits": float(units)} for name, units in self._indexes.items() if self._is_local(name) == local}
            if units:
                made[member] = units
        return made

    def _is_local(self, name: str) -> bool:
        index = self._stored.indexes.get(name)
        return index is not None and index.definition.local


def _entries(stored: Stored, index: StoredIndex, done: Done) -> Iterator[int]:
    """How large what was written into an index is, and what was removed: none when it has of the item what it had."""
    both = [shown(stored, index, item) for item in (done.old, done.new) if item is not None and indexed(index.schema, item)]
    if len(both) == 2 and place(index.schema, both[0]) == place(index.schema, both[1]):
        if not same({"M": both[0]}, {"M": both[1]}):
            yield max(map(item_size, both))
    else:
        yield from map(item_size, both)


def collection(stored: Stored, members: Members, key: Item) -> dict[str, Any]:
    """ItemCollectionMetrics when asked for, of a table that has local indexes: sizes are not kept, so the range is the widest."""
    if choice(members, "ReturnItemCollectionMetrics", ("SIZE", "NONE"), "NONE") == "NONE":
        return {}
    if not any(index.definition.local for index in stored.indexes.values()):
        return {}
    name = stored.schema.hash.name
    return {"ItemCollectionMetrics": {"ItemCollectionKey": {name: key[name]}, "SizeEstimateRangeGB": [0.0, 10.0]}}


def told(consumed: Iterable[Consumed], how: str) -> dict[str, Any]:
    """The member of an answer about several tables."""
    return {} if how == "NONE" else {"ConsumedCapacity": [one.told(how) for one in consumed]}
