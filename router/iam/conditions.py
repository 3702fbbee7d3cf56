"""Condition operators: whether a condition of a statement holds for a request.

Pure. Source: IAM user guide, "IAM JSON policy elements: Condition operators" and "Set operators for multi-valued context
keys". Whatever is not known here — an operator, a key — raises Unknown; evaluation takes that for the worse."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal

from router import wildcards
from router.iam import values
from router.iam.condition_keys import known
from router.iam.policy import Condition, Operator
from router.iam.variables import Context, Template, Unresolved, Variable, keys_of, resolved, text_of
from router.wildcards import Token

Compare = Callable[[Sequence[Token], str], bool]
"""A policy's value and a request's, to whether they go together."""


class Unknown(Exception):
    """A condition that cannot be judged here; the text says what it has."""


def _ordered(read: Callable[[str], Decimal | None], holds: Callable[[Decimal, Decimal], bool]) -> Compare:
    """The request's value on the left, the policy's on the right; what is no such value goes with nothing."""

    def compare(written: Sequence[Token], given: str) -> bool:
        left, right = read(given), read(text_of(written))
        return left is not None and right is not None and holds(left, right)

    return compare


def _equal(read: Callable[[str], Any]) -> Compare:
    def compare(written: Sequence[Token], given: str) -> bool:
        value = read(given)
        return value is not None and value == read(text_of(written))

    return compare


def _within(written: Sequence[Token], given: str) -> bool:
    network, address = values.network(text_of(written)), values.address(given)
    return network is not None and address is not None and network.version == address.version and address in network


def _like_arn(written: Sequence[Token], given: str) -> bool:
    """Field by field; what follows the fifth colon is one field."""
    fields = _split(written)
    parts = given.split(":", values.ARN_FIELDS - 1)
    return (
        len(fields) == len(parts) == values.ARN_FIELDS
        and parts[0] == "arn"
        and all(wildcards.matches_tokens(field, part) for field, part in zip(fields, parts, strict=True))
    )


def _split(written: Sequence[Token]) -> list[tuple[Token, ...]]:
    """A pattern at its first five colons."""
    fields: list[list[Token]] = [[]]
    for token in written:
        if not isinstance(token, str):
            fields[-1].append(token)
            continue
        first, *rest = token.split(":", values.ARN_FIELDS - len(fields))
        fields[-1] += [first] if first else []
        fields += [[part] if part else [] for part in rest]
    return [tuple(field) for field in fields]


_BEFORE: Final[Mapping[str, Callable[[Decimal, Decimal], bool]]] = {
    "Equals": lambda left, right: left == right,
    "LessThan": lambda left, right: left < right,
    "LessThanEquals": lambda left, right: left <= right,
    "GreaterThan": lambda left, right: left > right,
    "GreaterThanEquals": lambda left, right: left >= right,
}
COMPARE: Final[Mapping[str, Compare]] = {
    "StringEquals": lambda written, given: text_of(written) == given,
    "StringEqualsIgnoreCase": lambda written, given: text_of(written).casefold() == given.casefold(),
    "StringLike": lambda written, given: wildcards.matches_tokens(tuple(written), given),
    **{f"Numeric{name}": _ordered(values.number, holds) for name, holds in _BEFORE.items()},
    **{f"Date{name}": _ordered(values.moment, holds) for name, holds in _BEFORE.items()},
    "Bool": _equal(values.truth),
    "BinaryEquals": _equal(values.octets),
    "IpAddress": _within,
    "ArnEquals": _like_arn,
    "ArnLike": _like_arn,
}
INVERTED: Final = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}
NULL: Final = "Null"
OPERATORS: Final = (*COMPARE, *INVERTED, NULL)
_QUANTIFIERS: Final[Mapping[str, Literal["all", "any"]]] = {"ForAllValues": "all", "ForAnyValue": "any"}
_IF_EXISTS: Final = "IfExists"


def operator(name: str) -> Operator | None:
    """An operator in its parts; None when there is none of this name. Names are case-sensitive."""
    prefix, colon, rest = name.rpartition(":")
    quantifier: Literal["", "all", "any"] = _QUANTIFIERS.get(prefix, "")
    if_exists = rest.endswith(_IF_EXISTS)
    word = rest.removesuffix(_IF_EXISTS)
    base = INVERTED.get(word, word)
    if (colon and not quantifier) or base not in (*COMPARE, NULL) or (base == NULL and name != NULL):
        return None
    return Operator(name, base, base != word, quantifier, if_exists)


def holds(condition: Condition, context: Context) -> bool:
    """Whether a condition holds; one whose variables stand for nothing does not. Raises Unknown."""
    _check(condition)
    found = context.get(condition.key.lower(), ())
    at = condition.operator
    if at.base == NULL:
        return any((text_of(_fixed(value)).lower() == "true") != bool(found) for value in condition.values)
    if not found:
        return at.if_exists or (at.inverted if not at.quantifier else at.quantifier == "all")
    try:
        written = [resolved(value, context) for value in condition.values]
    except Unresolved:
        return False
    compare = COMPARE[at.base]
    verdicts = (any(compare(one, given) for one in written) != at.inverted for given in found)
    if at.quantifier == "all" or (at.inverted and not at.quantifier):
        return all(verdicts)
    return any(verdicts)


def _fixed(value: Template) -> list[Token]:
    """A value that has no variables: reading.py sees to it for Null."""
    return [part for part in value if not isinstance(part, Variable)]


def _check(condition: Condition) -> None:
    """Raises Unknown."""
    if not condition.operator.base:
        raise Unknown(f"the condition operator {condition.operator.name[:80]} is not known")
    for key in (condition.key, *(key for value in condition.values for key in keys_of(value))):
        if not known(key):
            raise Unknown(f"the condition key {key[:80]} is not known")
