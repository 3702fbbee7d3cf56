"""Items as they are stored."""

from typing import Any

from hypothesis import example, given

from router.tables.codec import decode, encode
from tests.unit.items.strategies import items


@given(items)
@example({"B": {"B": b"\x00"}, "a": {"S": '"B":'}, "m": {"M": {"B": {"L": [{"BS": [b"", b"x"]}]}, "S": {"S": "B"}}}})
@example({"BS": {"S": "QQ=="}, "b": {"B": b"A"}})
def test_an_item_comes_back_as_it_was(item: Any) -> None:
    assert decode(encode(item)) == item
