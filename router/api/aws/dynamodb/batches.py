"""DynamoDB's operations on several items: batches, which are many requests in one, and transactions, which are one.

Limits: DynamoDB API reference, the operations of these names."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from router.api.aws.dynamodb import capacity, items
from router.api.aws.dynamodb.capacity import Consumed
from router.api.aws.dynamodb.expressions import Expressions
from router.api.aws.dynamodb.reading import mapping, named, structures, text, truth
from router.api.aws.service import Call, Members
from router.items.errors import Refused
from router.items.keys import Place, place, read_key
from router.items.nodes import Steps
from router.items.paths import projected
from router.items.values import Item, item_size
from router.tables.store import Tables
from router.tables.stored import Stored
from router.tables.writing import Change

MOST_READ: Final = 100  # items of a batch
MOST_WRITTEN: Final = 25
MOST_TRANSACTED: Final = 100
LARGEST_READ: Final = 16 * 1024 * 1024  # bytes of items in an answer
LARGEST_TRANSACTION: Final = 4 * 1024 * 1024
LONGEST_TOKEN: Final = 36

_WRITES: Final = {"ConditionCheck": items.check, "Put": items.put, "Delete": items.delete, "Update": items.update}


class Batches:
    """BatchGetItem, BatchWriteItem, TransactGetItems, TransactWriteItems."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    # -- batches

    async def get(self, call: Call) -> Members:
        """BatchGetItem; what does not fit into an answer is in UnprocessedKeys."""
        asked = _asked(call.parameters)
        how = capacity.wanted(call.parameters)
        await self._tables.settled()
        wanted = {name: self._read_wanted(name, keys) for name, keys in asked.items()}
        if sum(len(keys) for _, keys, _ in wanted.values()) > MOST_READ:
            raise Refused("Too many items requested for the BatchGetItem call")
        flat = [(name, stored, key) for name, (stored, keys, _) in wanted.items() for key in keys]
        _refuse_doubles([(stored, key) for _, stored, key in flat], "Provided list of item keys contains duplicates")
        found = await self._tables.items([(stored.definition.name, key) for _, stored, key in flat])
        return _batch_answer(asked, wanted, zip(flat, found, strict=True), how)

    def _read_wanted(self, name: str, given: Any) -> tuple[Stored, list[Item], tuple[Steps, ...]]:
        """The table, keys and paths of one table of a BatchGetItem."""
        if not isinstance(given, Mapping):
            raise Refused("Start of structure or map expected", "SerializationException")
        expressions = Expressions(given)
        paths = expressions.projection()
        expressions.finish()
        stored = self._tables.get(named(name))
        expressions.refuse_inner(stored)
        return stored, [read_key(stored.schema, key) for key in _keys(name, given)], paths

    async def write(self, call: Call) -> Members:
        """BatchWriteItem; all of it is written, in one commit."""
        asked = _asked(call.parameters)
        how = capacity.wanted(call.parameters)
        requests = {name: _requests(asked, name) for name in asked}
        await self._tables.settled()
        changes = [change for name, wanted in requests.items() for change in self._writes(named(name), wanted)]
        if len(changes) > MOST_WRITTEN:
            raise Refused("Too many items requested for the BatchWriteItem call")
        stored = {change.table: self._tables.get(change.table) for change in changes}
        _refuse_doubles([(stored[change.table], change.key) for change in changes], "Provided list of item keys contains duplicates")
        done = await self._tables.change_each(changes)
        consumed = {name: Consumed(one) for name, one in stored.items()}
        for change, one in zip(changes, done, strict=True):
            consumed[change.table].wrote(one)
        return {"UnprocessedItems": {}, **capacity.told(consumed.values(), how), **self._collections(call.parameters, changes)}

    def _writes(self, name: str, requests: list[Mapping[str, Any]]) -> Iterator[Change]:
        stored = self._tables.get(name)
        for request in requests:
            kinds = [kind for kind in ("PutRequest", "DeleteRequest") if request.get(kind) is not None]
            if len(kinds) != 1:
                raise Refused("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")  # fmt: skip
            inner = mapping(request, kinds[0])
            if kinds[0] == "PutRequest":
                yield items.put_plain(stored, inner.get("Item"))
            else:
                yield items.delete(stored, {"Key": inner.get("Key")})

    def _collections(self, members: Members, changes: list[Change]) -> dict[str, Any]:
        found: dict[str, list[Any]] = {}
        for change in changes:
            told = capacity.collection(self._tables.get(change.table), members, change.key)
            if told:
                found.setdefault(change.table, []).append(told["ItemCollectionMetrics"])
        return {"ItemCollectionMetrics": found} if found else {}

    # -- transactions

    async def transact_get(self, call: Call) -> Members:
        """TransactGetItems."""
        how = capacity.wanted(call.parameters)
        await self._tables.settled()
        gets = [self._get(one) for one in _transaction(call.parameters)]
        _refuse_doubles([(stored, key) for stored, key, _ in gets], "Transaction request cannot include multiple operations on one item")
        found = await self._tables.items([(stored.definition.name, key) for stored, key, _ in gets])
        consumed: dict[str, Consumed] = {}
        answers = []
        for (stored, _, paths), item in zip(gets, found, strict=True):
            answers.append({} if item is None else {"Item": projected(item, paths) if paths else item})
            consumed.setdefault(stored.definition.name, Consumed(stored)).read(item_size(item or {}), consistent=True, times=2)
        return {"Responses": answers, **capacity.told(consumed.values(), how)}

    def _get(self, one: Mapping[str, Any]) -> tuple[Stored, Item, tuple[Steps, ...]]:
        if set(one) != {"Get"}:
            raise Refused("TransactItems can only contain Get")
        get = mapping(one, "Get")
        expressions = Expressions(get)
        paths = expressions.projection()
        expressions.finish()
        stored = self._tables.get(named(text(get, "TableName")))
        expressions.refuse_inner(stored)
        return stored, read_key(stored.schema, get.get("Key")), paths

    async def transact_write(self, call: Call) -> Members:
        """TransactWriteItems: all or nothing, once for a token within ten minutes."""
        members = call.parameters
        how, token = capacity.wanted(members), text(members, "ClientRequestToken", "")
        if len(token) > LONGEST_TOKEN:
            raise Refused(
                f"1 validation error detected: Value '{token}' at 'clientRequestToken' failed to satisfy constraint:"
                f" Member must have length less than or equal to {LONGEST_TOKEN}"
            )
        await self._tables.settled()
        changes = [self._change(one) for one in _transaction(members)]
        stored = {change.table: self._tables.get(change.table) for change in changes}
        _refuse_doubles(
            [(stored[change.table], change.key) for change in changes], "Transaction request cannot include multiple operations on one item"
        )
        if sum(item_size(change.item or change.key) for change in changes) > LARGEST_TRANSACTION:
            raise Refused("Transaction request size cannot exceed 4 MB")
        request = json.dumps(members["TransactItems"], default=_spelled, sort_keys=True).encode()
        # a token is one caller's: another's that happens to be the same is another transaction
        done = await self._tables.transact(changes, f"{call.caller.principal.arn}|{token}" if token else "", request)
        consumed = {name: Consumed(one) for name, one in stored.items()}
        for change, one in zip(changes, done or (), strict=done is not None):
            consumed[change.table].wrote(one, times=2)
        return {**capacity.told(consumed.values(), how), **self._collections(members, changes)}

    def _change(self, one: Mapping[str, Any]) -> Change:
        kinds = [kind for kind in one if one[kind] is not None]
        if len(kinds) != 1 or kinds[0] not in _WRITES:
            raise Refused("TransactItems can only contain one of Check, Put, Update or Delete")
        inner = mapping(one, kinds[0])
        return _WRITES[kinds[0]](self._tables.get(named(text(inner, "TableName"))), inner)


def _asked(members: Members) -> Mapping[str, Any]:
    """What a batch asks of each table."""
    return mapping(members, "RequestItems") or _refuse_length("{}", "", "Member must have length greater than or equal to 1")


def _keys(name: str, given: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a batch reads of a table."""
    keys = structures(given, "Keys")
    if not keys:
        _refuse_length("[]", f".{name}.member.keys", "Member must have length greater than or equal to 1")
    if len(keys) > MOST_READ:
        _refuse_length(f"[{len(keys)} keys]", f".{name}.member.keys", f"Member must have length less than or equal to {MOST_READ}")
    return keys


def _requests(asked: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """What a batch writes to a table."""
    requests = structures(asked, name)
    if not 1 <= len(requests) <= MOST_WRITTEN:
        bounds = f"Member must have length less than or equal to {MOST_WRITTEN}, Member must have length greater than or equal to 1"
        _refuse_length(f"{{{name}=[{len(requests)} requests]}}", "", f"Map value must satisfy constraint: [{bounds}]")
    return requests


def _refuse_length(value: str, path: str, told: str) -> NoReturn:
    raise Refused(f"1 validation error detected: Value '{value}' at 'requestItems{path}' failed to satisfy constraint: {told}")


def _batch_answer(asked: Mapping[str, Any], wanted: Mapping[str, Any], found: Any, how: str) -> Members:
    answers: dict[str, list[Item]] = {name: [] for name in wanted}
    left: dict[str, list[Item]] = {}
    consumed = {name: Consumed(stored) for name, (stored, _, _) in wanted.items()}
    total = 0
    for (name, _, key), item in found:
        total += item_size(item or {})
        if total > LARGEST_READ:
            left.setdefault(name, []).append(key)
            continue
        consumed[name].read(item_size(item or {}), consistent=truth(asked[name], "ConsistentRead"))
        if item is not None:
            paths = wanted[name][2]
            answers[name].append(projected(item, paths) if paths else item)
    unprocessed = {name: {**asked[name], "Keys": keys} for name, keys in left.items()}
    return {"Responses": answers, "UnprocessedKeys": unprocessed, **capacity.told(consumed.values(), how)}


def _transaction(members: Members) -> list[Mapping[str, Any]]:
    given = structures(members, "TransactItems")
    if not 1 <= len(given) <= MOST_TRANSACTED:
        bound = "greater than or equal to 1" if not given else f"less than or equal to {MOST_TRANSACTED}"
        raise Refused(
            f"1 validation error detected: Value '[{len(given)} items]' at 'transactItems' failed to satisfy constraint:"
            f" Member must have length {bound}"
        )
    return given


def _refuse_doubles(keys: list[tuple[Stored, Item]], why: str) -> None:
    places: set[tuple[int, Place]] = {(stored.id, place(stored.schema, key)) for stored, key in keys}
    if len(places) < len(keys):
        raise Refused(why)


def _spelled(value: object) -> str:
    """Bytes in a request, to be compared with another one."""
    assert isinstance(value, bytes | bytearray)  # nothing else of a checked request is unknown to JSON
    return bytes(value).hex()
