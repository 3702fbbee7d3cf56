"""Event patterns: what rules of a bus and filters of event source mappings are written in.

Pure. The language and its error texts: patterns_parse.py and patterns_operators.py; what operators accept: patterns_values.py;
arrays: patterns_match.py; many rules at once: patterns_index.py. Source: EventBridge user guide, "Amazon EventBridge event patterns"."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from router.events import patterns_parse
from router.events.patterns_match import Rule, leaves_of
from router.events.patterns_values import InvalidPattern

__all__ = ["Pattern", "compile_pattern", "refusal"]

ERROR_CODE: Final = "InvalidEventPatternException"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern, ready to match."""

    rules: tuple[Rule, ...]  # one of them must match
    names: frozenset[str]  # of the levels that any of them looks at

    @classmethod
    def of(cls, pattern: Any) -> Self:
        """From its JSON value. Raises InvalidPattern."""
        rules = tuple(Rule.of(branch) for branch in patterns_parse.branches(pattern))
        return cls(rules, frozenset(name for rule in rules for field in rule.fields for name in field.path.split(".")))

    def matches(self, event: Any) -> bool:
        """Whether *event*, a JSON value, matches; what is no object never does."""
        if not isinstance(event, Mapping):
            return False
        leaves = leaves_of(event, self.names)
        return any(rule.matches(leaves) for rule in self.rules)


def compile_pattern(pattern: str | bytes | Mapping[str, Any]) -> Pattern:
    """A pattern as JSON text or as the value of that text. Raises InvalidPattern with AWS's reason."""
    return Pattern.of(patterns_parse.document(pattern) if isinstance(pattern, str | bytes) else pattern)


def refusal(error: InvalidPattern) -> str:
    """The message that goes with ERROR_CODE."""
    return f"Event pattern is not valid. Reason: {error}"
