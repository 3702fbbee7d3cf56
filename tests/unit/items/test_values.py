"""Attribute values."""

from typing import Any

import pytest
from hypothesis import given

from router.events.dynamodb import attribute
from router.items.errors import Refused
from router.items.values import checked, checked_item, item_size, order, same, size
from tests.unit.items.strategies import items, values


@given(values)
def test_a_checked_value_stays_as_it_is(value: Any) -> None:
    assert checked(value) == value
    assert same(value, checked(value))
    assert size(value) >= 0


@given(values, values)
def test_equality_is_symmetric_and_order_contrary(one: Any, other: Any) -> None:
    assert same(one, other) == same(other, one)
    above, below = order(one, other), order(other, one)
    assert (above is None) == (below is None)
    if above is not None and below is not None:
        assert above == -below
        assert (above == 0) == same(one, other)


@given(items)
def test_the_size_of_an_item_is_that_of_its_parts(item: Any) -> None:
    assert item_size(item) == sum(len(name.encode()) + size(value) for name, value in item.items())
    assert size({"M": item}) == 3 + item_size(item) + len(item)


@pytest.mark.parametrize("value", ["text", b"\x00\x01", "\u00e9", 12345, -1, True, None, ["a", 1], {"x": [1]}])
def test_sizes_agree_with_those_of_feeds(value: Any) -> None:
    typed, told = attribute(value)
    made = {"B": value} if isinstance(value, bytes) else typed
    assert size(made) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        ({"X": "a"}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        (
            {"S": "a", "N": "1"},
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
        ),
        ({"NULL": False}, "One or more parameter values were invalid: Null attribute value types must have the value of true"),
        ({"SS": []}, "One or more parameter values were invalid: An string set  may not be empty"),
        ({"SS": ["a", "b", "a"]}, "One or more parameter values were invalid: Input collection [a, b, a] contains duplicates."),
        ({"NS": []}, "One or more parameter values were invalid: An number set  may not be empty"),
        ({"NS": ["1", "1.0"]}, "Input collection contains duplicates"),
        ({"BS": []}, "One or more parameter values were invalid: Binary sets should not be empty"),
        (
            {"BS": [b"b", b"b"]},
            "One or more parameter values were invalid: Input collection [Yg==, Yg==]of type BS contains duplicates.",
        ),
        ({"S": 5}, "int can not be converted to an String"),
        ({"B": "text"}, "str can not be converted to a Blob"),
        ({"BOOL": "true"}, "str can not be converted to an Boolean"),
        ({"L": {}}, "Expected list or null"),
        ({"M": []}, "Expected map or null"),
        ({"S": "\udfff"}, "text that is not valid Unicode cannot be stored"),
        ({"M": {"\ud800": {"S": "a"}}}, "text that is not valid Unicode cannot be stored"),
        (None, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
    ],
)
def test_what_is_no_value_is_refused(value: Any, told: str) -> None:
    with pytest.raises(Refused) as refused:
        checked(value)
    assert str(refused.value) == told


def test_nesting_ends_at_32_levels() -> None:
    value: Any = {"S": "a"}
    for _ in range(32):
        value = {"L": [value]}
    assert checked(value) == value
    with pytest.raises(Refused, match="Nesting Levels have exceeded supported limits"):
        checked({"L": [value]})
    for _ in range(5000):
        value = {"M": {"a": value}}
    with pytest.raises(Refused, match="Nesting Levels"):
        checked(value)


def test_an_attribute_has_a_name() -> None:
    with pytest.raises(Refused, match="empty attribute name"):
        checked_item({"": {"S": "a"}})
    with pytest.raises(Refused):
        checked_item(["a"])


def test_a_name_has_65535_bytes_at_most() -> None:
    assert checked_item({"n" * 65535: {"N": "1"}})
    for name in ("n" * 65536, "é" * 32768):
        with pytest.raises(Refused, match="Attribute name is too large, must be less than 65536 bytes"):
            checked_item({name: {"N": "1"}})
