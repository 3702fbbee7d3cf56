"""The words of an expression, and the parser's way through them. Source: DynamoDB developer guide, "Using expressions"."""

import re
from typing import Final, NamedTuple, NoReturn

from router.items.errors import Refused

LONGEST: Final = 4096  # bytes of an expression
DEEPEST: Final = 60  # parentheses, NOTs and function calls in one another
MOST_OPERATORS: Final = 300  # of an expression; developer guide, "Constraints"

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<alias>#[A-Za-z0-9_]+)|(?P<value>:[A-Za-z0-9_]+)|(?P<index>[0-9]+)"
    r"|(?P<symbol><>|<=|>=|[()\[\].,=<>+-])|(?P<bad>\S))",
    re.ASCII,
)


class Token(NamedTuple):
    """One word."""

    kind: str  # name, alias, value, index, symbol, bad, end
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """A keyword's one spelling; "" for what can be none."""
        return self.text.upper() if self.kind == "name" else ""


class Words:
    """An expression read from left to right. *what*: the parameter's name, which begins every complaint."""

    def __init__(self, expression: str, what: str) -> None:
        self.text, self.what = expression, what
        if not expression.strip():
            self.refuse("The expression can not be empty;")
        if len(expression.encode("utf-8", "surrogatepass")) > LONGEST:
            size = len(expression.encode("utf-8", "surrogatepass"))
            self.refuse(f"Expression size has exceeded the maximum allowed size; expression size: {size}")
        self._tokens = [
            Token(str(found.lastgroup), found[found.lastgroup or 0], found.start(found.lastgroup or 0), found.end())
            for found in _TOKEN.finditer(expression)
        ]
        self._tokens.append(Token("end", "<EOF>", len(expression), len(expression)))
        self._at = 0
        self._depth = 0
        self._operators = 0
        self.group = (-1, -1)  # places of the last parentheses that were closed

    @property
    def next(self) -> Token:
        """The word to be read."""
        return self._tokens[self._at]

    @property
    def place(self) -> int:
        """Its number."""
        return self._at

    @property
    def after(self) -> Token:
        """The one behind it."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Read a word."""
        token = self._tokens[self._at]
        if token.kind == "end":
            self.fail()
        self._at += 1
        return token

    def takes(self, symbol: str) -> bool:
        """Read *symbol*, a symbol or a keyword, if it is next; whether it was."""
        token = self._tokens[self._at]
        found = token.text == symbol if token.kind == "symbol" else token.word == symbol
        self._at += found
        return found

    def expect(self, symbol: str) -> None:
        """Read *symbol*. Raises Refused when something else is there."""
        if not self.takes(symbol):
            self.fail()

    def end(self) -> None:
        """Nothing may be left. Raises Refused."""
        if self._tokens[self._at].kind != "end":
            self.fail()

    def deeper(self) -> None:
        """One level down, until shallower(). Raises Refused."""
        self._depth += 1
        if self._depth > DEEPEST:
            self.refuse(f"The expression is nested more than {DEEPEST} levels deep")

    def shallower(self) -> None:
        """One level up."""
        self._depth -= 1

    def count(self) -> None:
        """One more operator or function. Raises Refused."""
        self._operators += 1
        if self._operators > MOST_OPERATORS:
            self.refuse(f"The expression contains too many operators; maximum operators allowed: {MOST_OPERATORS}")

    def fail(self) -> NoReturn:
        """Complain of the word that is next."""
        token = self._tokens[self._at]
        before, behind = self._tokens[max(0, self._at - 1)], self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        near = self.text[before.start : behind.end].strip()
        self.refuse(f'Syntax error; token: "{token.text}", near: "{near}"')

    def refuse(self, why: str) -> NoReturn:
        """Complain of the expression."""
        raise Refused(f"Invalid {self.what}: {why}")
