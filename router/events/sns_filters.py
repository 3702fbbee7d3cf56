"""Filter policies: which messages of a topic a subscription gets. Pure.

Source: Amazon SNS developer guide, "Amazon SNS subscription filter policies". The language is that of event patterns
(patterns.py); attributes are matched as if they were an event of one level, a body as the JSON object it is."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, NamedTuple, Self

import orjson

from router.events.patterns import Pattern, compile_pattern
from router.events.patterns_values import InvalidPattern
from router.events.sns_errors import InvalidParameter
from router.events.sns_rules import array_of
from router.events.sqs import Attribute

KEYS: Final = 5  # of a policy
COMBINATIONS: Final = 150
DEEPEST: Final = 20  # objects in one another


class Filter(NamedTuple):
    """A filter policy, ready to match."""

    pattern: Pattern
    body: bool  # it looks at the message's body, not at its attributes

    @classmethod
    def of(cls, policy: Any, *, body: bool) -> Self:
        """From its JSON value. Raises InvalidParameter."""
        if not isinstance(policy, Mapping):
            raise InvalidParameter("FilterPolicy: Filter policy must be an object")
        leaves = _leaves(policy, 1)
        if not body and any(depth > 1 for depth in leaves):
            raise InvalidParameter("Filter policy scope MessageAttributes does not support nested filter policy")
        if len(leaves) > KEYS:
            raise InvalidParameter(f"FilterPolicy: Filter policy can not have more than {KEYS} keys")
        if _combinations(policy, 1) > COMBINATIONS:
            raise InvalidParameter("FilterPolicy: Filter policy is too complex")
        try:
            return cls(compile_pattern(policy), body)
        except InvalidPattern as error:
            raise InvalidParameter(f"FilterPolicy: {error}") from None

    def passes(self, text: str, attributes: Mapping[str, Attribute]) -> bool:
        """Whether a message is delivered."""
        return self.lets(Seen(text, attributes))

    def lets(self, seen: "Seen") -> bool:
        """The same of one that many filters are asked about."""
        try:
            return self.pattern.matches(seen.object if self.body else seen.values)
        except RecursionError:
            return False


class Seen:
    """A message as filters see it, read once."""

    def __init__(self, text: str, attributes: Mapping[str, Attribute]) -> None:
        self._text, self._attributes = text, attributes

    @cached_property
    def object(self) -> Any:
        """Its text, when that is JSON."""
        return _object(self._text)

    @cached_property
    def values(self) -> dict[str, Any]:
        """Its attributes."""
        return _values(self._attributes)


def _leaves(node: Mapping[str, Any], depth: int) -> list[int]:
    """Of each key that has conditions: how deep it lies."""
    if depth > DEEPEST:
        raise InvalidParameter("FilterPolicy: Filter policy is nested too deeply")
    found: list[int] = []
    for key, value in node.items():
        if key == "$or" and isinstance(value, list):
            found += [leaf for branch in value if isinstance(branch, Mapping) for leaf in _leaves(branch, depth)]
        elif isinstance(value, Mapping):
            found += _leaves(value, depth + 1)
        else:
            found.append(depth)
    return found


def _combinations(node: Mapping[str, Any], depth: int) -> int:
    """How much there is to compare: of keys the product, of the branches of $or the sum; the values of a deep key count as often as it is
    deep."""
    found = 1
    for key, value in node.items():
        if key == "$or" and isinstance(value, list):
            found *= max(1, sum(_combinations(branch, depth) for branch in value if isinstance(branch, Mapping)))
        elif isinstance(value, Mapping):
            found *= _combinations(value, depth + 1)
        else:
            found *= depth * max(1, len(value) if isinstance(value, list) else 1)
    return found


def _object(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def _values(attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    """Attributes as a pattern sees them: numbers, texts, arrays. Bytes are not looked at."""
    return {name: _value(one.data_type, one.value) for name, one in attributes.items() if isinstance(one.value, str)}


def _value(kind: str, value: str) -> Any:
    if kind.startswith("Number"):
        return _number(value)
    return array_of(value) if kind == "String.Array" else value


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return float(text)
