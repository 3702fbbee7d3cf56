"""Numbers as DynamoDB keeps them: up to 38 significant digits, magnitudes from 1E-130 to 9.99…E+125.

Source: DynamoDB developer guide, "Data types", Number. A number is kept as its plain decimal text, which is the same for equal numbers."""

import re
from decimal import Context, Decimal, Inexact, Overflow
from typing import Final

from router.items.errors import Refused

DIGITS: Final = 38
LARGEST: Final = 125  # power of ten of the first digit
SMALLEST: Final = -130

_NUMBER: Final = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?)0*([0-9]+))?", re.ASCII)
_WIDE: Final = Context(prec=600, traps=[Inexact, Overflow])  # the sum of any two numbers is exact
_EXCESS: Final = "Attempting to store more than 38 significant digits in a Number"
_OVERFLOW: Final = "Number overflow. Attempting to store a number with magnitude larger than supported range"
_BELOW_ZERO, _ZERO, _ABOVE_ZERO = 0, 1, 2


def canonical(text: str, *, excess: str = _EXCESS) -> str:
    """The one text of this number: digits, a point where needed, a minus sign. *excess*: what is told of too many digits. Raises Refused."""
    found = _NUMBER.fullmatch(text)
    if found is None or not (found[2] or found[3]):
        told = (
            f"The parameter cannot be converted to a numeric value: {text}"
            if text
            else "The parameter cannot be converted to a numeric value"
        )
        raise Refused(told)
    sign, whole, fraction, power_sign, power = found.groups()
    digits = (whole + (fraction or "")).lstrip("0")
    if not digits:
        return "0"
    exponent = _power(power_sign, power) - len(fraction or "")
    kept = digits.rstrip("0")
    exponent += len(digits) - len(kept)
    _check(len(kept), len(kept) + exponent - 1, excess)
    return ("-" if sign == "-" else "") + _plain(kept, exponent)


def _power(sign: str | None, digits: str | None) -> int:
    """The exponent that was written; one of very many digits is any that is out of range."""
    if not digits:
        return 0
    value = int(digits) if len(digits) < 9 else 10**9
    return -value if sign == "-" else value


def _check(digits: int, magnitude: int, excess: str) -> None:
    if magnitude > LARGEST:
        raise Refused(_OVERFLOW)
    if magnitude < SMALLEST:
        raise Refused("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    if digits > DIGITS:
        raise Refused(excess)


def _plain(digits: str, exponent: int) -> str:
    if exponent >= 0:
        return digits + "0" * exponent
    point = len(digits) + exponent
    return f"{digits[:point]}.{digits[point:]}" if point > 0 else f"0.{'0' * -point}{digits}"


def value(text: str) -> Decimal:
    """A canonical number, to be compared."""
    return Decimal(text)


def added(left: str, right: str, *, minus: bool = False) -> str:
    """The sum of two canonical numbers, or their difference. Raises Refused when it cannot be kept, an overflow also of digits, as in AWS."""
    one, other = Decimal(left), Decimal(right)
    return canonical(format(_WIDE.subtract(one, other) if minus else _WIDE.add(one, other), "f"), excess=_OVERFLOW)


def sortable(text: str) -> bytes:
    """A canonical number as bytes that sort like the numbers; at most 21 of them."""
    if text == "0":
        return bytes((_ZERO,))
    negative = text.startswith("-")
    whole, _, fraction = text.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    magnitude = len(whole.lstrip("0")) - 1 if whole.strip("0") else -1 - (len(fraction) - len(fraction.lstrip("0")))
    kept = digits.rstrip("0")
    pairs = [int(kept[at : at + 2].ljust(2, "0")) for at in range(0, len(kept), 2)]
    if negative:
        return bytes((_BELOW_ZERO, 255 - (magnitude - SMALLEST), *(100 - pair for pair in pairs), 255))
    return bytes((_ABOVE_ZERO, magnitude - SMALLEST, *pairs))


def size(text: str) -> int:
    """Bytes of a canonical number: one for two significant digits, one more, and one for a minus sign."""
    digits = text.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")
