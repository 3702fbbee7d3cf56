"""How values are spelled."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config import values


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("30", 30),
        ("0.5", 0.5),
        ("500ms", 0.5),
        ("1ms", 0.001),
        ("30s", 30),
        ("1.5m", 90),
        ("6h", 21600),
        ("14d", 1209600),
        ("007", 7),
        ("-1.5m", -90),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert values.seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "--1", "+1", "1 s", "1S", "1min", "1h30m", "08:30", ".5", "5.", "1e3", "1_000", "inf", "nan", "٣", "9" * 13]
)
def test_what_is_no_duration(text: str) -> None:
    assert values.seconds(text) is None


@pytest.mark.parametrize(("text", "megabytes"), [("128", 128), ("256MB", 256), ("1GB", 1024), ("10GB", 10240), ("-1GB", -1024)])
def test_sizes(text: str, megabytes: int) -> None:
    assert values.megabytes(text) == megabytes


@pytest.mark.parametrize("text", ["", "1.5GB", "256M", "256MiB", "256mb", "1 GB", "--1", "KB", "1TB"])
def test_what_is_no_size(text: str) -> None:
    assert values.megabytes(text) is None


@given(number=st.integers(-(10**18) + 1, 10**18 - 1))
def test_whole_numbers(number: int) -> None:
    assert values.whole(str(number)) == number


@pytest.mark.parametrize("text", ["", "+1", "010", "0x10", "0o10", "1_000", "1.0", "1e3", " 1", "1:30", "٣", "--1", "1" * 19])
def test_what_is_no_whole_number(text: str) -> None:
    assert values.whole(text) is None


@pytest.mark.parametrize("text", ["yes", "no", "on", "off", "y", "n", "1", "0", "tRUE", ""])
def test_what_is_neither_true_nor_false(text: str) -> None:
    assert values.truth(text) is None


@given(value=st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False))
def test_what_json_writes_is_read_as_json_reads_it(value: object) -> None:
    assert values.json_scalar(json.dumps(value)) == value


@given(text=st.text())
def test_any_text_is_a_json_value(text: str) -> None:
    value = values.json_scalar(text)
    assert json.loads(json.dumps(value)) == value
    assert not isinstance(value, float) or math.isfinite(value)


@pytest.mark.parametrize(
    "text", ["010", "0x1F", "1_000", "yes", "no", "08:30", ".inf", ".nan", "1e999", "2026-11-23", "=", "+1", "9" * 5000]
)
def test_yamls_surprises_are_text(text: str) -> None:
    assert values.json_scalar(text) == text


def test_numbers_are_spoken_without_needless_fractions() -> None:
    assert [values.spoken(number) for number in (900.0, 0.5, 3, 1e15)] == ["900", "0.5", "3", "1000000000000000"]


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("1", 1), ("-2", -2), ("0.5", 0.5), ("1e3", 1000), ("1.5E-2", 0.015), ("1000000", 1e6)]
)
def test_numbers(text: str, number: float) -> None:
    assert values.number(text) == number


@pytest.mark.parametrize("text", ["", ".5", "5.", "+1", "1_000", "0x10", "010", "inf", "nan", "1e999", "1,5", "٣", "1 "])
def test_what_is_no_number(text: str) -> None:
    assert values.number(text) is None


@pytest.mark.parametrize(
    ("low", "high", "unit", "said"),
    [
        (1, 900, " s", "1 to 900 s"),
        (0, 43_200, " s", "0 to 12 h"),
        (60, 14 * 86_400, " s", "60 s to 14 d"),
        (0.1, 86_400, " s", "0.1 s to 24 h"),
        (3600, 3650 * 86_400, " s", "1 h to 3650 d"),
        (128, 64 * 2**20, " MB", "128 MB to 64 TB"),
        (512, 10_240, " MB", "512 MB to 10 GB"),
        (64, 1500, " MB", "64 to 1500 MB"),
        (1, 10_000, "", "1 to 10000"),
    ],
)
def test_limits_are_told_in_units_that_a_person_can_read(low: float, high: float, unit: str, said: str) -> None:
    assert values.told_range(low, high, unit) == said


@given(st.integers(-(2**40), 2**40))
def test_a_size_that_is_told_is_the_size(megabytes: int) -> None:
    number, unit = values.told(megabytes, " MB").split(" ")
    assert int(number) * {"MB": 1, "GB": 2**10, "TB": 2**20}[unit] == megabytes
