"""The expressions of a request, or the parameters that they have replaced."""

from typing import Final

from router.api.aws.dynamodb.reading import mapping, text
from router.api.aws.service import Members
from router.items import grammar, legacy
from router.items.errors import Refused
from router.items.nodes import Action, Condition, Steps
from router.items.placeholders import Placeholders

EXPRESSIONS: Final = ("ProjectionExpression", "FilterExpression", "ConditionExpression", "KeyConditionExpression", "UpdateExpression")
LEGACY: Final = (
    *("AttributesToGet", "ScanFilter", "QueryFilter", "Expected", "KeyConditions", "AttributeUpdates"),
    "ConditionalOperator",
)


class Expressions:
    """All of one request; finish() when they have been read."""

    def __init__(self, members: Members) -> None:
        self._members = members
        legacy.refuse_mixture(members, LEGACY, EXPRESSIONS)
        self._known = Placeholders(members.get("ExpressionAttributeNames"), members.get("ExpressionAttributeValues"))
        given = [name for name in EXPRESSIONS if members.get(name) is not None]
        if not given and self._known.given:
            raise Refused(f"{self._known.given} can only be specified when using expressions")

    def condition(self, name: str = "ConditionExpression", old: str = "Expected") -> Condition | None:
        """A condition or a filter; None: there is none."""
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
        given = mapping(members, "KeyConditions")
        if not given:
            raise Refused("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
        return legacy.filtered(given, None)

    def projection(self) -> tuple[Steps, ...]:
        """Which attributes are wanted; (): no word of it."""
        members = self._members
        if members.get("ProjectionExpression") is not None:
            return grammar.projection(text(members, "ProjectionExpression"), self._known)
        return () if members.get("AttributesToGet") is None else legacy.attributes(members["AttributesToGet"])

    def actions(self) -> tuple[Action, ...]:
        """Of an update; (): it only makes sure that the item is there."""
        members = self._members
        if members.get("UpdateExpression") is not None:
            return grammar.update(text(members, "UpdateExpression"), self._known)
        return legacy.actions(mapping(members, "AttributeUpdates"))

    def finish(self) -> None:
        """Raise Refused when names or values were given that none of them uses."""
        self._known.finish()
