"""IANA time zones by name, and a wall clock laid on one: gaps and overlaps.

Pure but for reading the machine's zone data (zoneinfo). Source of the folding rule: PEP 495."""

import difflib
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from router.errors import InvalidParameter

EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the wall clock's zero
_SECOND: Final = timedelta(seconds=1)
_LOCAL: Final = ("posix/", "right/", "localtime", "posixrules", "Factory")  # in the data base, but no zone's name


class UnknownZone(InvalidParameter):
    """No time zone of this name."""

    code = "ValidationException"

    def __init__(self, name: str, remedy: str) -> None:
        super().__init__(f"{name or 'an empty name'} is no IANA time zone, {remedy}")
        self.name = name


def find(name: str) -> tzinfo:
    """The zone of an IANA name; "" is UTC. Raises UnknownZone with the nearest name."""
    if name in {"", "UTC"}:
        return UTC
    try:
        if not name.startswith(_LOCAL):
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    raise UnknownZone(name, _remedy(name))


def _remedy(name: str) -> str:
    """What would be right: the nearest name, of a zone or of its city alone."""
    known = {zone.casefold(): zone for zone in available_timezones() if not zone.startswith(_LOCAL)}
    if not known:
        return "as far as this machine knows: it has no time zone data, install the package tzdata"
    wanted = name.strip().replace(" ", "_").casefold()
    cities = {zone.rpartition("/")[2]: zone for zone in sorted(known, reverse=True)}
    for names in (known, cities):
        close = difflib.get_close_matches(wanted, names, n=1, cutoff=0.75)
        if close:
            return f"did you mean {known.get(close[0]) or known[cities[close[0]]]}?"
    return "write one as Europe/Berlin"


def wall_clock(instant: float, zone: tzinfo) -> datetime:
    """What the zone's clock shows at *instant* (epoch seconds): naive, fold set on the second pass of a repeated hour."""
    return datetime.fromtimestamp(instant, zone).replace(tzinfo=None)


def instant_of(wall: datetime, zone: tzinfo) -> int | None:
    """When the zone's clock first shows *wall*, epoch seconds; None when it is put forward past it."""
    seconds = (wall - EPOCH) // _SECOND
    if zone is UTC:
        return seconds
    before, after = offsets(wall, zone)
    return seconds - before if before >= after else None


def offsets(wall: datetime, zone: tzinfo) -> tuple[int, int]:
    """Seconds east of UTC by the rule before and by the rule after the clock change *wall* lies in; alike when it lies in none.

    The first is smaller in a gap, larger in an overlap."""
    local = wall.replace(tzinfo=zone, fold=0)
    before = zone.utcoffset(local)
    after = zone.utcoffset(local.replace(fold=1))
    assert before is not None  # every IANA zone knows its offset
    assert after is not None
    return before // _SECOND, after // _SECOND
