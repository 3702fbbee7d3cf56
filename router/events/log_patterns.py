"""Filter patterns of CloudWatch Logs: which log events FilterLogEvents gives. Pure.

Source: CloudWatch Logs user guide, "Filter pattern syntax". Terms: `ERROR "two words" -DEBUG`, or `?ERROR ?WARN`; JSON:
`{ $.level = "ERROR" && $.latency > 100 }`; columns: `[ip, user, status = 4*, ...]`. Regular expressions (%…%) stand alone, or in place of a
value."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from router.events.log_conditions import EXPRESSION, BadPattern, Reader, Test, comparison, expression, plain
from router.events.log_regular import MOST

LONGEST: Final = 1024  # characters of a pattern
COLUMNS: Final = 1000

_TERM: Final = re.compile(r'\s*([?-]?)("(?:[^"\\]|\\.)*"|[^\s"]+)')
_EXPRESSION: Final = re.compile(rf"=\s*{EXPRESSION}")
_STEP: Final = re.compile(r"\.?\[(\d{1,9}|\*)\]|\.?\['([^']*)'\]|\.([^.\[\]']+)")
_BARE: Final = re.compile(r"\s*(\S+)")
_CLOSED: Final = {"[": "]", '"': '"'}
_NAME: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class LogPattern:
    """A pattern, ready to match."""

    test: Callable[[str], bool] | None  # None: everything matches
    columns: "Columns | None" = None  # where it has any
    json: bool = False  # it is of JSON

    @classmethod
    def of(cls, text: str) -> "LogPattern":
        """Raises BadPattern."""
        if len(text) > LONGEST:
            raise BadPattern(f"longer than {LONGEST} characters")
        stripped = text.strip()
        if not stripped:
            return cls(None)
        if len(_EXPRESSION.findall(stripped)) > MOST:
            raise BadPattern(f"more than {MOST} regular expressions")
        if stripped.startswith("{"):
            return cls(_json(stripped), json=True)
        if stripped.startswith("["):
            columns = Columns(stripped)
            return cls(columns.matches, columns)
        return cls(_terms(stripped))

    def matches(self, message: str) -> bool:
        """Whether a log event is wanted."""
        return self.test is None or self.test(message)

    def extracted(self, message: str) -> dict[str, str] | None:
        """A matching event's values by column; None where the pattern has none."""
        return None if self.columns is None else self.columns.named(message)

    def selected(self, selector: str) -> Callable[[str], Any]:
        """What finds `$.a.b` of a JSON pattern, or `$name` of columns, in a matching event; None where there is nothing. Raises BadPattern."""
        if self.json:
            steps = _steps(selector)
            return lambda message: next(iter(_found(orjson.loads(message), steps)), None)
        name = selector.removeprefix("$")
        if self.columns is None or name == selector or name not in self.columns.names:
            raise BadPattern(f"{selector[:40]!r} is no part of what the pattern finds")
        columns = self.columns
        return lambda message: columns.named(message).get(name)


# -- terms


def _terms(text: str) -> Callable[[str], bool]:
    if re.fullmatch(EXPRESSION, text) and (alone := expression(text)) is not None:
        return alone.found_in
    found: dict[str, list[str]] = {"": [], "?": [], "-": []}
    at = 0
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None:
            raise BadPattern('a quotation mark without another; write "two words"')
        kind, word = term.groups()
        if expression(word) is not None:
            raise BadPattern("a regular expression stands alone, or in place of a value in JSON or columns")
        found[kind].append(plain(word))
        at = term.end()
    wanted, either, unwanted = found[""], found["?"], found["-"]

    def test(message: str) -> bool:
        if any(word in message for word in unwanted):
            return False
        if wanted:  # then those with a question mark say nothing, as on AWS
            return all(word in message for word in wanted)
        return not either or any(word in message for word in either)

    return test


# -- JSON


def _json(text: str) -> Callable[[str], bool]:
    if not text.endswith("}"):
        raise BadPattern("{ without a }")
    reader = Reader(text[1:-1])
    test = reader.whole(lambda: _property(reader))

    def whole(message: str) -> bool:
        if not message.lstrip().startswith(("{", "[")):
            return False
        try:
            return test(orjson.loads(message))
        except (ValueError, RecursionError):
            return False

    return whole


def _property(reader: Reader) -> Test:
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
    compare = comparison(sign, reader.literal())
    return lambda value: any(compare(one) for one in _found(value, steps))


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


class Columns:
    """`[ip, user, status = 4*, ...]`: a line in columns."""

    def __init__(self, text: str) -> None:
        """Raises BadPattern."""
        if not text.endswith("]"):
            raise BadPattern("[ without a ]")
        parts = _split(text[1:-1])
        if not parts or len(parts) > COLUMNS:
            raise BadPattern("columns are written [first, second, ...]")
        if parts.count("...") > 1:
            raise BadPattern("... stands for the columns in one place only")
        self._gap = parts.index("...") if "..." in parts else None
        columns = [part for part in parts if part != "..."]
        self._tests = [_column(part) for part in columns]
        self.names = [name[0] for part in columns if (name := _NAME.search(part))]

    def matches(self, message: str) -> bool:
        """Whether a line has these columns, and in them what is wanted."""
        values = self._split(message)[0]
        return values is not None and all(test is None or test(value) for test, value in zip(self._tests, values, strict=True))

    def named(self, message: str) -> dict[str, str]:
        """A line's values by column, without their quotes and brackets; those that ... stands for by their place, from 1."""
        values, between = self._split(message)
        named = {} if values is None else dict(zip(self.names, map(_unwrapped, values), strict=True))
        if len(between) <= COLUMNS:
            named |= {str(place): _unwrapped(value) for place, value in enumerate(between, (self._gap or 0) + 1)}
        return named

    def _split(self, message: str) -> tuple[list[str] | None, list[str]]:
        """The values of the columns that are named, None when the line has not as many, and those that ... stands for."""
        values, gap = _values(message), self._gap
        more = len(values) - len(self._tests)
        if gap is None or more < 0:
            return (values if more == 0 else None), []
        return [*values[:gap], *values[gap + more :]], values[gap : gap + more]


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
    """At commas, but not at those in quotes or regular expressions."""
    return [part.strip() for part in re.findall(rf'(?:"(?:[^"\\]|\\.)*"|=\s*{EXPRESSION}|[^,])+', text) if part.strip()]


def _column(text: str) -> Test | None:
    """A name alone, or conditions on it: status = 4*, or w1 = ERROR || w1 = WARN. None: any value is good."""
    if _NAME.fullmatch(text):
        return None
    reader = Reader(text)

    def operand() -> Test:
        name = reader.take()
        if not _NAME.fullmatch(name):
            raise BadPattern(f"{name[:20]!r} is no column's name")
        return _bare(comparison(reader.take(), reader.literal()))

    return reader.whole(operand)


def _bare(test: Test) -> Test:
    """A column's value is compared without its quotes or brackets, and as a number where it is one."""

    def bare(value: str) -> bool:
        return test(_unwrapped(value))

    return bare


def _unwrapped(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] + value[-1] in {'""', "[]"} else value
