"""Words for a terminal: escapes, columns. Pure.

What functions, files and requests put into a string must not move the cursor, colour the screen, turn the
reading direction or start a line of its own: visible() spells such characters out."""

import unicodedata
from collections.abc import Sequence
from typing import Final

_SPELT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e"}
# Cc control, Cf format (bidi, zero width, tags), Cs lone surrogate, Co private, Zl and Zp line and paragraph separator
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_GAP: Final = "  "
_NARROWEST: Final = 8  # cells that a column keeps when the terminal is too narrow for all


def visible(text: str, keep: str = "") -> str:
    """*text* with everything that is not printable spelt out, but for the characters in *keep*."""
    if text.isprintable() and text.isascii():
        return text
    return "".join(char if char in keep or not _hidden(char) else _spelt(char) for char in text)


def _hidden(char: str) -> bool:
    return unicodedata.category(char) in _HIDDEN


def _spelt(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return _SPELT.get(char, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cells(text: str) -> int:
    """How many columns of a terminal *text* takes."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def shortened(text: str, limit: int) -> str:
    """*text* within *limit* cells; an ellipsis stands for what was cut."""
    if cells(text) <= limit:
        return text
    kept, used = [], 1
    for char in text:
        used += _cells(char)
        if used > limit:
            break
        kept.append(char)
    return "".join(kept) + "…"


def cell(value: object) -> str:
    """One value of a JSON row as a table shows it."""
    match value:
        case None | "" | []:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(cell, value))
        case dict():
            return ", ".join(f"{cell(key)}={cell(item)}" for key, item in value.items())
    return visible(str(value))


def columns(rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Rows as aligned lines. *width*: cells of the terminal, the widest columns give way first; None: nothing is cut."""
    if not rows:
        return []
    widths = [max(cells(row[i]) for row in rows) for i in range(len(rows[0]))]
    if width is not None:
        widths = fitted(widths, width - len(_GAP) * (len(widths) - 1))
    return [_line(row, widths) for row in rows]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    parts = []
    for text, room in zip(row, widths, strict=True):
        short = shortened(text, room)
        parts.append(short + " " * (room - cells(short)))
    return _GAP.join(parts).rstrip()


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """Column widths that sum to *room*, unless that would take one below the narrowest; always the widest shrinks."""
    left = [min(width, max(room, _NARROWEST)) for width in widths]
    while sum(left) > room and max(left) > _NARROWEST:
        left[left.index(max(left))] -= 1
    return left
