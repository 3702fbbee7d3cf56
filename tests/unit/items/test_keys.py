"""Keys of items."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.items.errors import Refused
from router.items.keys import Attribute, Place, Schema, check_indexed, encoded, indexed, place, read_key, segment, spread
from router.items.ranges import following
from router.items.values import order
from tests.unit.items.strategies import scalars

PAIR = Schema(Attribute("id", "S"), Attribute("at", "N"))


@given(scalars, scalars)
def test_encoded_keys_sort_like_values(one: Any, other: Any) -> None:
    above = order(one, other)
    if above is not None:
        left, right = encoded(one), encoded(other)
        assert (left > right) - (left < right) == above


@given(st.binary(max_size=4), st.binary(max_size=6))
def test_what_follows_a_prefix_is_behind_all_that_begin_with_it(prefix: bytes, key: bytes) -> None:
    end = following(prefix)
    within = prefix <= key and (end is None or key < end)
    assert within == key.startswith(prefix)


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=20, unique=True), st.integers(1, 7))
def test_every_key_is_in_one_segment(keys: list[str], total: int) -> None:
    bounds = [segment(number, total) for number in range(total)]
    for key in keys:
        try:
            held = spread({"S": key})
        except UnicodeEncodeError:
            continue
        assert sum(low <= held and (high is None or held < high) for low, high in bounds) == 1


def test_a_key_is_its_attributes_and_no_others() -> None:
    key = {"id": {"S": "a"}, "at": {"N": "1.0"}}
    assert read_key(PAIR, key) == {"id": {"S": "a"}, "at": {"N": "1"}}
    assert isinstance(place(PAIR, read_key(PAIR, key)), Place)
    wrong: tuple[Any, ...] = ({"id": {"S": "a"}}, {**key, "x": {"S": "b"}}, {**key, "at": {"S": "1"}}, [], None)
    for given_ in wrong:
        with pytest.raises(Refused):
            read_key(PAIR, given_)


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ({"id": {"S": ""}, "at": {"N": "1"}}, "cannot contain an empty string value. Key: id"),
        ({"id": {"S": "x" * 2049}, "at": {"N": "1"}}, "Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        ({"id": {"S": "\u00e9" * 1025}, "at": {"N": "1"}}, "Size of hashkey has exceeded the maximum size limit of2048 bytes"),
    ],
)
def test_keys_have_their_lengths(key: Any, told: str) -> None:
    with pytest.raises(Refused, match=told):
        read_key(PAIR, key)
    assert read_key(PAIR, {"id": {"S": "\u00e9" * 1024}, "at": {"N": "1"}})
    schema = Schema(Attribute("id", "S"), Attribute("at", "B"))
    with pytest.raises(Refused, match="size limit of 1024 bytes"):
        read_key(schema, {"id": {"S": "a"}, "at": {"B": b"x" * 1025}})


def test_an_item_is_in_an_index_when_it_has_the_key() -> None:
    assert indexed(PAIR, {"id": {"S": "a"}, "at": {"N": "1"}})
    for item in ({"id": {"S": "a"}}, {"id": {"S": ""}, "at": {"N": "1"}}, {"id": {"N": "1"}, "at": {"N": "1"}}):
        assert not indexed(PAIR, item)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"S": "x" * 2049}, "2048"),
        ({"S": ""}, "cannot contain an empty string value"),
        ({"N": "1"}, "Type mismatch for Index Key id"),
    ],
)
def test_what_cannot_be_a_key_of_an_index_is_refused(value: Any, told: str) -> None:
    schema = Schema(Attribute("id", "S"))
    check_indexed("by_id", schema, {"id": {"S": "x" * 2048}})
    check_indexed("by_id", schema, {"other": value})
    with pytest.raises(Refused, match=told):
        check_indexed("by_id", schema, {"id": value})
