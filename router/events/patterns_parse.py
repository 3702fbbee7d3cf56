"""Event patterns from JSON, and AWS's words for what is wrong with one.

Pure. Sources: EventBridge user guide, "Creating event patterns", "Comparison operators"; recorded answers of TestEventPattern in
tests/golden/eventbridge_pattern_cases.json. Texts that no recording shows are those of AWS's open-source matcher
(aws/event-ruler), which EventBridge runs. Where `$or` cannot be read as the operator, it is a field of that name."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from router.events.patterns_operators import alternatives_of
from router.events.patterns_values import InvalidPattern, Operator

Branch = dict[str, tuple[Operator, ...]]  # path, levels joined by dots → alternatives; all paths must match

BRANCHES: Final = 1000  # that the $or of one pattern may come to
DEPTH: Final = 100  # objects inside one another
_RESERVED: Final = frozenset(
    {"exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr"}
    | {"=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case", "date-after", "date-on-or-after"}
    | {"date-before", "date-on-or-before", "in-date-range", "ip-address-in-range", "ip-address-not-in-range"}
)


def document(text: str | bytes) -> Any:
    """The JSON value of *text*; of a key that comes twice, the last. Raises InvalidPattern."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidPattern("It is not valid JSON") from error


def branches(pattern: Any) -> list[Branch]:
    """The pattern as alternatives, one unless it has `$or`. Raises InvalidPattern with AWS's reason."""
    if not isinstance(pattern, Mapping):
        raise InvalidPattern("Filter is not an object")
    try:
        return _Parser(alternatives=True).branches(pattern)
    except InvalidPattern as error:
        try:
            return _Parser(alternatives=False).branches(pattern)
        except InvalidPattern:
            raise error from None


class _Parser:
    """One reading of a pattern; *alternatives*: `$or` is the operator."""

    def __init__(self, *, alternatives: bool) -> None:
        self._alternatives = alternatives

    def branches(self, pattern: Mapping[str, Any]) -> list[Branch]:
        return self._object(pattern, "", [{}], inside=False, depth=0)

    def _object(self, node: Mapping[str, Any], path: str, found: list[Branch], *, inside: bool, depth: int) -> list[Branch]:
        """*found* with the fields of *node* added; *inside*: of `$or`."""
        if not node:
            raise InvalidPattern("Empty objects are not allowed")
        if depth > DEPTH:
            raise InvalidPattern(f"Objects are nested more than {DEPTH} levels deep")
        for key, value in node.items():
            if key == "$or" and self._alternatives:
                found = self._or(value, path, found, depth)
                continue
            if inside and key in _RESERVED:
                raise InvalidPattern(f"{key} is Ruler reserved fieldName which cannot be used inside $or.")
            name = f"{path}.{key}" if path else key
            if isinstance(value, Mapping):
                found = self._object(value, name, found, inside=inside, depth=depth + 1)
            elif isinstance(value, Sequence) and not isinstance(value, str):
                alternatives = alternatives_of(value)
                found = [branch | {name: alternatives} for branch in found]
            else:
                raise InvalidPattern(f'"{key}" must be an object or an array')
        return found

    def _or(self, node: Any, path: str, found: list[Branch], depth: int) -> list[Branch]:
        if not isinstance(node, Sequence) or isinstance(node, str):
            raise InvalidPattern("It must be an Array followed with $or.")
        made: list[Branch] = []
        for option in node:
            if not isinstance(option, Mapping):
                raise InvalidPattern("Only JSON object is allowed in array of $or relationship.")
            made += self._object(option, path, found, inside=True, depth=depth + 1)
            if len(made) > BRANCHES:
                raise InvalidPattern(f"Too many combinations: $or comes to more than {BRANCHES}")
        if len(node) < 2:
            raise InvalidPattern("There must have at least 2 Objects in $or relationship.")
        return made


# -- the rest


def _no_constant(name: str) -> None:
    """NaN and the infinities are Python's JSON, not that of RFC 8259."""
    raise ValueError(f"{name} is not JSON")
