"""Tokens of CloudWatch Logs: where a client goes on. Pure. They hold places in files, so that they outlive restarts and new segments."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, NamedTuple

from router.api.aws.logs.place import invalid, text
from router.api.aws.service import Members
from router.telemetry.logpages import Spot
from router.telemetry.logsearch import Mark

_TOKEN: Final = re.compile(r"([fb])/([0-9]{28})([0-9]{28})(?:/s)?")
_HALF: Final = 28  # digits


class Way(NamedTuple):
    """Where GetLogEvents goes on, and which way."""

    forward: bool
    spot: Spot


def of_page(spot: Spot, *, forward: bool) -> str:
    """A token of GetLogEvents."""
    return f"{'f' if forward else 'b'}/{spot.segment:0{_HALF}d}{spot.offset:0{_HALF}d}"


def way(token: str) -> Way:
    """Read one. Raises AwsError."""
    found = _TOKEN.fullmatch(token)
    spot = Spot(int(found[2]), int(found[3])) if found else Spot()
    if found is None or max(spot) >= 2**62:
        raise invalid("The specified nextToken is invalid.")
    return Way(found[1] == "f", spot)


def of_search(mark: Mark) -> str:
    """A token of FilterLogEvents."""
    return packed([mark.at, mark.stream, *mark.spot])


def mark(token: str) -> Mark:
    """Read one. Raises AwsError."""
    match unpacked(token):
        case [int(at), str(stream), int(number), int(offset)] if min(at, number, offset) >= 0 and max(at, number, offset) < 2**62:
            return Mark(at, stream, Spot(number, offset))
    raise invalid("The specified nextToken is invalid.")


def packed(value: object) -> str:
    """Any JSON value as a token."""
    return urlsafe_b64encode(json.dumps(value).encode()).decode()


def unpacked(token: str) -> object:
    """The value in a token. Raises AwsError."""
    try:
        found: object = json.loads(urlsafe_b64decode(token.encode("ascii")))
    except (ValueError, RecursionError):
        raise invalid("The specified nextToken is invalid.") from None
    return found


def after(members: Members) -> str:
    """Behind what a listing by name goes on; "" from its beginning. Raises AwsError."""
    token = members.get("nextToken")
    found = "" if token is None else unpacked(text(members, "nextToken"))
    if not isinstance(found, str):
        raise invalid("The specified nextToken is invalid.")
    return found
