"""What a field of an event pattern may be, read from its JSON: exact values and AWS's comparison operators. Pure; sources as in patterns_parse.py."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from router.events.patterns_values import (
    ABSENT,
    EXISTS,
    NUMBERS,
    Addresses,
    Affix,
    AnythingBut,
    Exact,
    Folded,
    InvalidPattern,
    Numeric,
    Operator,
    Wildcard,
)
from router.events.patterns_values import address as address_of
from router.events.patterns_values import kind as kind_of

WILDCARDS: Final = 5  # in one text; AWS weighs patterns in a way it does not tell
_ONE_KEY: Final = "Only one key allowed in match expression"
_MANY: Final = "Too many elements in numeric expression"
_MASK: Final = re.compile(r"[-+]?[0-9]{1,9}")
_ESCAPED: Final = re.compile(r"\\(.?)|(\*)", re.DOTALL)


def alternatives_of(values: Sequence[Any]) -> tuple[Operator, ...]:
    """The array of a field; one of them must match. Raises InvalidPattern."""
    found: list[Operator] = []
    for value in values:
        if isinstance(value, Mapping):
            found.append(_expression(value))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            raise InvalidPattern("Match value must be String, number, true, false, or null")
        else:
            found += _exact(value)
    if not found:
        raise InvalidPattern("Empty arrays are not allowed")
    return tuple(dict.fromkeys(found))


def _exact(value: Any) -> Iterator[Operator]:
    yield Exact.of(value)
    found = address_of(value)
    if found is not None and found.version == 6:  # one address may be spelled in many ways
        yield Addresses(6, int(found), int(found))


def _expression(node: Mapping[str, Any]) -> Operator:
    """{"prefix": …} and its kind."""
    if not node:
        raise InvalidPattern("Match expression name not found")
    name, value = next(iter(node.items()))
    read = _OPERATORS.get(name)
    if read is None:
        raise InvalidPattern(f"Unrecognized match type {name}")
    made = read(value)
    if len(node) > 1:
        raise InvalidPattern(_MANY if name in {"numeric", "anything-but"} else _ONE_KEY)
    return made


def _text(value: Any, message: str) -> str:
    if not isinstance(value, str):
        raise InvalidPattern(message)
    return value


def _exactly(value: Any) -> Operator:
    return Exact.of(_text(value, "exact match pattern must be a string"))


def _ignoring_case(value: Any) -> Operator:
    return Folded(_text(value, "equals-ignore-case match pattern must be a string").casefold())


def _affix(word: str, *, end: bool) -> Callable[[Any], Operator]:
    def read(value: Any) -> Operator:
        if isinstance(value, Mapping):
            return Affix(_inner(value, word), end=end, folded=True)
        return Affix(_text(value, f"{word} match pattern must be a string"), end=end)

    return read


def _inner(node: Mapping[str, Any], word: str) -> str:
    """The casefolded text of {"equals-ignore-case": text}, inside prefix or suffix."""
    if not node:
        raise InvalidPattern(f"{word.capitalize()} expression name not found")
    name, value = next(iter(node.items()))
    if name != "equals-ignore-case":
        raise InvalidPattern(f"Unsupported {word} pattern: {name}")
    text = _text(value, "equals-ignore-case match pattern must be a string")
    if len(node) > 1:
        raise InvalidPattern(_ONE_KEY)
    return text.casefold()


def _wildcard(value: Any) -> Operator:
    text = _text(value, "wildcard match pattern must be a string")
    parts = [""]
    end = 0
    for found in _ESCAPED.finditer(text):
        parts[-1] += text[end : found.start()]
        end = found.end()
        at = _position(text, found.start())
        if found[2]:
            if text.startswith("*", end):
                raise InvalidPattern(f"Consecutive wildcard characters at pos {at}")
            parts.append("")
        elif found[1] in {"*", "\\"}:
            parts[-1] += found[1]
        else:
            raise InvalidPattern(f"Invalid escape character at pos {at}")
    parts[-1] += text[end:]
    if len(parts) > WILDCARDS + 1:
        raise InvalidPattern(
            "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character"
        )
    return Wildcard(tuple(parts))


def _position(text: str, index: int) -> int:
    """In bytes of UTF-8, the opening quote included: how AWS counts."""
    return 1 + len(text[:index].encode(errors="surrogatepass"))


def _exists(value: Any) -> Operator:
    if not isinstance(value, bool):
        raise InvalidPattern("exists match pattern must be either true or false.")
    return EXISTS if value else ABSENT


def _cidr(value: Any) -> Operator:
    written, slash, mask = _text(value, "prefix match pattern must be a string").partition("/")
    if not slash or not mask or "/" in mask:
        raise InvalidPattern("Malformed CIDR, one '/' required")
    if not _MASK.fullmatch(mask):
        raise InvalidPattern("Malformed CIDR, mask bits must be an integer")
    bits = int(mask)
    if bits < 0:
        raise InvalidPattern("Malformed CIDR, mask bits must not be negative")
    found = address_of(written)
    if found is None:
        raise InvalidPattern(f"Nonstandard IP address: {written}")
    if bits >= found.max_prefixlen:
        raise InvalidPattern(f"IPv{found.version} mask bits must be < {found.max_prefixlen}")
    return Addresses(found.version, int(found), int(found) | ((1 << (found.max_prefixlen - bits)) - 1))


def _anything_but(value: Any) -> Operator:
    name = ""
    if isinstance(value, Mapping):
        if not value:
            raise InvalidPattern("Anything-But expression name not found")
        name, inner = next(iter(value.items()))
        if name not in _REFUSALS:
            raise InvalidPattern(f"Unsupported anything-but pattern: {name}")
    else:
        inner = value
    listed = isinstance(inner, Sequence) and not isinstance(inner, str)
    if not listed and (isinstance(inner, Mapping) or kind_of(inner) not in {"text", "number"}):
        raise InvalidPattern("Value of anything-but must be an array or single string/number value.")
    values = list(inner) if listed else [inner]
    if not name:
        return AnythingBut(_plain(values))
    made = AnythingBut(tuple(_refusal(name, one) for one in values))
    if len(value) > 1:
        raise InvalidPattern(_MANY)
    return made


def _plain(values: list[Any]) -> tuple[Operator, ...]:
    """The values of `anything-but`: all texts or all numbers."""
    kinds = {"" if isinstance(value, Mapping | list | tuple) else kind_of(value) for value in values}
    if kinds - {"text", "number"}:
        raise InvalidPattern("Inside anything but list, start|null|boolean is not supported.")
    if len(kinds) != 1:
        raise InvalidPattern("Inside anything but list, either all values are number or string, mixed type is not supported")
    return tuple(Exact.of(_bounded(value) if kinds == {"number"} else value) for value in values)


_REFUSALS: Final = {
    "equals-ignore-case": "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    "prefix": "prefix/suffix match pattern must be a string",
    "suffix": "prefix/suffix match pattern must be a string",
    "wildcard": "wildcard match pattern must be a string",
}  # what anything-but takes, and the reason when it holds no text


def _refusal(name: str, value: Any) -> Operator:
    text = _text(value, _REFUSALS[name])
    if name == "wildcard":
        return _wildcard(text)
    if name == "equals-ignore-case":
        return Folded(text.casefold())
    if not text:
        raise InvalidPattern("Null prefix/suffix not allowed")
    return Affix(text, end=name == "suffix")


def _numeric(value: Any) -> Operator:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InvalidPattern("Value of numeric must be an array.")
    operator = value[0] if value else None
    if not isinstance(operator, str):
        raise InvalidPattern(f"Invalid member in numeric match: {_shown(value, 0)}")
    if operator not in {"=", "<", "<=", ">", ">="}:
        raise InvalidPattern(f"Unrecognized numeric range operator: {operator}")
    first = _number(value, 1, "equals" if operator == "=" else operator)
    if operator in {">", ">="}:
        return _between(value, first, open_low=operator == ">")
    if len(value) > 2:
        raise InvalidPattern(_MANY)
    return Exact.of(first) if operator == "=" else Numeric(high=first, open_high=operator == "<")


def _between(value: Sequence[Any], low: float, *, open_low: bool) -> Operator:
    if len(value) == 2:
        return Numeric(low=low, open_low=open_low)
    operator = value[2]
    if not isinstance(operator, str):
        raise InvalidPattern(f"Bad value in numeric range: {_shown(value, 2)}")
    if operator not in {"<", "<="}:
        raise InvalidPattern(f"Bad numeric range operator: {operator}")
    high = _number(value, 3, operator)
    if len(value) > 4:
        raise InvalidPattern("Too many terms in numeric range expression")
    if low >= high:
        raise InvalidPattern("Bottom must be less than top")
    return Numeric(low, high, open_low, operator == "<")


def _number(value: Sequence[Any], index: int, word: str) -> float:
    if len(value) <= index or isinstance(value[index], Mapping | list | tuple) or kind_of(value[index]) != "number":
        raise InvalidPattern(f"Value of {word} must be numeric")
    return _bounded(value[index])


def _bounded(number: float) -> float:
    if not -NUMBERS <= number <= NUMBERS:
        raise InvalidPattern("Value must be between -5.0E9 and 5.0E9, inclusive")
    return number


def _shown(value: Sequence[Any], index: int) -> str:
    """How AWS names what it did not expect there."""
    if len(value) <= index:
        return "]"
    one = value[index]
    return {"M": "{", "S": "["}.get("M" if isinstance(one, Mapping) else "S" if isinstance(one, list | tuple) else "", "") or json.dumps(
        one
    )


_OPERATORS: Final[Mapping[str, Callable[[Any], Operator]]] = {
    "exactly": _exactly,
    "prefix": _affix("prefix", end=False),
    "suffix": _affix("suffix", end=True),
    "equals-ignore-case": _ignoring_case,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
    "cidr": _cidr,
}
