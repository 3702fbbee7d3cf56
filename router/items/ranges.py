"""Key conditions of a query: one hash key, and a stretch of range keys as bytes.

Source: DynamoDB developer guide, "Key condition expressions for the Query operation"."""

from collections.abc import Iterator
from typing import Final, NamedTuple, NoReturn

from router.items.errors import Refused, invalid
from router.items.keys import Attribute, Schema, encoded, spread
from router.items.nodes import Between, Compare, Condition, Every, Literal, Operand, Path, Predicate, Size
from router.items.values import Value, kind_of, parts

_TURNED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}  # with the value in front


class Stretch(NamedTuple):
    """Keys from *low* to *high*, both within unless open; None: no bound."""

    hash: bytes
    low: bytes | None = None
    high: bytes | None = None
    low_open: bool = False
    high_open: bool = False
    leading: Value | None = None  # the hash key's value

    def has(self, key: bytes) -> bool:
        """Whether a range key lies within."""
        if self.low is not None and (key < self.low or (self.low_open and key == self.low)):
            return False
        return self.high is None or key < self.high or (key == self.high and not self.high_open)


def stretch(condition: Condition, schema: Schema) -> Stretch:
    """Which keys a key condition asks for. Raises Refused."""
    by_name: dict[str, Condition] = {}
    for name, test in map(_about, _flat(condition)):
        if name in by_name:
            raise Refused("KeyConditionExpressions must only contain one condition per key")
        by_name[name] = test
    if schema.hash.name not in by_name:
        _missing(schema.hash)
    hash_test = by_name.pop(schema.hash.name)
    if not isinstance(hash_test, Compare) or hash_test.operator != "=":
        raise Refused("Query key condition not supported")
    value = _literal(hash_test.right, schema.hash)
    whole = Stretch(spread(value), leading=value)
    if not by_name:
        return whole
    if len(by_name) > 1:
        raise Refused("Conditions can be of length 1 or 2 only")
    if schema.range is None or schema.range.name not in by_name:
        if schema.range is not None:
            _missing(schema.range)
        raise Refused("Query key condition not supported")
    return _bounded(whole, by_name[schema.range.name], schema.range)


def _missing(attribute: Attribute) -> NoReturn:
    raise Refused(f"Query condition missed key schema element: {attribute.name}")


def _flat(condition: Condition) -> Iterator[Condition]:
    if isinstance(condition, Every):
        for one in condition.conditions:
            yield from _flat(one)
    else:
        yield condition


def _about(test: Condition) -> tuple[str, Condition]:
    """The attribute that a condition is about, and the condition with it in front. Raises Refused."""
    name = ""
    operands = _operands(test)
    if isinstance(operands[0], Literal) and not isinstance(test, Compare):
        _wrong(f"{_operator(test)} operator must have the key attribute as its first operand")
    for operand in operands:
        if isinstance(operand, Size):
            raise Refused("KeyConditionExpressions cannot contain nested operations")
        if isinstance(operand, Path):
            if name:
                _wrong("Multiple attribute names used in one condition")
            if len(operand.steps) != 1:
                raise Refused("KeyConditionExpressions cannot have conditions on nested attributes")
            name = str(operand.steps[0])
    if not name:
        _wrong("No key attribute specified")
    if isinstance(test, Compare) and isinstance(test.right, Path):
        return name, Compare(_TURNED.get(test.operator, test.operator), test.right, test.left)
    return name, test


def _operands(test: Condition) -> tuple[Operand, ...]:
    if isinstance(test, Compare):
        if test.operator == "<>":
            raise Refused("Unsupported operator on KeyCondition: operator: NE")
        return test.left, test.right
    if isinstance(test, Between):
        return test.operand, test.low, test.high
    if isinstance(test, Predicate) and test.function == "begins_with":
        return test.arguments
    raise Refused("Invalid operator used in KeyConditionExpression: " + _operator(test))


def _wrong(how: str) -> NoReturn:
    raise Refused(f"Invalid condition in KeyConditionExpression: {how}")


def _operator(test: Condition) -> str:
    if isinstance(test, Predicate):
        return test.function
    return {"Some": "OR", "Not": "NOT", "In": "IN", "Between": "BETWEEN"}.get(type(test).__name__, type(test).__name__)


def _literal(operand: Operand, attribute: Attribute) -> Value:
    assert isinstance(operand, Literal)  # _about() lets no other through
    kind, held = parts(operand.value)
    if kind != attribute.type:
        invalid("Condition parameter type does not match schema type")
    if held in ("", b""):
        empty = "binary" if kind == "B" else "string"
        raise Refused(
            f"One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {empty} value."
            f" Key: {attribute.name}"
        )
    return operand.value


def _bounded(whole: Stretch, test: Condition, attribute: Attribute) -> Stretch:
    if isinstance(test, Between):
        return whole._replace(low=encoded(_literal(test.low, attribute)), high=encoded(_literal(test.high, attribute)))
    if isinstance(test, Compare):
        bound = encoded(_literal(test.right, attribute))
        if test.operator == "=":
            return whole._replace(low=bound, high=bound)
        if test.operator in ("<", "<="):
            return whole._replace(high=bound, high_open=test.operator == "<")
        return whole._replace(low=bound, low_open=test.operator == ">")
    assert isinstance(test, Predicate)  # _about() lets no other through
    prefix = test.arguments[1]
    if isinstance(prefix, Literal) and kind_of(prefix.value) == "N":
        raise Refused("Query key condition not supported")
    start = encoded(_literal(prefix, attribute))
    return whole._replace(low=start, high=following(start), high_open=True)


def following(prefix: bytes) -> bytes | None:
    """The first bytes behind all that begin with *prefix*; None: there are none."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes((kept[-1] + 1,)) if kept else None
