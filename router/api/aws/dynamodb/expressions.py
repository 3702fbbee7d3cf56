"""The expressions of a request, or the parameters that they have replaced."""

from typing import Final

from router.api.aws.dynamodb.reading import mapping, text
from router.api.aws.service import Members
from router.items import grammar, legacy
from router.items.errors import Refused
from router.items.nodes import Action, Condition, Steps
from router.items.placeholders import Placeholders
from router.items.trees import paths, paths_of
from router.tables.stored import Stored

EXPRESSIONS: Final = ("ProjectionExpression", "FilterExpression", "ConditionExpression", "KeyConditionExpression", "UpdateExpression")
LEGACY: Final = (
    *("AttributesToGet", "ScanFilter", "QueryFilter", "Expected", "KeyConditions", "AttributeUpdates"),
    "ConditionalOperator",
)


class Expressions:
    """All of one request; finish() when they have been read, refuse_inner() when the table is known."""

    def __init__(self, members: Members) -> None:
        self._members, self._paths = members, list[Steps]()
        legacy.refuse_mixture(members, LEGACY, EXPRESSIONS)
        self._known = Placeholders(members.get("ExpressionAttributeNames"), members.get("ExpressionAttributeValues"))
        given = [name for name in EXPRESSIONS if members.get(name) is not None]
        if not given and self._known.given:
            raise Refused(f"{self._known.given} can only be specified when using expressions")

    def condition(self, name: str = "ConditionExpression", old: str = "Expected") -> Condition | None:
        """A condition or a filter; None: there is none."""
        found = self._condition(name, old)
        self._paths += () if found is None else paths(found)
        return found

    def _condition(self, name: str, old: str) -> Condition | None:
        members = self._members
        if members.get(name) is not None:
            return grammar.condition(text(members, name), name, self._known)
        operator = text(members, "ConditionalOperator", "") or None
        given = mapping(members, old)
        if operator and not given:
            raise Refused("ConditionalOperator cannot be used without Filter or Expected")
        if not given:
            return None
        return legacy.expected(given, operator) if old == "Expected" else legacy.filtered(given, operator)

    def key_condition(self) -> Condition:
        """Of a query."""
        members = self._members
        if members.get("KeyConditionExpression") is not None:
            return grammar.condition(text(members, "KeyConditionExpression"), "KeyConditionExpression", self._known)
        if members.get("KeyConditions") is None:
            raise Refused("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
        return legacy.keyed(mapping(members, "KeyConditions"))

    def projection(self) -> tuple[Steps, ...]:
        """Which attributes are wanted; (): no word of it."""
        members = self._members
        if members.get("ProjectionExpression") is not None:
            found = grammar.projection(text(members, "ProjectionExpression"), self._known)
            self._paths += found
            return found
        return () if members.get("AttributesToGet") is None else legacy.attributes(members["AttributesToGet"])

    def actions(self) -> tuple[Action, ...]:
        """Of an update; (): it only makes sure that the item is there."""
        members = self._members
        if members.get("UpdateExpression") is not None:
            found = grammar.update(text(members, "UpdateExpression"), self._known)
            self._paths += paths_of(found)
            return found
        return legacy.actions(mapping(members, "AttributeUpdates"))

    def finish(self) -> None:
        """Raise Refused when names or values were given that none of them uses."""
        self._known.finish()

    def refuse_inner(self, stored: Stored) -> None:
        """Raise Refused when a path leads into a key of the table, or of an index: they are scalars."""
        indexed = {name for index in stored.indexes.values() for name in index.schema.names}
        for steps in self._paths:
            if len(steps) > 1 and (steps[0] in stored.schema.names or steps[0] in indexed):
                kind = "Key" if steps[0] in stored.schema.names else "IndexKey"
                raise Refused(
                    f"Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: {kind}: {steps[0]}"
                )
