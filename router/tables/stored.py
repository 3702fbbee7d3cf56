"""What is stored of a table, as it is known in memory; and where things stand in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from router import names
from router.config.types import Index, ItemTable, KeyName, View
from router.items.errors import Refused
from router.items.keys import Attribute, Schema


@dataclass(frozen=True, slots=True)
class StoredIndex:
    """One index of a table."""

    id: int
    schema: Schema
    definition: Index
    ready: bool = True  # every item that belongs into it is in it


@dataclass(frozen=True, slots=True)
class StoredStream:
    """The stream that changes of a table go to."""

    id: int
    identity: str
    view: View
    made: float  # epoch seconds


@dataclass(frozen=True, slots=True)
class Stored:
    """One table."""

    id: int
    definition: ItemTable
    schema: Schema
    uuid: str
    made: float  # epoch seconds
    indexes: Mapping[str, StoredIndex] = field(default_factory=dict)
    stream: StoredStream | None = None
    dated: bool = True  # every item's expiry is known
    wrong: str = ""  # why it is not served

    @property
    def whole(self) -> bool:
        """Whether nothing is left to be filled."""
        return self.dated and all(index.ready for index in self.indexes.values())

    def index(self, name: str) -> StoredIndex:
        """One of its indexes. Raises Refused."""
        found = self.indexes.get(name)
        if found is None:
            raise Refused(f"The table does not have the specified index: {name}")
        return found


class StreamRow(NamedTuple):
    """A stream, also one that has ended."""

    id: int
    table: str
    identity: str
    view: View
    keys: str  # JSON [[name, type], …]
    made: float
    ended: float | None
    last: int  # number of the newest record there ever was; 0: none
    mark: int  # and its mark

    @property
    def label(self) -> str:
        """When it was made, 2016-12-01T00:00:00.000."""
        return label_of(self.made)

    @property
    def shard(self) -> str:
        """The id of its only shard."""
        return shard_of(self.made, self.identity)


def label_of(made: float) -> str:
    """The label of a stream made then."""
    return names.iso_ms(made).removesuffix("Z")


def shard_of(made: float, identity: str) -> str:
    """The id of a stream's only shard."""
    return f"shardId-{round(made * 1000):020d}-{identity[:8]}"


def schema_of(hash_key: KeyName, range_key: KeyName | None) -> Schema:
    """A key as items have it."""
    return Schema(Attribute(*hash_key), None if range_key is None else Attribute(*range_key))


def not_found(name: str = "") -> Refused:
    """There is no such table."""
    told = f": Table: {name} not found" if name else ""
    return Refused(f"Requested resource not found{told}", "ResourceNotFoundException")
