"""What lies at a path."""

from typing import Any

from hypothesis import given

from router.items.paths import found, projected
from tests.unit.items.strategies import items, names


@given(items, names)
def test_a_projection_of_one_attribute_is_that_attribute(item: dict[str, Any], name: str) -> None:
    assert projected(item, [(name,)]) == ({name: item[name]} if name in item else {})
    assert found(item, (name,)) == item.get(name)


def test_projected_elements_close_up_in_their_order() -> None:
    item = {"l": {"L": [{"N": "0"}, {"M": {"x": {"S": "x"}, "y": {"S": "y"}}}, {"N": "2"}]}, "s": {"S": "s"}}
    made = projected(item, [("l", 2), ("l", 1, "y"), ("s", "none"), ("none",), ("l", 9)])
    assert made == {"l": {"L": [{"M": {"y": {"S": "y"}}}, {"N": "2"}]}}
    assert found(item, ("l", "x")) is None
    assert found(item, ("s", 0)) is None
