"""A config as YAML text that `router check` reads back as it was: stable order, comments above what they are about. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

WIDTH: Final = 120  # characters of a mapping or list on one line
_PLAIN: Final = re.compile(r"[A-Za-z_./$][A-Za-z0-9_./$()*-]*( [A-Za-z0-9_./$()*-]+)*")  # no mark that YAML could take for its own
_WORDS: Final = frozenset(["true", "false", "null", "yes", "no", "on", "off", "y", "n"])
_ESCAPED: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}

Comments = Mapping[tuple[str, ...], tuple[str, ...]]


def written(config: Mapping[str, Any], comments: Comments, head: tuple[str, ...] = ()) -> str:
    """The text. *comments*: path of keys → lines above it."""
    lines = [f"# {_one_line(line)}".rstrip() for line in head]
    lines += _mapping(config, comments, (), "")
    return "\n".join(lines) + "\n"


def _mapping(value: Mapping[str, Any], comments: Comments, path: tuple[str, ...], indent: str) -> Iterator[str]:
    for key, each in value.items():
        here = (*path, key)
        yield from (f"{indent}# {_one_line(line)}" for line in comments.get(here, ()))
        told = any(other[: len(here)] == here and len(other) > len(here) for other in comments)
        yield from _entry(f"{indent}{scalar(key)}:", each, comments, here, indent, whole=len(path) < 1 or told)


def _entry(head: str, value: Any, comments: Comments, path: tuple[str, ...], indent: str, *, whole: bool) -> Iterator[str]:
    """*whole*: a mapping is written line by line however short it is."""
    short = flow(value)
    if not isinstance(value, dict | list) or not value or (not whole and len(head) + len(short) < WIDTH):
        yield f"{head} {short}"
    elif isinstance(value, dict):
        yield head
        yield from _mapping(value, comments, path, indent + "  ")
    else:
        yield head
        yield from _elements(value, indent + "  ")


def _elements(value: list[Any], indent: str) -> Iterator[str]:
    for each in value:
        short = flow(each)
        if not isinstance(each, dict) or not each or len(indent) + len(short) < WIDTH:
            yield f"{indent}- {short}"
            continue
        lines = list(_mapping(each, {}, ("",), indent + "  "))
        yield f"{indent}- {lines[0][len(indent) + 2 :]}"
        yield from lines[1:]


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """One value; text that YAML or a reader of the config could take for something else is in quotes."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(int(value) if isinstance(value, float) and value.is_integer() else value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not re.fullmatch(r"\.[0-9].*|\.(inf|nan)", text.lower()):
        return text
    return '"' + "".join(map(_letter, text)) + '"'


def _letter(letter: str) -> str:
    if letter in _ESCAPED:
        return _ESCAPED[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
