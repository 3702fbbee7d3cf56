"""DynamoDB's operations on one item."""

from collections.abc import Iterable
from typing import Any

from router.api.aws.dynamodb import capacity
from router.api.aws.dynamodb.capacity import Consumed
from router.api.aws.dynamodb.expressions import Expressions
from router.api.aws.dynamodb.reading import RETURN_VALUES, choice, table_name, truth
from router.api.aws.service import Call, Members
from router.items.errors import Refused, invalid
from router.items.keys import check_item, fits, key_of, read_key
from router.items.nodes import Action, Steps
from router.items.paths import projected
from router.items.values import Item, checked_item, item_size
from router.tables.store import Tables
from router.tables.stored import Stored
from router.tables.writing import Change, Done


class Items:
    """GetItem, PutItem, UpdateItem, DeleteItem."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, call: Call) -> Members:
        """GetItem."""
        members = call.parameters
        how = capacity.wanted(members)
        stored, key, paths = await self._wanted(members)
        (found,) = await self._tables.items([(stored.definition.name, key)])
        answer: dict[str, Any] = {} if found is None else {"Item": projected(found, paths) if paths else found}
        if how != "NONE":
            consumed = Consumed(stored)
            consumed.read(item_size(found or {}), consistent=truth(members, "ConsistentRead"))
            answer["ConsumedCapacity"] = consumed.told(how)
        return answer

    async def _wanted(self, members: Members) -> tuple[Stored, Item, tuple[Steps, ...]]:
        expressions = Expressions(members)
        paths = expressions.projection()
        expressions.finish()
        stored = await self.table(members)
        expressions.refuse_inner(stored)
        return stored, read_key(stored.schema, members.get("Key")), paths

    async def put(self, call: Call) -> Members:
        """PutItem."""
        _refuse_return_values(call.parameters, ("ALL_OLD", "NONE"))
        change = put(await self.table(call.parameters), call.parameters)
        return await self._changed(call.parameters, change, ())

    async def delete(self, call: Call) -> Members:
        """DeleteItem."""
        _refuse_return_values(call.parameters, ("ALL_OLD", "NONE"))
        change = delete(await self.table(call.parameters), call.parameters)
        return await self._changed(call.parameters, change, ())

    async def update(self, call: Call) -> Members:
        """UpdateItem."""
        choice(call.parameters, "ReturnValues", RETURN_VALUES, "NONE")
        change = update(await self.table(call.parameters), call.parameters)
        return await self._changed(call.parameters, change, [action.path.steps for action in change.actions])

    async def _changed(self, members: Members, change: Change, paths: Iterable[Steps]) -> Members:
        how = capacity.wanted(members)
        stored = self._tables.get(change.table)
        metrics = capacity.collection(stored, members, change.key)
        done = await self._tables.change(change)
        answer: dict[str, Any] = {**metrics}
        if attributes := _returned(choice(members, "ReturnValues", RETURN_VALUES, "NONE"), done, paths):
            answer["Attributes"] = attributes
        if how != "NONE":
            consumed = Consumed(stored)
            consumed.wrote(done)
            answer["ConsumedCapacity"] = consumed.told(how)
        return answer

    async def table(self, members: Members) -> Stored:
        """The table of a request. Raises Refused."""
        name = table_name(members)
        await self._tables.settled()
        return self._tables.get(name)


def _refuse_return_values(members: Members, allowed: tuple[str, ...]) -> None:
    if choice(members, "ReturnValues", RETURN_VALUES, "NONE") not in allowed:
        raise Refused("Return values set to invalid value")


def _returned(how: str, done: Done, paths: Iterable[Steps]) -> Item:
    """What ReturnValues asks for."""
    side = (done.old if how.endswith("_OLD") else done.new) or {}
    if how == "NONE":
        return {}
    return projected(side, paths) if how.startswith("UPDATED") else side


def returns_old(members: Members) -> bool:
    """Whether the error of a condition brings the item."""
    return choice(members, "ReturnValuesOnConditionCheckFailure", ("ALL_OLD", "NONE"), "NONE") == "ALL_OLD"


def put(stored: Stored, members: Members) -> Change:
    """What a Put asks for. Raises Refused."""
    expressions = Expressions(members)
    condition = expressions.condition()
    expressions.finish()
    expressions.refuse_inner(stored)
    item = checked_item(members.get("Item"))
    check_item(stored.schema, item)
    key = key_of(stored.schema, item)
    return Change(stored.definition.name, key, "put", item=item, condition=condition, return_old=returns_old(members))


def put_plain(stored: Stored, given: Any) -> Change:
    """What a batch puts; of an item without its key it says what is said of such a key, as recorded of AWS. Raises Refused."""
    item = checked_item(given)
    if not fits(stored.schema, item):
        raise Refused("The provided key element does not match the schema")
    check_item(stored.schema, item)
    return Change(stored.definition.name, key_of(stored.schema, item), "put", item=item)


def delete(stored: Stored, members: Members) -> Change:
    """What a Delete asks for. Raises Refused."""
    return _of_key(stored, members, "delete")


def check(stored: Stored, members: Members) -> Change:
    """What a ConditionCheck asks for. Raises Refused."""
    change = _of_key(stored, members, "check")
    if change.condition is None:
        raise Refused("The parameter 'conditionExpression' is required but was not present in the request")
    return change


def _of_key(stored: Stored, members: Members, kind: Any) -> Change:
    expressions = Expressions(members)
    condition = expressions.condition()
    expressions.finish()
    expressions.refuse_inner(stored)
    key = read_key(stored.schema, members.get("Key"))
    return Change(stored.definition.name, key, kind, condition=condition, return_old=returns_old(members))


def update(stored: Stored, members: Members) -> Change:
    """What an Update asks for. Raises Refused."""
    expressions = Expressions(members)
    actions, condition = expressions.actions(), expressions.condition()
    expressions.finish()
    expressions.refuse_inner(stored)
    key = read_key(stored.schema, members.get("Key"))
    _refuse_keys(stored, actions)
    return Change(stored.definition.name, key, "update", actions=actions, condition=condition, return_old=returns_old(members))


def _refuse_keys(stored: Stored, actions: Iterable[Action]) -> None:
    for action in actions:
        if action.path.steps[0] in stored.schema.names:
            invalid(f"Cannot update attribute {action.path.steps[0]}. This attribute is part of the key")
