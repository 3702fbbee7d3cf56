"""Whether a condition is true of an item.

A value that is not there, or of another type, makes a comparison false, but for <> which is then true; sizes of what has none are not
there. Source: DynamoDB developer guide, "Condition and filter expressions"."""

from collections.abc import Mapping

from router.items.nodes import Between, Compare, Condition, Every, In, Literal, Not, Operand, Path, Predicate, Some
from router.items.paths import found
from router.items.values import SETS, Value, kind_of, order, parts, same


def holds(condition: Condition, item: Mapping[str, Value]) -> bool:
    """True or false; an item that does not exist is an empty one."""
    if isinstance(condition, Every):
        return all(holds(one, item) for one in condition.conditions)
    if isinstance(condition, Some):
        return any(holds(one, item) for one in condition.conditions)
    if isinstance(condition, Not):
        return not holds(condition.condition, item)
    if isinstance(condition, Compare):
        return _compare(condition.operator, _value(condition.left, item), _value(condition.right, item))
    if isinstance(condition, Between):
        value = _value(condition.operand, item)
        return _compare(">=", value, _value(condition.low, item)) and _compare("<=", value, _value(condition.high, item))
    if isinstance(condition, In):
        value = _value(condition.operand, item)
        return any(_compare("=", value, _value(option, item)) for option in condition.options)
    return _test(condition, item)


def _value(operand: Operand, item: Mapping[str, Value]) -> Value | None:
    if isinstance(operand, Literal):
        return operand.value
    if isinstance(operand, Path):
        return found(item, operand.steps)
    value = _value(operand.of, item)
    return None if value is None else _size(value)


def _size(value: Value) -> Value | None:
    kind, held = parts(value)
    return None if kind in ("N", "BOOL", "NULL") else {"N": str(len(held))}


def _compare(operator: str, left: Value | None, right: Value | None) -> bool:
    if operator in ("=", "<>"):
        return (left is not None and right is not None and same(left, right)) == (operator == "=")
    above = None if left is None or right is None else order(left, right)
    if above is None:
        return False
    return above < 0 if operator == "<" else above <= 0 if operator == "<=" else above > 0 if operator == ">" else above >= 0


def _test(test: Predicate, item: Mapping[str, Value]) -> bool:
    value = _value(test.arguments[0], item)
    if test.function == "attribute_exists":
        return value is not None
    if test.function == "attribute_not_exists":
        return value is None
    other = _value(test.arguments[1], item)
    if value is None or other is None:
        return False
    if test.function == "attribute_type":
        return bool(kind_of(value) == parts(other)[1])
    return contains(value, other) if test.function == "contains" else begins_with(value, other)


def begins_with(value: Value, prefix: Value) -> bool:
    """Text with text, bytes with bytes."""
    (kind, held), (other_kind, start) = parts(value), parts(prefix)
    return kind == other_kind and kind in ("S", "B") and bool(held.startswith(start))


def contains(value: Value, part: Value) -> bool:
    """Text in text, bytes in bytes, a member in a set, an element in a list."""
    (kind, held), (other_kind, other) = parts(value), parts(part)
    if kind in ("S", "B"):
        return bool(kind == other_kind and other in held)
    if kind in SETS:
        return bool(SETS[kind] == other_kind and other in held)
    return kind == "L" and any(same(element, part) for element in held)
