"""AWS's wildcards: `*` is any run of characters, `?` is one, and both may stand for a slash or a colon. Pure.

Source: IAM user guide, "IAM JSON policy elements: Resource". What lies between two stars is looked for once, without
going back: neither a policy's author nor a client, who chose the text, can make this slow."""

import re
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache


class Wild(Enum):
    """A wildcard, where text could stand."""

    RUN = "*"
    ONE = "?"


Token = str | Wild
"""Text that means itself, or a wildcard."""


def tokens(pattern: str) -> tuple[Token, ...]:
    """A pattern in its parts."""
    parts = re.split(r"([*?])", pattern)
    return tuple(Wild(part) if index % 2 else part for index, part in enumerate(parts) if part)


def starred(pattern: str) -> tuple[Token, ...]:
    """The same where `*` alone is one, and `?` a question mark."""
    parts = re.split(r"(\*)", pattern)
    return tuple(Wild.RUN if index % 2 else part for index, part in enumerate(parts) if part)


def matches(pattern: str, text: str, *, fold: bool = False) -> bool:
    """Whether the whole *text* matches. *fold*: ASCII letters in either case."""
    return _of_pattern(pattern, fold).fullmatch(text) is not None


def matches_tokens(pattern: tuple[Token, ...], text: str) -> bool:
    """The same of a pattern in its parts, which may hold stars that are text."""
    return _of_tokens(pattern, False).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _of_pattern(pattern: str, fold: bool) -> re.Pattern[str]:  # noqa: FBT001 - a cache key
    return _of_tokens(tokens(pattern), fold)


@lru_cache(maxsize=1024)
def _of_tokens(pattern: tuple[Token, ...], fold: bool) -> re.Pattern[str]:  # noqa: FBT001 - a cache key
    pieces = list(_pieces(pattern))
    middle = "".join(f"(?>.*?{piece})" for piece in pieces[1:-1] if piece)
    whole = pieces[0] if len(pieces) == 1 else f"{pieces[0]}{middle}.*{pieces[-1]}"
    return re.compile(whole, re.DOTALL | (re.IGNORECASE | re.ASCII if fold else 0))


def _pieces(pattern: Iterable[Token]) -> Iterable[str]:
    """What stands between the stars, as regular expressions."""
    piece = ""
    for token in pattern:
        if token is Wild.RUN:
            yield piece
            piece = ""
        else:
            piece += "." if token is Wild.ONE else re.escape(str(token))
    yield piece
