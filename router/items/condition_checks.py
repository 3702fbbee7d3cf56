"""What an operator or a function of a condition does not take, as far as the expression itself says: each gives what it was given.

Raise Refused. Source: DynamoDB developer guide, "Condition and filter expressions, operators, and functions"."""

from collections.abc import Iterable, Sequence
from typing import Final

from router.items.nodes import Between, Compare, In, Literal, Operand, Path, Predicate, Size, shown
from router.items.operands import no_path, wrong_kind
from router.items.tokens import Words
from router.items.values import ORDERED, TYPES, kind_of, order, parts
from router.items.values import shown as shown_value

MOST_OPTIONS: Final = 100  # operands of IN


def compared(found: Compare, words: Words) -> Compare:
    """Of a comparison."""
    if found.operator not in ("=", "<>"):
        _check_kinds(found.operator, (found.left, found.right), ORDERED, words)
    if isinstance(found.left, Path) and found.left == found.right:
        _refuse_alike(found.operator, found.left, words)
    return found


def between(found: Between, words: Words) -> Between:
    """Of BETWEEN."""
    _check_kinds("BETWEEN", (found.operand, found.low, found.high), ORDERED, words)
    if isinstance(found.low, Literal) and isinstance(found.high, Literal):
        low, high = found.low.value, found.high.value
        told = f"lower bound operand: AttributeValue: {shown_value(low)}, upper bound operand: AttributeValue: {shown_value(high)}"
        above = order(low, high)
        if above is None:
            words.refuse(f"The BETWEEN operator requires same data type for lower and upper bounds; {told}")
        if above > 0:
            words.refuse(f"The BETWEEN operator requires upper bound to be greater than or equal to lower bound; {told}")
    return found


def among(found: In, words: Words) -> In:
    """Of IN."""
    if len(found.options) > MOST_OPTIONS:
        words.refuse(f"The IN operator is provided with too many operands; number of operands: {len(found.options)}")
    return found


def called(name: str, arguments: Sequence[Operand], words: Words) -> Predicate | Size:
    """Of a function; as many operands as it takes."""
    first = arguments[0]
    if name == "size":
        if isinstance(first, Size):
            words.refuse(misplaced("size"))
        if isinstance(first, Literal) and (kind := kind_of(first.value)) in ("N", "BOOL", "NULL"):
            words.refuse(wrong_kind("size", kind))
        return Size(first)
    if name in ("attribute_exists", "attribute_not_exists") and not isinstance(first, Path):
        words.refuse(no_path(name))
    if name == "attribute_type":
        _check_type(arguments[1], words)
    if name == "begins_with":
        _check_kinds(name, arguments, ("S", "B"), words)
    if name in ("contains", "begins_with") and isinstance(first, Path) and first == arguments[1]:
        _refuse_alike(name, first, words)
    return Predicate(name, tuple(arguments))


def misplaced(function: str) -> str:
    """A function is where what it gives can be no use."""
    return f"The function is not allowed to be used this way in an expression; function: {function}"


def _check_type(argument: Operand, words: Words) -> None:
    if not isinstance(argument, Literal) or kind_of(argument.value) != "S":
        words.refuse(wrong_kind("attribute_type", _kind(argument) or ""))
    if (wanted := parts(argument.value)[1]) not in TYPES:
        words.refuse(f"Invalid attribute type name found; type: {wanted}, valid types: {{{','.join(sorted(TYPES))}}}")


def _check_kinds(name: str, operands: Iterable[Operand], kinds: Sequence[str], words: Words) -> None:
    for operand in operands:
        kind = _kind(operand)
        if kind is not None and kind not in kinds:
            words.refuse(wrong_kind(name, kind))


def _kind(operand: Operand) -> str | None:
    """The type that an operand has in every item; None: it is the item's."""
    if isinstance(operand, Literal):
        return kind_of(operand.value)
    return "N" if isinstance(operand, Size) else None


def _refuse_alike(name: str, operand: Path, words: Words) -> None:
    words.refuse(
        "The first operand must be distinct from the remaining operands for this operator or function;"
        f" operator: {name}, first operand: {shown(operand.steps)}"
    )
