"""The text of systemd's units: what is written into them, and what stands in them. Pure.

Source: systemd.syntax(7), systemd.service(5) "Command lines", systemd.unit(5) "Specifiers"."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

MARK: Final = "Written by `router service install`"  # in the first line of what is not shipped
_TELLING: Final = ("Description=", "u router ", "d /srv/")  # lines by which what is shipped is known
_PLAIN: Final = re.compile(r"[A-Za-z0-9_@+=:,./-]+")
_QUOTES: Final = "\"'"
_COMMENTS: Final = ("#", ";")


def quoted(word: str) -> str:
    """*word* so that systemd takes it for one word and for nothing else. Raises ValueError for what a unit cannot say.

    In command lines `$` means something too: see command()."""
    if fault := unspeakable(word):
        raise ValueError(f"{word!r}: {fault}")
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def command(words: Sequence[str]) -> str:
    """The value of ExecStart=. Where there is a `$` the program has the prefix `:`, which leaves variables alone. Raises as quoted()."""
    program, *arguments = words
    if fault := unspeakable(program) or ("has a quote or a backslash" if set(program) & {*_QUOTES, "\\"} else ""):
        raise ValueError(f"{program!r}: {fault}")
    prefix = ":" if any("$" in word for word in words) else ""
    return " ".join(map(quoted, (prefix + program, *arguments)))


def unspeakable(word: str) -> str:
    """Why a unit file cannot hold *word*; "" when it can. As systemd's utf8_is_valid() and string_has_cc()."""
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in word):
        return "has a control character"
    return "has a character that is not UTF-8" if any(map(_invalid, word)) else ""


def _invalid(char: str) -> bool:
    code = ord(char)
    return 0xD800 <= code <= 0xDFFF or 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE


def words(value: str) -> list[str]:
    """What quoted() was given, of a value with several: quotes and backslashes are gone, %% is %."""
    found: list[str] = []
    word, quote, begun = "", "", False
    chars = iter(value.replace("%%", "%"))
    for char in chars:
        if not quote and char.isspace():
            found += [word] if begun else []
            word, begun = "", False
            continue
        begun = True
        if char == "\\":
            word += next(chars, "")
        elif char == quote or (not quote and char in _QUOTES):
            quote = "" if quote else char
        else:
            word += char
    return [*found, word] if begun else found


def assignments(text: str) -> Iterator[tuple[str, str, str]]:
    """(section, key, value) of each line that sets something; a backslash at the end joins the next line."""
    section, kept = "", ""
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith(_COMMENTS) or (not bare and not kept):
            continue
        kept += bare
        if bare.endswith("\\"):
            kept = kept[:-1] + " "
            continue
        if kept.startswith("["):
            section = kept.strip("[]")
        elif "=" in kept:
            key, _, value = kept.partition("=")
            yield section, key.strip(), value.strip()
        kept = ""


def settings(texts: Iterable[str]) -> dict[str, list[str]]:
    """What a service's unit and its drop-ins, in their order, come to: key → its values. An empty value takes back those before it."""
    found: dict[str, list[str]] = {}
    for text in texts:
        for section, key, value in assignments(text):
            if section == "Service":
                found[key] = [*found.get(key, []), value] if value else []
    return found


def ours(text: str) -> bool:
    """Whether it is a file that we ship or write, of whatever version."""
    told = (line for line in text.splitlines() if line.startswith(_TELLING))
    return MARK in text.partition("\n")[0] or any("event-router" in line for line in told)
