"""Policy variables: `${aws:username}`, with a default `${aws:PrincipalTag/team, 'none'}`, and the literals `${*}` `${?}` `${$}`.

Pure. Source: IAM user guide, "IAM policy elements: Variables and tags". What a variable stands for is text: its own
stars match stars only."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from router.wildcards import Token, Wild, tokens

_VARIABLE: Final = re.compile(r"\$\{([^}]*)(\})?")
_NAME: Final = re.compile(r"\s*([A-Za-z0-9._/-]+:[^\s,'{}]+)\s*(?:,\s*'([^']*)'\s*)?")
_LITERALS: Final = ("*", "?", "$")

Context = Mapping[str, Sequence[str]]
"""A request's condition keys, lower-case, and their values."""


class Variable(NamedTuple):
    """A place for a value of the request's context."""

    key: str  # as written
    default: str | None


Template = tuple[Token | Variable, ...]
"""A pattern in its parts."""


class BadVariable(ValueError):
    """Not a policy variable; the text says why."""


class Unresolved(LookupError):
    """A variable that stands for nothing in this request."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def template(text: str, *, variables: bool) -> Template:
    """The parts of a pattern; without *variables* (Version 2008-10-17) `${` is text. Raises BadVariable."""
    if not variables or "${" not in text:
        return tokens(text)
    parts: list[Token | Variable] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        parts += tokens(text[end : found.start()])
        parts.append(_part(found))
        end = found.end()
    return (*parts, *tokens(text[end:]))


def plain(text: str) -> Template:
    """A text that means itself."""
    return (text,) if text else ()


def resolved(parts: Template, context: Context) -> tuple[Token, ...]:
    """The parts with every variable replaced. Raises Unresolved."""
    return tuple(_value(part, context) if isinstance(part, Variable) else part for part in parts)


def text_of(parts: Sequence[Token]) -> str:
    """What operators without wildcards compare with."""
    return "".join(part.value if isinstance(part, Wild) else part for part in parts)


def spelled(parts: Template) -> str:
    """The pattern for people, about as it was written."""
    return "".join(f"${{{part.key}}}" if isinstance(part, Variable) else text_of((part,)) for part in parts)


def keys_of(parts: Template) -> list[str]:
    """The keys that a pattern needs."""
    return [part.key for part in parts if isinstance(part, Variable)]


def _part(found: re.Match[str]) -> str | Variable:
    inside = found[1]
    if not found[2]:
        raise BadVariable("${ without a } behind it; a plain ${ is written ${$}{")
    if inside in _LITERALS:
        return inside
    named = _NAME.fullmatch(inside)
    if named is None:
        raise BadVariable(
            f"${{{inside[:60]}}} is no policy variable; write ${{aws:username}}, or with a default ${{aws:username, 'nobody'}}"
        )
    return Variable(named[1], named[2])


def _value(variable: Variable, context: Context) -> str:
    """A key that has several values stands for none of them."""
    values = context.get(variable.key.lower(), ())
    if len(values) == 1:
        return values[0]
    if variable.default is None or values:
        raise Unresolved(variable.key)
    return variable.default
