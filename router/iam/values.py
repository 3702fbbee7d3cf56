"""The values that condition operators compare: numbers, dates, booleans, bytes, addresses, ARNs. Pure.

Each reader gives None for what is no such value. Source: IAM user guide, "IAM JSON policy elements: Condition operators"."""

import base64
import binascii
import re
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

ARN_FIELDS: Final = 6  # arn:partition:service:region:account:resource

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,4})?")
_EPOCH: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,9})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?")


def number(text: str) -> Decimal | None:
    """A number, exact."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def moment(text: str) -> Decimal | None:
    """An ISO 8601 date or epoch seconds, as epoch seconds. Without an offset: UTC."""
    if _EPOCH.fullmatch(text):
        return Decimal(text)
    found = _DATE.fullmatch(text)
    if not found:
        return None
    try:
        at = datetime.fromisoformat(text if found[1] else f"{text}-01")
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return Decimal((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def truth(text: str) -> bool | None:
    """True or false, in any letter case."""
    return {"true": True, "false": False}.get(text.lower())


def octets(text: str) -> bytes | None:
    """Bytes in base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def network(text: str) -> IPv4Network | IPv6Network | None:
    """An address range, or one address."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def address(text: str) -> IPv4Address | IPv6Address | None:
    """An address; one of IPv4 in IPv6's clothes is one of IPv4."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
