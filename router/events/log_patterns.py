"""Filter patterns of CloudWatch Logs: which log events FilterLogEvents gives. Pure.

Source: CloudWatch Logs user guide, "Filter pattern syntax". Terms: `ERROR "two words" -DEBUG`, or `?ERROR ?WARN`; JSON:
`{ $.level = "ERROR" && $.latency > 100 }`; columns: `[ip, user, status = 4*, ...]`. Regular expressions (%…%) are refused: a
hostile one would hold up everybody."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from router import wildcards

LONGEST: Final = 1024  # characters of a pattern
DEEPEST: Final = 40  # parentheses in one another
COLUMNS: Final = 1000

_TERM: Final = re.compile(r'\s*([?-]?)("(?:[^"\\]|\\.)*"|[^\s"]+)')
_TOKEN: Final = re.compile(
    r'\s*(&&|\|\||!=|<=|>=|[=<>()]|"(?:[^"\\]|\\.)*"|\$[^\s=!<>()&|]*(?:\[\'[^\']*\'\][^\s=!<>()&|]*)*|[^\s=!<>()&|",]+)'
)
_STEP: Final = re.compile(r"\.?\[(\d{1,9}|\*)\]|\.?\['([^']*)'\]|\.([^.\[\]']+)")
_BARE: Final = re.compile(r"\s*(\S+)")
_CLOSED: Final = {"[": "]", '"': '"'}
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_NAME: Final = re.compile(r"\w+")
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


@dataclass(frozen=True, slots=True)
class LogPattern:
    """A pattern, ready to match."""

    test: Callable[[str], bool] | None  # None: everything matches

    @classmethod
    def of(cls, text: str) -> "LogPattern":
        """Raises BadPattern."""
        if len(text) > LONGEST:
            raise BadPattern(f"longer than {LONGEST} characters")
        stripped = text.strip()
        if not stripped:
            return cls(None)
        if stripped.startswith("{"):
            return cls(_json(stripped))
        return cls(_columns(stripped) if stripped.startswith("[") else _terms(stripped))

    def matches(self, message: str) -> bool:
        """Whether a log event is wanted."""
        return self.test is None or self.test(message)


# -- terms


def _terms(text: str) -> Callable[[str], bool]:
    found: dict[str, list[str]] = {"": [], "?": [], "-": []}
    at = 0
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None:
            raise BadPattern('a quotation mark without another; write "two words"')
        kind, word = term.groups()
        found[kind].append(_plain(word))
        at = term.end()
    wanted, either, unwanted = found[""], found["?"], found["-"]

    def test(message: str) -> bool:
        if any(word in message for word in unwanted):
            return False
        if wanted:  # then those with a question mark say nothing, as on AWS
            return all(word in message for word in wanted)
        return not either or any(word in message for word in either)

    return test


def _plain(word: str) -> str:
    if word.startswith('"'):
        return re.sub(r"\\(.)", r"\1", word[1:-1])
    if len(word) > 1 and word.startswith("%") and word.endswith("%"):
        raise BadPattern("regular expressions (%…%) are not supported here")
    return word


# -- JSON


class _Reader:
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
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self) -> str:
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

    def literal(self) -> Literal:
        token = self.take()
        if token in {"&&", "||", "=", "!=", "<", ">", "<=", ">=", "(", ")"}:
            raise BadPattern(f"{token} stands where a value should")
        quoted = token.startswith('"')
        return Literal(wildcards.starred(_plain(token)), float(token) if not quoted and _NUMBER.fullmatch(token) else None)


def _json(text: str) -> Callable[[str], bool]:
    if not text.endswith("}"):
        raise BadPattern("{ without a }")
    reader = _Reader(text[1:-1])
    test = reader.whole(lambda: _property(reader))

    def whole(message: str) -> bool:
        if not message.lstrip().startswith(("{", "[")):
            return False
        try:
            return test(orjson.loads(message))
        except (ValueError, RecursionError):
            return False

    return whole


def _property(reader: _Reader) -> Test:
    """`$.a.b OP VALUE`, `$.a IS NULL`, `$.a NOT EXISTS`."""
    steps = _steps(reader.take())
    sign = reader.take().upper()
    if sign == "IS":
        word = reader.take().upper()
        wanted = {"NULL": None, "TRUE": True, "FALSE": False}
        if word not in wanted:
            raise BadPattern("IS goes with NULL, TRUE or FALSE")
        return lambda value: any(one is wanted[word] for one in _found(value, steps))
    if sign in {"NOT", "EXISTS"}:
        if sign == "NOT" and reader.take().upper() != "EXISTS":
            raise BadPattern("NOT goes with EXISTS")
        there = sign == "EXISTS"
        return lambda value: bool(_found(value, steps)) is there
    compare = _comparison(sign, reader.literal())
    return lambda value: any(compare(one) for one in _found(value, steps))


def _comparison(sign: str, literal: Literal) -> Test:
    if sign == "=":
        return literal.equals
    if sign == "!=":
        return lambda value: not literal.equals(value)
    number, compare = literal.number, _COMPARED.get(sign)
    if compare is None:
        raise BadPattern(f"{sign[:20]!r} is no operator; = != < <= > >=, IS, EXISTS and NOT EXISTS are")
    if number is None:
        raise BadPattern(f"{sign} compares with a number")

    def test(value: Any) -> bool:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)  # a column
        return isinstance(value, int | float) and not isinstance(value, bool) and compare(value, number)

    return test


def _steps(selector: str) -> list[str | int]:
    """The steps of $.a['b.c'][0][*]: names, numbers, and -1 for all of a list."""
    if not selector.startswith("$"):
        raise BadPattern(f"{selector[:20]!r} is no property; write $.name")
    steps: list[str | int] = []
    at = 1
    while at < len(selector):
        found = _STEP.match(selector, at)
        if found is None:
            raise BadPattern(f"{selector[:40]!r} is no property")
        index, quoted, name = found.groups()
        steps.append((-1 if index == "*" else int(index)) if index else quoted if quoted is not None else name)
        at = found.end()
    if not steps:
        raise BadPattern("$ alone is no property; write $.name")
    return steps


def _found(value: Any, steps: Sequence[str | int]) -> list[Any]:
    """What stands there: nothing, one value, or with [*] several."""
    found = [value]
    for step in steps:
        below: list[Any] = []
        for one in found:
            if isinstance(step, str) and isinstance(one, dict) and step in one:
                below.append(one[step])
            elif isinstance(step, int) and isinstance(one, list):
                below += one if step < 0 else one[step : step + 1]
        found = below
    return found


# -- columns


def _columns(text: str) -> Callable[[str], bool]:
    if not text.endswith("]"):
        raise BadPattern("[ without a ]")
    parts = _split(text[1:-1])
    if not parts or len(parts) > COLUMNS:
        raise BadPattern("columns are written [first, second, ...]")
    gap = parts.index("...") if "..." in parts else None
    if parts.count("...") > 1:
        raise BadPattern("... stands for the columns in one place only")
    tests = [None if part == "..." else _column(part) for part in parts]

    def test(message: str) -> bool:
        values = _values(message)
        if gap is None:
            chosen = values if len(values) == len(tests) else None
        else:
            missing = len(values) - (len(tests) - 1)
            chosen = None if missing < 0 else [*values[:gap], "", *values[gap + missing :]]
        return chosen is not None and all(one is None or one(value) for one, value in zip(tests, chosen, strict=True))

    return test


def _values(message: str) -> list[str]:
    """A line's columns: words, and what stands in brackets or quotes. Each character is looked at once: a line may be a megabyte of brackets."""
    found: list[str] = []
    closed = dict(_CLOSED)
    at = 0
    while (word := _BARE.match(message, at)) is not None:
        start = word.start(1)
        close = closed.get(message[start])
        end = message.find(close, start + 1) if close else -1
        if close and end < 0:
            del closed[message[start]]  # none is to come
        at = word.end() if end < 0 else end + 1
        found.append(message[start:at])
    return found


def _split(text: str) -> list[str]:
    """At commas, but not at those in quotes."""
    return [part.strip() for part in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,])+', text) if part.strip()]


def _column(text: str) -> Test | None:
    """A name alone, or conditions on it: status = 4*, or w1 = ERROR || w1 = WARN. None: any value is good."""
    if _NAME.fullmatch(text):
        return None
    reader = _Reader(text)

    def operand() -> Test:
        name = reader.take()
        if not _NAME.fullmatch(name):
            raise BadPattern(f"{name[:20]!r} is no column's name")
        return _bare(_comparison(reader.take(), reader.literal()))

    return reader.whole(operand)


def _bare(test: Test) -> Test:
    """A column's value is compared without its quotes or brackets, and as a number where it is one."""

    def bare(value: str) -> bool:
        if len(value) > 1 and value[0] + value[-1] in {'""', "[]"}:
            value = value[1:-1]
        return test(value)

    return bare
