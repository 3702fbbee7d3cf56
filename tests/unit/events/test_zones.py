"""Zones by name, and the two offsets of a wall time."""

from datetime import UTC, datetime

import pytest

from router.events import zones

TWICE = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001 - a wall clock
NEVER = datetime(2026, 3, 29, 2, 30)  # noqa: DTZ001 - a wall clock


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Europe/Berln", "Europe/Berln is no IANA time zone, did you mean Europe/Berlin?"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("Berlin", "did you mean Europe/Berlin?"),
        ("New York", "did you mean America/New_York?"),
        ("Nowhere/At_all", "is no IANA time zone, write one as Europe/Berlin"),
        ("right/Europe/Berlin", "is no IANA time zone"),
        ("localtime", "is no IANA time zone"),
        ("America", "is no IANA time zone"),
        ("../../etc/passwd", "is no IANA time zone"),
        ("a\0b", "is no IANA time zone"),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest(name: str, told: str) -> None:
    with pytest.raises(zones.UnknownZone) as refused:
        zones.find(name)
    assert told in str(refused.value)


def test_a_machine_without_zone_data_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zones, "available_timezones", set)
    with pytest.raises(zones.UnknownZone, match="install the package tzdata"):
        zones.find("Europe/Berlln")


def test_no_name_and_utc_are_utc_itself() -> None:
    assert zones.find("") is UTC
    assert zones.find("UTC") is UTC


def test_gaps_and_overlaps() -> None:
    berlin = zones.find("Europe/Berlin")
    assert zones.offsets(NEVER, berlin) == (3600, 7200)
    assert zones.instant_of(NEVER, berlin) is None
    assert zones.offsets(TWICE, berlin) == (7200, 3600)
    assert zones.instant_of(TWICE, berlin) == 1792888200
    assert zones.wall_clock(1792888200 + 3600, berlin) == TWICE
    assert zones.wall_clock(1792888200 + 3600, berlin).fold == 1
