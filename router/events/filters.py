"""Filter criteria of event source mappings: which records reach the function.

Pure. Source: Lambda developer guide, "Control which events Lambda sends to your function". A record passes when one of the patterns
matches it; without patterns all do. A pattern may look at the data of the record, SQS's `body`: with a field below it
the data must be a JSON object or array, with an array of values it must be anything else, a plain text. DynamoDB's
records have no such text: there numbers are texts too ({"N": "101"}), which `numeric` never matches."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from router.events.patterns import Pattern, compile_pattern
from router.events.patterns_match import Rule, leaves_of

FILTERS: Final = 10  # patterns of one mapping at most
PATTERN_CHARS: Final = 4096  # of one pattern at most


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of one mapping."""

    patterns: tuple[Pattern, ...] = ()
    data: str = ""  # the record's key whose text may hold JSON; "": it has none

    @classmethod
    def of(cls, patterns: Sequence[str | bytes | Mapping[str, Any]], data: str = "") -> Self:
        """From patterns as JSON text or values. Raises InvalidPattern."""
        return cls(tuple(compile_pattern(pattern) for pattern in patterns), data)

    def passes(self, record: Mapping[str, Any]) -> bool:
        """Whether *record*, as the function would get it, is for the function."""
        if not self.patterns:
            return True
        text = record.get(self.data) if self.data else None
        parsed = _structure(text) if isinstance(text, str) else None
        seen = record if parsed is None else {**record, self.data: parsed}
        return any(self._matches(pattern, seen, structured=parsed is not None) for pattern in self.patterns)

    def _matches(self, pattern: Pattern, record: Mapping[str, Any], *, structured: bool) -> bool:
        leaves = leaves_of(record, pattern.names)
        return any(rule.matches(leaves) for rule in pattern.rules if not self.data or self._fits(rule, structured=structured))

    def _fits(self, rule: Rule, *, structured: bool) -> bool:
        """Whether the rule may look at data of this form."""
        below = self.data + "."
        return not any(field.path == self.data if structured else field.path.startswith(below) for field in rule.fields)


ALL: Final = Filters()  # lets everything pass


def _structure(text: str) -> Any:
    """The JSON object or array that *text* is; None when it is neither."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def _no_constant(name: str) -> None:
    """NaN and the infinities are Python's JSON, not that of RFC 8259."""
    raise ValueError(f"{name} is not JSON")
