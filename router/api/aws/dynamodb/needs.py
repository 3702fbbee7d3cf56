"""What a caller must be allowed for DynamoDB's operations, with the condition keys of fine-grained access.

Source: service authorization reference, "Actions, resources, and condition keys for Amazon DynamoDB". What cannot be read needs the
action on what it names: the operation itself then says what is wrong with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from router.api.aws.dynamodb.expressions import Expressions
from router.api.aws.dynamodb.reading import mapping, named, structures, text
from router.api.aws.service import Call, Members, Need
from router.iam.variables import Context
from router.items.errors import Refused
from router.items.ranges import stretch
from router.items.trees import attributes, touched
from router.items.values import Value, parts
from router.tables.store import Tables
from router.tables.stored import Stored

LEADING: Final = "dynamodb:leadingkeys"
ATTRIBUTES: Final = "dynamodb:attributes"
SELECT: Final = "dynamodb:select"
RETURNED: Final = "dynamodb:returnvalues"
CONSUMED: Final = "dynamodb:returnconsumedcapacity"
ENCLOSING: Final = "dynamodb:enclosingoperation"

_TRANSACTED: Final = {
    "ConditionCheck": "ConditionCheckItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
}

Facts = dict[str, Sequence[str]]


class Needs:
    """Of operations on items and tables."""

    def __init__(self, tables: Tables, arn: Callable[[str], str]) -> None:
        self._tables, self._arn = tables, arn

    def of_table(self, action: str, member: str = "TableName") -> Callable[[Call], list[Need]]:
        """An operation on a table itself."""
        return lambda call: [Need(f"dynamodb:{action}", self._named(call.parameters, member))]

    def of_item(self, action: str) -> Callable[[Call], list[Need]]:
        """An operation on one item."""
        return lambda call: [self._item(action, call.parameters, {})]

    def of_page(self, action: str) -> Callable[[Call], list[Need]]:
        """A query or a scan; of an index when it names one."""

        def needs(call: Call) -> list[Need]:
            members = call.parameters
            arn, index = self._named(members, "TableName"), members.get("IndexName")
            return [Need(f"dynamodb:{action}", f"{arn}/index/{index}" if index else arn, self._page_facts(action, members))]

        return needs

    def of_batch(self, action: str) -> Callable[[Call], list[Need]]:
        """BatchGetItem, BatchWriteItem: once for each table."""

        def needs(call: Call) -> list[Need]:
            asked = _mapping(call.parameters, "RequestItems")
            return [
                Need(f"dynamodb:{action}", self._arn_of(name), self._batch_facts(name, one, call.parameters)) for name, one in asked.items()
            ]

        return needs

    def of_transaction(self, call: Call) -> list[Need]:
        """TransactGetItems, TransactWriteItems: once for each item, by what is done to it."""
        found = []
        for one in _structures(call.parameters, "TransactItems"):
            for kind, inner in one.items():
                if kind in _TRANSACTED and isinstance(inner, Mapping):
                    found.append(self._item(_TRANSACTED[kind], inner, {ENCLOSING: (call.operation,)}))
        return found or [Need("dynamodb:GetItem", "*")]

    # -- the parts

    def _named(self, members: Members, member: str) -> str:
        given = members.get(member)
        return self._arn_of(given) if isinstance(given, str) else "*"

    def _arn_of(self, given: str) -> str:
        """Of a table by name or ARN."""
        try:
            return self._arn(named(given))
        except Refused:
            return "*"

    def _stored(self, given: object) -> Stored | None:
        try:
            return self._tables.get(named(given)) if isinstance(given, str) else None
        except Refused:
            return None

    def _item(self, action: str, members: Members, facts: Facts) -> Need:
        stored = self._stored(members.get("TableName"))
        given = _mapping(members, "Item" if action == "PutItem" else "Key")
        leading = _leading(stored, given)
        context = {**facts, **leading, ATTRIBUTES: sorted({*given, *_expressed(members)}), **_asked(members)}
        if action == "GetItem":
            context[SELECT] = ("SPECIFIC_ATTRIBUTES" if _projects(members) else "ALL_ATTRIBUTES",)
        return Need(f"dynamodb:{action}", self._named(members, "TableName"), context)

    def _page_facts(self, action: str, members: Members) -> Context:
        facts: Facts = {ATTRIBUTES: sorted(set(_expressed(members))), **_asked(members)}
        default = (
            "SPECIFIC_ATTRIBUTES" if _projects(members) else "ALL_PROJECTED_ATTRIBUTES" if members.get("IndexName") else "ALL_ATTRIBUTES"
        )
        select = members.get("Select")
        facts[SELECT] = (select if isinstance(select, str) else default,)
        stored = self._stored(members.get("TableName"))
        if action == "Query" and stored is not None:
            facts |= _queried(stored, members)
        return facts

    def _batch_facts(self, name: str, given: object, members: Members) -> Context:
        stored = self._stored(name)
        keys = list(_batch_keys(given))
        leading = [value for key in keys for value in _leading(stored, key).get(LEADING, ())]
        facts: Facts = {**_asked(members), ATTRIBUTES: sorted({*(name for key in keys for name in key), *_expressed(given)})}
        return {**facts, LEADING: list(dict.fromkeys(leading))} if leading else facts


def _mapping(members: object, name: str) -> Mapping[str, Any]:
    try:
        return mapping(members, name) if isinstance(members, Mapping) else {}
    except Refused:
        return {}


def _structures(members: object, name: str) -> list[Mapping[str, Any]]:
    try:
        return structures(members, name) if isinstance(members, Mapping) else []
    except Refused:
        return []


def _batch_keys(given: object) -> Iterator[Mapping[str, Any]]:
    """The keys, or the items, of one table of a batch."""
    if isinstance(given, Mapping):
        yield from _structures(given, "Keys")
    elif isinstance(given, list | tuple):
        for request in given:
            yield _mapping(_mapping(request, "PutRequest"), "Item") or _mapping(_mapping(request, "DeleteRequest"), "Key")


def _leading(stored: Stored | None, key: Mapping[str, Any]) -> Facts:
    value = key.get(stored.schema.hash.name) if stored is not None else None
    return {LEADING: (_plain(value),)} if isinstance(value, Mapping) and value else {}


def _plain(value: Value) -> str:
    held = parts(dict(list(value.items())[:1]))[1]
    return held.decode("latin-1") if isinstance(held, bytes) else str(held)


def _queried(stored: Stored, members: Members) -> Facts:
    """The hash key that a query is about, of the index when it names one."""
    try:
        index = members.get("IndexName")
        schema = stored.index(text(members, "IndexName")).schema if index is not None else stored.schema
        value = stretch(Expressions(members).key_condition(), schema).leading
    except Refused:
        return {}
    return {LEADING: (_plain(value),)} if value is not None else {}


def _projects(members: Members) -> bool:
    return members.get("ProjectionExpression") is not None or members.get("AttributesToGet") is not None


def _expressed(members: object) -> Iterator[str]:
    """The attributes that a request's expressions are about."""
    if not isinstance(members, Mapping):
        return
    try:
        yield from _read(Expressions(members), members)
    except Refused:
        return


def _read(expressions: Expressions, members: Members) -> Iterator[str]:
    yield from (str(path[0]) for path in expressions.projection())
    yield from touched(expressions.actions())
    for name, old in (("ConditionExpression", "Expected"), ("FilterExpression", "QueryFilter"), ("FilterExpression", "ScanFilter")):
        if members.get(name) is not None or members.get(old) is not None:
            condition = expressions.condition(name, old)
            yield from () if condition is None else attributes(condition)
    if members.get("KeyConditionExpression") is not None or members.get("KeyConditions") is not None:
        yield from attributes(expressions.key_condition())


def _asked(members: Members) -> Facts:
    """What is to be told beside the items."""
    found: Facts = {}
    for name, key in (("ReturnValues", RETURNED), ("ReturnConsumedCapacity", CONSUMED)):
        value = members.get(name)
        if isinstance(value, str):
            found[key] = (value,)
    return found
