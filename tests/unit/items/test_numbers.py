"""Numbers as DynamoDB keeps them."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.items.errors import Refused
from router.items.numbers import added, canonical, size, sortable, value
from tests.unit.items.strategies import numbers


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("0", "0"),
        ("-0.000", "0"),
        ("+1", "1"),
        ("1.50e3", "1500"),
        (".5", "0.5"),
        ("5.", "5"),
        ("007", "7"),
        ("1E-3", "0.001"),
        ("0e999999999999999999999", "0"),
        ("9" * 38, "9" * 38),
        ("1" + "0" * 60, "1" + "0" * 60),
    ],
)
def test_a_number_has_one_text(given_: str, kept: str) -> None:
    assert canonical(given_) == kept


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "The parameter cannot be converted to a numeric value"),
        ("abc", "The parameter cannot be converted to a numeric value: abc"),
        ("1 ", "The parameter cannot be converted to a numeric value: 1 "),
        ("\u0661", "The parameter cannot be converted to a numeric value: \u0661"),
        ("NaN", "The parameter cannot be converted to a numeric value: NaN"),
        ("Infinity", "The parameter cannot be converted to a numeric value: Infinity"),
        (".", "The parameter cannot be converted to a numeric value: ."),
        ("1" * 39, "Attempting to store more than 38 significant digits in a Number"),
        ("1e126", "Number overflow. Attempting to store a number with magnitude larger than supported range"),
        ("1e-131", "Number underflow. Attempting to store a number with magnitude smaller than supported range"),
        ("1e" + "9" * 5000, "Number overflow. Attempting to store a number with magnitude larger than supported range"),
        ("-1e-" + "9" * 5000, "Number underflow. Attempting to store a number with magnitude smaller than supported range"),
    ],
)
def test_what_is_no_number_is_refused_in_dynamodbs_words(text: str, told: str) -> None:
    with pytest.raises(Refused) as refused:
        canonical(text)
    assert str(refused.value) == told


@given(numbers)
@example("1" + "0" * 125)
@example("0." + "0" * 129 + "1")
def test_a_canonical_number_stays_as_it_is(text: str) -> None:
    assert canonical(text) == text
    assert canonical(f"{Decimal(text):e}") == text


@given(numbers, numbers)
@example("-1", "-1.01")
@example("1", "1.01")
@example("-100", "-99.9")
@example("0.001", "0.0010000001")
@example("-0.001", "0")
def test_bytes_sort_like_the_numbers(one: str, other: str) -> None:
    left, right = sortable(one), sortable(other)
    assert (left < right) == (value(one) < value(other))
    assert (left == right) == (value(one) == value(other))
    assert len(left) <= 22


@given(numbers, numbers)
def test_sums_are_exact_or_refused(one: str, other: str) -> None:
    try:
        total, less = added(one, other), added(one, other, minus=True)
    except Refused:
        return
    with_room = __import__("decimal").Context(prec=600)
    assert Decimal(total) == with_room.add(Decimal(one), Decimal(other))
    assert Decimal(less) == with_room.subtract(Decimal(one), Decimal(other))


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        kept = canonical(text)
    except Refused:
        return
    assert Decimal(kept) == Decimal(text)


@pytest.mark.parametrize(("text", "bytes_"), [("0", 1), ("5", 2), ("-5", 3), ("123", 3), ("1200", 2), ("0.05", 2)])
def test_a_number_takes_a_byte_for_two_digits(text: str, bytes_: int) -> None:
    assert size(text) == bytes_
