"""Conditions in filter patterns of CloudWatch Logs: literals, comparisons, and what joins them. Pure; sources as in log_patterns.py."""

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from router import wildcards
from router.events.log_regular import BadExpression, LogRegular

DEEPEST: Final = 40  # parentheses in one another
EXPRESSION: Final = r"%(?:[^%\\]|\\.)+%"  # a regular expression, as it is written
_TOKEN: Final = re.compile(
    rf'\s*(&&|\|\||!=|<=|>=|[=<>()]|{EXPRESSION}|"(?:[^"\\]|\\.)*"|\$[^\s=!<>()&|]*(?:\[\'[^\']*\'\][^\s=!<>()&|]*)*|[^\s=!<>()&|",]+)'
)
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_COMPARED: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}
Test = Callable[[Any], bool]
"""Of a JSON value, or of the columns of a line."""


class BadPattern(ValueError):
    """No filter pattern; the text says why."""


class Literal(NamedTuple):
    """What is compared with; `*` in it is any run of characters, of a number's too: `$.latency = *` asks for one."""

    parts: tuple[wildcards.Token, ...]
    number: float | None  # None: it is no number, or was in quotes

    def equals(self, value: Any) -> bool:
        """Whether a JSON value, or a column, is it."""
        if isinstance(value, int | float) and not isinstance(value, bool) and wildcards.Wild.RUN not in self.parts:
            return self.number is not None and value == self.number
        text = value if isinstance(value, str) else orjson.dumps(value).decode() if isinstance(value, int | float) else None
        return text is not None and wildcards.matches_tokens(self.parts, text)


def plain(word: str) -> str:
    """A word without its quotes."""
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word


def expression(word: str) -> LogRegular | None:
    """The regular expression that a word is, between percent signs. Raises BadPattern."""
    if len(word) < 2 or not (word.startswith("%") and word.endswith("%")):
        return None
    try:
        return LogRegular(word[1:-1])
    except BadExpression as error:
        raise BadPattern(str(error)) from None


class Reader:
    """Tokens of a pattern, one after another."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise BadPattern(f"cannot be read at {text[at:].strip()[:20]!r}")
            self._tokens.append(found[1])
            at = found.end()
        self._at = 0
        self._depth = 0

    @property
    def next(self) -> str:
        """The token that comes; "" at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self) -> str:
        """The token that comes, which is behind us then. Raises BadPattern at the end."""
        token = self.next
        if not token:
            raise BadPattern("it ends too soon")
        self._at += 1
        return token

    def whole(self, operand: Callable[[], Test]) -> Test:
        """Everything: operands with && and ||, in parentheses or not."""
        found = self._either(operand)
        if self.next:
            raise BadPattern(f"{self.next[:20]!r} is not expected")
        return found

    def _either(self, operand: Callable[[], Test]) -> Test:
        return self._joined("||", lambda: self._joined("&&", lambda: self._one(operand), all), any)

    def _joined(self, sign: str, part: Callable[[], Test], how: Callable[[Any], bool]) -> Test:
        parts = [part()]
        while self.next == sign:
            self.take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else lambda value: how(one(value) for one in parts)

    def _one(self, operand: Callable[[], Test]) -> Test:
        if self.next != "(":
            return operand()
        self.take()
        self._depth += 1
        if self._depth > DEEPEST:
            raise BadPattern(f"more than {DEEPEST} parentheses in one another")
        found = self._either(operand)
        self._depth -= 1
        if self.take() != ")":
            raise BadPattern("a parenthesis is not closed")
        return found

    def literal(self) -> Literal | LogRegular:
        """What is compared with. Raises BadPattern."""
        token = self.take()
        if (found := expression(token)) is not None:
            return found
        if token in {"&&", "||", "=", "!=", "<", ">", "<=", ">=", "(", ")"}:
            raise BadPattern(f"{token} stands where a value should")
        quoted = token.startswith('"')
        return Literal(wildcards.starred(plain(token)), float(token) if not quoted and _NUMBER.fullmatch(token) else None)


def comparison(sign: str, literal: Literal | LogRegular) -> Test:
    """What *sign* asks of a value beside *literal*. Raises BadPattern."""
    if sign == "=":
        return literal.equals
    if sign == "!=":
        return lambda value: not literal.equals(value)
    number, compare = literal.number if isinstance(literal, Literal) else None, _COMPARED.get(sign)
    if compare is None:
        raise BadPattern(f"{sign[:20]!r} is no operator; = != < <= > >=, IS, EXISTS and NOT EXISTS are")
    if number is None:
        raise BadPattern(f"{sign} compares with a number")

    def test(value: Any) -> bool:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)  # a column
        return isinstance(value, int | float) and not isinstance(value, bool) and compare(value, number)

    return test
