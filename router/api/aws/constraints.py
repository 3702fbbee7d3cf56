"""What AWS's models ask of a request beyond its types: patterns, lengths, ranges, enums. The same for every service.

Pure: botocore's model of a service and an operation's members in, the text of a ValidationException out. Types and what is required are
the protocols' affair. Source: texts as recorded against AWS: `1 validation error detected: Value 'x' at 'role' failed to satisfy …`."""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

_CHECKED: Final = ("pattern", "min", "max", "enum")
_LONGEST: Final = 16_384  # characters that a pattern is tried on, where the model has no limit
_SHOWN: Final = 512  # characters of a value in a message
_TOLD: Final = 10  # violations in a message
_DEPTH: Final = 32
_PARTS: Final = (*_CHECKED, "type", "members", "member", "key", "value")
_CLASSES: Final = (("\\p{L}", "\\w"), ("\\p{N}", "\\d"), ("\\p{Z}", "\\s"), ("\\p{Print}", " -~"))  # Java's, and about the same of Python's


CHECKED: Final[Mapping[str, Collection[str]]] = {  # services whose requests are checked so → shapes that they judge in words of their own
    "lambda": ("Runtime",),  # config.yaml has runtimes that AWS has not
    "events": ("PutEventsRequestEntryList",),  # an entry is refused alone
    "scheduler": (),
}

STRICTER: Final[Mapping[str, Mapping[str, Mapping[str, int]]]] = {  # what a service asks for beyond its model: shape → limits
    "lambda": {"Timeout": {"max": 900}, "MemorySize": {"max": 10_240}},
}


class Constraints:
    """Those of one service."""

    def __init__(
        self, document: Mapping[str, Any], unchecked: Collection[str] = (), stricter: Mapping[str, Mapping[str, int]] = MappingProxyType({})
    ) -> None:
        """*document*: the model (service-2.json); *unchecked*: shapes that the service judges in words of its own; *stricter*: see STRICTER."""
        self._shapes = {name: {key: part for key, part in one.items() if key in _PARTS} for name, one in document["shapes"].items()}
        for name, limits in stricter.items():
            self._shapes[name] |= limits
        self._inputs = {name: one["input"]["shape"] for name, one in document["operations"].items() if "input" in one}
        self._unchecked = frozenset(unchecked)
        self._matters: dict[str, bool] = {}  # shape → whether anything in it is constrained

    def refusal(self, operation: str, members: Mapping[str, Any]) -> str:
        """What is wrong with the members of a request, in AWS's words; "" when nothing is."""
        name = self._inputs.get(operation)
        found = list(self._structure(name, members, "", 0)) if name is not None else []
        if not found:
            return ""
        noun = "error" if len(found) == 1 else "errors"
        return f"{len(found)} validation {noun} detected: {'; '.join(found[:_TOLD])}"

    def _structure(self, name: str, value: Mapping[str, Any], place: str, depth: int) -> Iterator[str]:
        members = self._shapes[name].get("members", {})
        for key, one in value.items():
            if one is not None and key in members:
                yield from self._value(members[key]["shape"], one, f"{place}{key[:1].lower()}{key[1:]}", depth + 1)

    def _value(self, name: str, value: Any, place: str, depth: int) -> Iterator[str]:
        if depth > _DEPTH or name in self._unchecked or not self._constrained(name):
            return
        shape = self._shapes[name]
        yield from (f"Value '{_shown(value)}' at '{place}' failed to satisfy constraint: {said}" for said in _violations(shape, value))
        if shape["type"] == "structure" and isinstance(value, Mapping):
            yield from self._structure(name, value, f"{place}.", depth)
        elif shape["type"] == "list" and isinstance(value, list | tuple):
            for index, one in enumerate(value, 1):
                yield from self._value(shape["member"]["shape"], one, f"{place}.{index}.member", depth + 1)
        elif shape["type"] == "map" and isinstance(value, Mapping):
            for key, one in value.items():
                yield from self._value(shape["key"]["shape"], key, f"{place}.{key:.64}.key", depth + 1)
                yield from self._value(shape["value"]["shape"], one, f"{place}.{key:.64}.member", depth + 1)

    def _constrained(self, name: str) -> bool:
        """Whether a shape, or one inside it, has a constraint; those that are made of each other are taken to have one."""
        known = self._matters.get(name)
        if known is None:
            self._matters[name] = True
            shape = self._shapes[name]
            inner = [one["shape"] for one in shape.get("members", {}).values()]
            inner += [shape[part]["shape"] for part in ("member", "key", "value") if part in shape]
            known = any(one in shape for one in _CHECKED) or any(map(self._constrained, inner))
            self._matters[name] = known
        return known


def _violations(shape: Mapping[str, Any], value: Any) -> Iterator[str]:
    """What one value does not satisfy, a phrase each."""
    sized = shape["type"] in ("string", "list", "map", "blob")
    measure = len(value) if sized and hasattr(value, "__len__") else value
    if not isinstance(measure, int | float) or isinstance(measure, bool):
        return
    noun = "length" if sized else "value"
    if "max" in shape and measure > shape["max"]:
        yield f"Member must have {noun} less than or equal to {shape['max']}"
    if "min" in shape and measure < shape["min"]:
        yield f"Member must have {noun} greater than or equal to {shape['min']}"
    if "pattern" in shape and isinstance(value, str) and not _fits(shape, value):
        yield f"Member must satisfy regular expression pattern: {shape['pattern']}"
    if "enum" in shape and value not in shape["enum"]:
        yield f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]"


def _fits(shape: Mapping[str, Any], value: str) -> bool:
    if len(value) > shape.get("max", _LONGEST):
        return "max" in shape  # a pattern is not tried on what is too long; of the two, that alone is told
    pattern = _compiled(shape["pattern"])
    return pattern is None or pattern.fullmatch(value) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """A pattern of Java's; None for one that Python has no counterpart of: it is then not checked."""
    flags = re.DOTALL if "\\p{" in pattern else re.DOTALL | re.ASCII
    for theirs, ours in _CLASSES:
        pattern = pattern.replace(theirs, ours)
    try:
        return re.compile(pattern, flags)
    except re.error:
        return None


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(str, value))}]"[:_SHOWN]
    if isinstance(value, bytes | bytearray):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value)[:_SHOWN]
