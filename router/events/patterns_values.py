"""The operators of event patterns: each says whether one leaf value of an event is to its liking.

Pure. Sources: EventBridge user guide, "Comparison operators in event patterns"; verdicts in tests/golden/eventbridge_pattern_cases.json.
A leaf is a string, number, boolean or null; numbers are equal when their values are, 300 and 300.0. Case is ignored as
str.casefold() does it. A numeric comparison knows nothing beyond ±5e9: a larger value matches none, as AWS documents."""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

NUMBERS: Final = 5_000_000_000  # comparisons know the numbers from -NUMBERS to NUMBERS
_IPV4: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_IPV6: Final = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")

Scalar = str | int | float | bool | None


class InvalidPattern(ValueError):
    """A pattern that AWS would refuse; the text is the reason as AWS gives it."""


class Operator(Protocol):
    """One alternative in the array of a field."""

    def accepts(self, value: Scalar) -> bool:
        """Whether a value that is there matches."""


@dataclass(frozen=True, slots=True)
class Exact:
    """A value itself. *kind* tells true from 1."""

    value: Scalar
    kind: str

    @classmethod
    def of(cls, value: Scalar) -> "Exact":
        """The operator for a value as it stands in a pattern."""
        return cls(value, kind(value))

    def accepts(self, value: Scalar) -> bool:
        """Equal, and of one kind."""
        return value == self.value and kind(value) == self.kind


@dataclass(frozen=True, slots=True)
class Folded:
    """`equals-ignore-case`."""

    text: str  # casefolded

    def accepts(self, value: Scalar) -> bool:
        """A text that differs in nothing but case."""
        return isinstance(value, str) and value.casefold() == self.text


@dataclass(frozen=True, slots=True)
class Affix:
    """`prefix` and `suffix`, with or without regard to case."""

    text: str  # casefolded when *folded*
    end: bool = False  # a suffix
    folded: bool = False

    def accepts(self, value: Scalar) -> bool:
        """A text that begins, or ends, so."""
        if not isinstance(value, str):
            return False
        text = value.casefold() if self.folded else value
        return text.endswith(self.text) if self.end else text.startswith(self.text)


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`wildcard`: literal parts in this order, anything between them."""

    parts: tuple[str, ...]  # at least one; the first begins the text, the last ends it

    def accepts(self, value: Scalar) -> bool:
        """A text of this form; takes time proportional to its length for each part."""
        if not isinstance(value, str):
            return False
        head, *middle = self.parts
        if not middle:
            return value == head
        tail = middle.pop()
        if len(value) < len(head) + len(tail) or not value.startswith(head) or not value.endswith(tail):
            return False
        at, last = len(head), len(value) - len(tail)
        for part in middle:  # the earliest place leaves most to the rest
            found = value.find(part, at, last)
            if found < 0:
                return False
            at = found + len(part)
        return True


@dataclass(frozen=True, slots=True)
class Numeric:
    """`numeric`: a range; equality is Exact."""

    low: float = -NUMBERS
    high: float = NUMBERS
    open_low: bool = False
    open_high: bool = False

    def accepts(self, value: Scalar) -> bool:
        """A JSON number within."""
        if kind(value) != "number" or not -NUMBERS <= value <= NUMBERS:  # type: ignore[operator]
            return False
        above = value > self.low if self.open_low else value >= self.low  # type: ignore[operator]
        return above and (value < self.high if self.open_high else value <= self.high)  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class Addresses:
    """`cidr`: from the address as written to the last of its block."""

    version: int  # 4 or 6
    low: int
    high: int

    def accepts(self, value: Scalar) -> bool:
        """A text that is an address within."""
        found = address(value)
        return found is not None and found.version == self.version and self.low <= int(found) <= self.high


@dataclass(frozen=True, slots=True)
class Exists:
    """`exists: true`: any leaf."""

    def accepts(self, _value: Scalar) -> bool:
        """Everything that is there."""
        return True


@dataclass(frozen=True, slots=True)
class Absent:
    """`exists: false`: no leaf there. It accepts no value; the matcher looks for it."""

    def accepts(self, _value: Scalar) -> bool:
        """Nothing."""
        return False


@dataclass(frozen=True, slots=True)
class AnythingBut:
    """`anything-but`: a leaf is there, and none of these accepts it."""

    refused: tuple[Operator, ...] = field(default=())

    def accepts(self, value: Scalar) -> bool:
        """What all of them refuse; null too."""
        return not any(one.accepts(value) for one in self.refused)


ABSENT: Final = Absent()
EXISTS: Final = Exists()


def kind(value: Any) -> str:
    """Which of JSON's kinds of leaves *value* is."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "truth"
    return "number" if isinstance(value, int | float) else "null"


def address(value: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that *value* spells; None when it is none."""
    if not isinstance(value, str) or not (_IPV4.fullmatch(value) or _IPV6.fullmatch(value)):
        return None
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None
