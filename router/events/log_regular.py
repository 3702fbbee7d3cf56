"""Regular expressions in filter patterns of CloudWatch Logs: %…%. Pure.

Source: CloudWatch Logs user guide, "Supported regular expressions (regex) syntax". It has no groups; what it finds may lie anywhere in a
text. Time grows with the text, whatever the expression is (router/regular.py)."""

import re
from typing import Any, Final, NamedTuple

import orjson

from router.regular import Regular, Unfit

MOST: Final = 2  # of one pattern with JSON or columns
_ESCAPED: Final = r"\\(?:[dDsSwW]|x[0-9A-Fa-f]{2}|[!-/:-@\[-`{-~])"
_PLAIN: Final = "A-Za-z0-9_#=@/;,:$?{}|*+. -"
_PIECE: Final = re.compile(rf"\[\^?(?:{_ESCAPED}|[{_PLAIN}])(?:{_ESCAPED}|[\^{_PLAIN}])*\]|{_ESCAPED}|[\^{_PLAIN}]")


class BadExpression(ValueError):
    """No regular expression that is taken; the text says why."""


class _Way(NamedTuple):
    """One of the ways between |."""

    expression: Regular
    begins: bool  # ^: only at the beginning of a text
    ends: bool  # $: only at its end


class LogRegular:
    """One expression, ready to look for."""

    def __init__(self, text: str) -> None:
        """*text*: what stands between the percent signs. Raises BadExpression."""
        try:
            self._ways = [_way(part) for part in _parts(text)]
        except Unfit as error:
            raise BadExpression(str(error)) from None

    def found_in(self, text: str) -> bool:
        """Whether it is somewhere in a text."""
        return any(way.expression.found_in(text, begins=way.begins, ends=way.ends) for way in self._ways)

    def equals(self, value: Any) -> bool:
        """The same of a JSON value, or of a column; a number is looked at as it is written."""
        text = value if isinstance(value, str) else orjson.dumps(value).decode() if isinstance(value, int | float) else None
        return text is not None and not isinstance(value, bool) and self.found_in(text)


def _parts(text: str) -> list[list[str]]:
    """The ways between |, each in pieces. Raises BadExpression for what AWS does not take."""
    if not text:
        raise BadExpression("%% has no expression in it")
    parts: list[list[str]] = [[]]
    at = 0
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None:
            raise BadExpression(f"{text[at : at + 10]!r} is not taken in a regular expression")
        if found[0] == "|":
            parts.append([])
        else:
            parts[-1].append(found[0])
        at = found.end()
    return parts


def _way(pieces: list[str]) -> _Way:
    begins, ends = pieces[:1] == ["^"], pieces[-1:] == ["$"]
    return _Way(Regular("(?a)" + "".join(pieces[begins : len(pieces) - ends])), begins, ends)
