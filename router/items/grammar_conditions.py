"""Conditions as they are written. Source: DynamoDB developer guide, "Condition and filter expressions, operators, and functions"."""

from typing import Final

from router.items import condition_checks as checks
from router.items.nodes import Between, Compare, Condition, Every, In, Literal, Not, Operand, Path, Predicate, Size, Some
from router.items.operands import Operands, unknown
from router.items.placeholders import Placeholders
from router.items.tokens import Words

COMPARATORS: Final = frozenset(("=", "<>", "<", "<=", ">", ">="))
FUNCTIONS: Final = {  # and how many operands they take
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
}
_KEYWORDS: Final = frozenset(("AND", "OR", "NOT", "BETWEEN", "IN"))


class Conditions:
    """Reads conditions. An operand in parentheses may turn out to be the left side of a comparison, so both are read alike."""

    def __init__(self, words: Words, known: Placeholders) -> None:
        self._words, self._operands = words, Operands(words, known)

    def whole(self) -> Condition:
        """All of it. Raises Refused."""
        return self._condition(self._or())

    def _condition(self, found: Condition | Operand) -> Condition:
        if isinstance(found, Path | Literal | Size):
            if isinstance(found, Size):
                self._words.refuse(checks.misplaced("size"))
            self._words.fail()
        return found

    def _or(self) -> Condition | Operand:
        parts = [self._and()]
        while self._words.takes("OR"):
            self._words.count()
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Some(tuple(map(self._condition, parts)))

    def _and(self) -> Condition | Operand:
        parts = [self._not()]
        while self._words.takes("AND"):
            self._words.count()
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else Every(tuple(map(self._condition, parts)))

    def _not(self) -> Condition | Operand:
        if not self._words.takes("NOT"):
            return self._comparison()
        self._words.count()
        self._words.deeper()
        found = Not(self._condition(self._not()))
        self._words.shallower()
        return found

    def _comparison(self) -> Condition | Operand:
        left = self._primary()
        if not isinstance(left, Path | Literal | Size):
            return left
        words = self._words
        if words.next.kind == "symbol" and words.next.text in COMPARATORS:
            words.count()
            return checks.compared(Compare(words.take().text, left, self._operand()), words)
        if words.takes("BETWEEN"):
            words.count()
            low = self._operand()
            words.expect("AND")
            return checks.between(Between(left, low, self._operand()), words)
        if words.takes("IN"):
            words.count()
            words.expect("(")
            options = self._operands.listed(self._operand)
            words.expect(")")
            return checks.among(In(left, tuple(options)), words)
        return left

    def _primary(self) -> Condition | Operand:
        words = self._words
        opened = words.place
        if not words.takes("("):
            return self._operands.one(self._function, keywords=_KEYWORDS)
        found = self._operands.within(self._or)
        closed = words.place - 1
        if words.group == (opened + 1, closed - 1):
            words.refuse("The expression has redundant parentheses;")
        words.group = opened, closed
        return found

    def _operand(self) -> Operand:
        if self._words.takes("("):
            return self._operands.within(self._operand)
        found = self._operands.one(self._function)
        if isinstance(found, Predicate):
            self._words.refuse(checks.misplaced(found.function))
        return found

    def _function(self) -> Predicate | Size:
        words = self._words
        name = words.take().text
        if name not in FUNCTIONS:
            words.refuse(unknown(name))
        return checks.called(name, self._operands.arguments(name, FUNCTIONS[name], self._operand), words)
