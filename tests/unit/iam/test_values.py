"""The values that conditions compare."""

from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.iam import values


@given(st.integers())
def test_whole_numbers_of_any_length_up_to_400_digits(number: int) -> None:
    text = str(number)
    assert values.number(text) == (Decimal(text) if len(text.lstrip("-")) <= 400 else None)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_numbers_with_a_fraction_are_exact(number: Decimal) -> None:
    assert values.number(f"{number:f}") == number


@pytest.mark.parametrize("text", ["", "NaN", "Infinity", "1_000", " 1", "1 ", "0x10", "\u0661", "1e99999", "1.", ".5"])
def test_what_is_no_number(text: str) -> None:
    assert values.number(text) is None


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001 - Hypothesis wants them naive
def test_iso_dates_are_epoch_seconds(at: datetime) -> None:
    whole = at.replace(microsecond=0)
    assert values.moment(whole.strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20)) == Decimal(int(whole.timestamp()))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1795651200", 1_795_651_200),
        ("-1", -1),
        ("1970-01-01", 0),
        ("1970-02", 31 * 86400),
        ("1970-01-01T01:00+01:00", 0),
        ("1970-01-01T00:00:00.500Z", 0.5),
        ("1970-01-01T01:00:00+0100", 0),
        ("1970-13-01", None),
        ("1970-01-01 00:00:00", None),
        ("1970-W01-1", None),
        ("1970-01T00:00:00", None),
        ("", None),
    ],
)
def test_dates(text: str, seconds: float | None) -> None:
    assert values.moment(text) == (None if seconds is None else Decimal(seconds))


@given(st.ip_addresses())
def test_an_address_is_in_its_own_range(address: object) -> None:
    network = values.network(str(address))
    assert network is not None
    assert network == ip_network(str(address))
    assert values.address(str(address)) in (address, getattr(address, "ipv4_mapped", None))
    assert values.address("::ffff:1.2.3.4") == ip_address("1.2.3.4")


def test_a_range_may_be_named_by_any_address_in_it() -> None:
    assert values.network("10.1.2.3/8") == ip_network("10.0.0.0/8")


@pytest.mark.parametrize("text", ["Y!Q==", "YQ= =", "YQ==\n", "YQ", "\u00e9"])
def test_what_is_no_base64_is_not_read_as_some_that_is_like_it(text: str) -> None:
    assert values.octets("YQ==") == b"a"
    assert values.octets(text) is None


@given(st.text(max_size=30))
def test_whatever_comes_is_a_value_or_none(text: str) -> None:
    for read in (values.number, values.moment, values.truth, values.octets, values.network, values.address):
        read(text)  # type: ignore[operator]
