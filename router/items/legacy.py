"""The parameters that expressions have replaced, as the same trees: Expected, KeyConditions, QueryFilter, ScanFilter, AttributeUpdates.

Source: DynamoDB developer guide, "Legacy conditional parameters"."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from router.items.errors import Refused, invalid
from router.items.nodes import (
    Action,
    Add,
    Between,
    Compare,
    Condition,
    Delete,
    Every,
    In,
    Literal,
    Not,
    Path,
    Predicate,
    Remove,
    Set,
    Some,
    Steps,
)
from router.items.values import LONG_NAME, ORDERED, SETS, Value, attribute, checked, is_long, kind_of, order, text

_COMPARE: Final = {"EQ": "=", "NE": "<>", "LE": "<=", "LT": "<", "GE": ">=", "GT": ">"}
_COUNTS: Final = {"NULL": (0, 0), "NOT_NULL": (0, 0), "BETWEEN": (2, 2), "IN": (1, 100)}  # of values; all others take one
_INDEXED: Final = frozenset(("EQ", "LE", "LT", "GE", "GT", "BEGINS_WITH", "BETWEEN"))  # what keys are asked by
_OTHERS: Final = frozenset(("CONTAINS", "NOT_CONTAINS", "BEGINS_WITH"))


def refuse_mixture(parameters: Mapping[str, Any], legacy: Sequence[str], expressions: Sequence[str]) -> None:
    """Raise Refused when a request has both kinds."""
    old = [name for name in legacy if parameters.get(name) is not None]
    new = [name for name in expressions if parameters.get(name) is not None]
    if old and new:
        raise Refused(
            "Can not use both expression and non-expression parameters in the same request:"
            f" Non-expression parameters: {{{', '.join(old)}}} Expression parameters: {{{', '.join(new)}}}"
        )


def filtered(conditions: Mapping[str, Any], operator: str | None) -> Condition:
    """A filter. Raises Refused."""
    return _joined([_compared(name, _structure(one)) for name, one in conditions.items()], operator)


def keyed(conditions: Mapping[str, Any]) -> Condition:
    """The value of KeyConditions. Raises Refused."""
    if not 1 <= len(conditions) <= 2:
        raise Refused("Conditions can be of length 1 or 2 only")
    found = filtered(conditions, None)
    if not all(one["ComparisonOperator"] in _INDEXED for one in conditions.values()):
        raise Refused("Attempted conditional constraint is not an indexable operation")
    return found


def expected(conditions: Mapping[str, Any], operator: str | None) -> Condition:
    """The value of Expected. Raises Refused."""
    return _joined([_expectation(name, _structure(one)) for name, one in conditions.items()], operator)


def _joined(conditions: list[Condition], operator: str | None) -> Condition:
    if operator not in (None, "AND", "OR"):
        raise Refused(f"ConditionalOperator must be AND or OR, not {operator}")
    return Some(tuple(conditions)) if operator == "OR" else Every(tuple(conditions))


def _structure(given: object) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise Refused("Start of structure or map expected", "SerializationException")
    return given


def _expectation(name: str, one: Mapping[str, Any]) -> Condition:
    path = Path((text(name),))
    if one.get("ComparisonOperator") is not None:
        if one.get("Exists") is not None:
            invalid(f"Exists and ComparisonOperator cannot be used together for Attribute: {name}")
        if one.get("Value") is not None:
            if one.get("AttributeValueList") is not None:
                invalid(f"Value and AttributeValueList cannot be used together for Attribute: {name}")
            return _compared(name, {**one, "AttributeValueList": [one["Value"]]})
        return _compared(name, one)
    if one.get("AttributeValueList") is not None:
        invalid(f"AttributeValueList can only be used with a ComparisonOperator for Attribute: {name}")
    if one.get("Exists") is False:
        if one.get("Value") is not None:
            invalid(f"Value cannot be used when Exists is false for Attribute: {name}")
        return Predicate("attribute_not_exists", (path,))
    if one.get("Value") is None:
        shown = "null" if one.get("Exists") is None else "true"
        invalid(f"Value must be provided when Exists is {shown} for Attribute: {name}")
    return Compare("=", path, Literal(checked(one["Value"])))


def _compared(name: str, one: Mapping[str, Any]) -> Condition:
    operator = str(one.get("ComparisonOperator"))
    given = one.get("AttributeValueList") or []
    if not isinstance(given, list | tuple):
        raise Refused("Expected list or null", "SerializationException")
    values = [checked(value) for value in given]
    if operator not in _COMPARE and operator not in _COUNTS and operator not in _OTHERS:
        known = sorted((*_COMPARE, *_COUNTS, *_OTHERS))
        raise Refused(
            f"1 validation error detected: Value '{operator}' at 'comparisonOperator' failed to satisfy constraint:"
            f" Member must satisfy enum value set: [{', '.join(known)}]"
        )
    low, high = _COUNTS.get(operator, (1, 1))
    if not low <= len(values) <= high:
        invalid(f"Invalid number of argument(s) for the {operator} ComparisonOperator")
    path, literals = Path((text(name),)), [Literal(value) for value in values]
    _check_types(operator, values)
    if operator in _COMPARE:
        return Compare(_COMPARE[operator], path, literals[0])
    if operator == "BETWEEN":
        return Between(path, literals[0], literals[1])
    if operator == "IN":
        return In(path, tuple(literals))
    return _tested(operator, path, literals)


def _tested(operator: str, path: Path, literals: list[Literal]) -> Condition:
    if operator == "NULL":
        return Predicate("attribute_not_exists", (path,))
    there = Predicate("attribute_exists", (path,))
    if operator == "NOT_NULL":
        return there
    if operator == "BEGINS_WITH":
        return Predicate("begins_with", (path, literals[0]))
    contains = Predicate("contains", (path, literals[0]))
    return contains if operator == "CONTAINS" else Every((there, Not(contains)))


def _check_types(operator: str, values: list[Value]) -> None:
    """Raise Refused for operands that an operator cannot have."""
    scalar = operator not in ("EQ", "NE")
    for value in values:
        kind = kind_of(value)
        if (scalar and kind not in ORDERED) or (operator == "BEGINS_WITH" and kind not in ("S", "B")):
            invalid(f"ComparisonOperator {operator} is not valid for {kind} AttributeValue type")
    if len(set(map(kind_of, values))) > 1:
        invalid("AttributeValues inside AttributeValueList must be of same type")
    if operator == "BETWEEN" and (order(*values) or 0) > 0:
        raise Refused("The BETWEEN condition was provided a range where the lower bound is greater than the upper bound")


def actions(updates: Mapping[str, Any]) -> tuple[Action, ...]:
    """The value of AttributeUpdates. Raises Refused."""
    return tuple(_action(name, _structure(one)) for name, one in updates.items())


def _action(name: str, one: Mapping[str, Any]) -> Action:
    path, word = Path((attribute(name),)), one.get("Action") or "PUT"
    value = None if one.get("Value") is None else checked(one["Value"])
    if word not in ("PUT", "ADD", "DELETE"):
        raise Refused(f"AttributeUpdates: {word} is no action; write PUT, ADD or DELETE")
    if value is None:
        if word != "DELETE":
            invalid("Only DELETE action is allowed when no attribute value is specified")
        return Remove(path)
    if word == "PUT":
        return Set(path, Literal(value))
    kind = kind_of(value)
    if kind not in SETS and (word == "DELETE" or kind not in ("N", "L")):
        invalid(f"{'ADD action' if word == 'ADD' else 'DELETE action with value'} is not supported for the type {kind}")
    return Add(path, value, older=True) if word == "ADD" else Delete(path, value, older=True)


def attributes(names: object) -> tuple[Steps, ...]:
    """The value of AttributesToGet. Raises Refused."""
    if not isinstance(names, list | tuple) or not names:
        raise Refused("AttributesToGet must have length greater than or equal to 1")
    if doubles := [name for name, count in Counter(map(text, names)).items() if count > 1]:
        invalid(f"Duplicate value in attribute name: {doubles[0]}")
    if any(map(is_long, names)):
        invalid(LONG_NAME)
    return tuple((name,) for name in names)
