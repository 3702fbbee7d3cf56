"""What conditions, projections and updates are all made of: paths, values, parentheses, and calls of functions."""

from collections.abc import Callable
from typing import Final, TypeVar

from router.items.nodes import Literal, Path
from router.items.placeholders import Placeholders
from router.items.reserved import WORDS
from router.items.tokens import Words

T = TypeVar("T")

DEEPEST_PATH: Final = 33  # names and positions of a path: 32 levels below the item


class Operands:
    """Reads them from an expression. Calls raise Refused."""

    def __init__(self, words: Words, known: Placeholders) -> None:
        self.words, self._known = words, known

    def path(self) -> Path:
        """A path."""
        words = self.words
        steps: list[str | int] = [self._element()]
        while True:
            if words.takes("."):
                steps.append(self._element())
            elif words.takes("["):
                steps.append(self._position())
                words.expect("]")
            else:
                break
        if len(steps) > DEEPEST_PATH:
            words.refuse("The document path has too many nesting elements; nesting level: " + str(len(steps) - 1))
        return Path(tuple(steps))

    def _element(self) -> str:
        words = self.words
        token = words.next
        if token.kind == "alias":
            return self._known.name(words.take().text, words)
        if token.kind != "name":
            words.fail()
        words.take()
        if token.word in WORDS:
            words.refuse(f"Attribute name is a reserved keyword; reserved keyword: {token.text}")
        return token.text

    def _position(self) -> int:
        if self.words.next.kind != "index":
            self.words.fail()
        digits = self.words.take().text
        if len(digits) > 9:
            self.words.refuse(f"List index is not within the allowable range; index: [{digits}]")
        return int(digits)

    def literal(self) -> Literal:
        """A value that the request brought."""
        if self.words.next.kind != "value":
            self.words.fail()
        return Literal(self._known.value(self.words.take().text, self.words))

    def one(self, function: Callable[[], T], *, keywords: frozenset[str] = frozenset()) -> T | Literal | Path:
        """A value, what *function* reads where one is called, or a path. *keywords* before a parenthesis call nothing."""
        words = self.words
        if words.next.kind == "value":
            return self.literal()
        if words.next.kind == "name" and words.after.text == "(" and words.next.word not in keywords:
            return function()
        return self.path()

    def within(self, inner: Callable[[], T]) -> T:
        """What *inner* reads, up to the end of the parentheses that are open."""
        words = self.words
        words.deeper()
        found = inner()
        words.expect(")")
        words.shallower()
        return found

    def listed(self, one: Callable[[], T]) -> list[T]:
        """One, and those behind commas."""
        found = [one()]
        while self.words.takes(","):
            found.append(one())
        return found

    def arguments(self, function: str, count: int, one: Callable[[], T]) -> list[T]:
        """What a function is called with."""
        words = self.words
        words.count()
        words.expect("(")
        found = self.within(lambda: self.listed(one))
        if len(found) != count:
            words.refuse(
                f"Incorrect number of operands for operator or function; operator or function: {function}, number of operands: {len(found)}"
            )
        return found


def wrong_kind(function: str, kind: str) -> str:
    """A value is of a type that an operator or function does not take."""
    return f"Incorrect operand type for operator or function; operator or function: {function}, operand type: {kind}"


def no_path(function: str) -> str:
    """A function's first operand is something else."""
    return f"Operator or function requires a document path; operator or function: {function}"


def unknown(function: str) -> str:
    """There is no such function."""
    return f"Invalid function name; function: {function}"
