"""The parameters that expressions have replaced mean what the expressions mean."""

from typing import Any

import pytest
from hypothesis import given

from router.items import grammar, legacy
from router.items.conditions import holds
from router.items.errors import Refused
from router.items.placeholders import Placeholders
from router.items.updates import updated
from router.items.values import ORDERED, kind_of, same
from tests.unit.items.strategies import items, scalars

PAIRS = {
    "EQ": "a = :v",
    "NE": "a <> :v",
    "LT": "a < :v",
    "GE": "a >= :v",
    "CONTAINS": "contains(a, :v)",
    "NOT_CONTAINS": "attribute_exists(a) AND NOT contains(a, :v)",
    "BEGINS_WITH": "begins_with(a, :v)",
    "IN": "a IN (:v)",
}


@given(items, scalars)
def test_a_comparison_is_its_expression(item: dict[str, Any], value: dict[str, Any]) -> None:
    for operator, text in PAIRS.items():
        plain = kind_of(value) in ORDERED or operator in ("EQ", "NE")  # an expression's other operators take more
        try:
            wanted = grammar.condition(text, "FilterExpression", Placeholders(None, {":v": value})) if plain else None
        except Refused:
            wanted = None
        if wanted is None:
            with pytest.raises(Refused):
                legacy.filtered({"a": {"ComparisonOperator": operator, "AttributeValueList": [value]}}, None)
            continue
        found = legacy.filtered({"a": {"ComparisonOperator": operator, "AttributeValueList": [value]}}, None)
        assert holds(found, item) is holds(wanted, item), operator


@given(items)
def test_conditions_are_joined_by_and_or_or(item: dict[str, Any]) -> None:
    both = {"a": {"ComparisonOperator": "NULL"}, "b": {"ComparisonOperator": "NOT_NULL"}}
    assert holds(legacy.filtered(both, None), item) is ("a" not in item and "b" in item)
    assert holds(legacy.filtered(both, "OR"), item) is ("a" not in item or "b" in item)


def test_an_update_names_what_it_changes() -> None:
    with pytest.raises(Refused, match="empty attribute name"):
        legacy.actions({"": {"Value": {"N": "1"}}})


def test_updates_are_actions() -> None:
    item = {"n": {"N": "1"}, "s": {"SS": ["a", "b"]}, "l": {"L": [{"S": "x"}]}, "gone": {"S": "x"}}
    given_ = {
        "n": {"Action": "ADD", "Value": {"N": "2"}},
        "s": {"Action": "DELETE", "Value": {"SS": ["a"]}},
        "l": {"Action": "ADD", "Value": {"L": [{"S": "y"}]}},
        "gone": {"Action": "DELETE"},
        "new": {"Value": {"BOOL": True}},
    }
    wanted = {"n": {"N": "3"}, "s": {"SS": ["b"]}, "l": {"L": [{"S": "x"}, {"S": "y"}]}, "new": {"BOOL": True}}
    assert same({"M": updated(item, legacy.actions(given_))}, {"M": wanted})


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ({"ComparisonOperator": "NOPE"}, "Value 'NOPE' at 'comparisonOperator' failed to satisfy constraint"),
        ({"ComparisonOperator": "EQ"}, "Invalid number of argument(s) for the EQ ComparisonOperator"),
        ({"ComparisonOperator": "LT", "Value": {"BOOL": True}}, "ComparisonOperator LT is not valid for BOOL AttributeValue type"),
        ({"ComparisonOperator": "CONTAINS", "Value": {"SS": ["a"]}}, "ComparisonOperator CONTAINS is not valid for SS AttributeValue type"),
        (
            {"ComparisonOperator": "NOT_CONTAINS", "Value": {"L": []}},
            "ComparisonOperator NOT_CONTAINS is not valid for L AttributeValue type",
        ),
        ({"ComparisonOperator": "IN", "Value": {"NS": ["1"]}}, "ComparisonOperator IN is not valid for NS AttributeValue type"),
        (
            {"ComparisonOperator": "IN", "AttributeValueList": [{"N": "3"}, {"S": "dog"}]},
            "AttributeValues inside AttributeValueList must be of same type",
        ),
        (
            {"ComparisonOperator": "EQ", "Exists": True, "Value": {"S": "a"}},
            "Exists and ComparisonOperator cannot be used together for Attribute: a",
        ),
        ({"Exists": False, "Value": {"S": "a"}}, "Value cannot be used when Exists is false for Attribute: a"),
        ({"Exists": True}, "Value must be provided when Exists is true for Attribute: a"),
        ({}, "Value must be provided when Exists is null for Attribute: a"),
        ({"AttributeValueList": []}, "AttributeValueList can only be used with a ComparisonOperator for Attribute: a"),
        (
            {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"N": "2"}, {"N": "1"}]},
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
        ),
    ],
)
def test_what_is_wrong_with_an_expectation(condition: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused) as refused:
        legacy.expected({"a": condition}, None)
    assert told in str(refused.value)


def test_attributes_to_get_are_each_named_once() -> None:
    assert legacy.attributes(["a", "b"]) == (("a",), ("b",))
    with pytest.raises(Refused, match="Duplicate value in attribute name: b"):
        legacy.attributes(["a", "b", "c", "b"])


EQUAL: dict[str, Any] = {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "x"}]}


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        ({}, "Conditions can be of length 1 or 2 only"),
        ({"a": EQUAL, "b": EQUAL, "c": EQUAL}, "Conditions can be of length 1 or 2 only"),
        ({"a": {"ComparisonOperator": "NULL"}}, "Attempted conditional constraint is not an indexable operation"),
        ({"a": EQUAL, "b": {"ComparisonOperator": "NOT_NULL"}}, "Attempted conditional constraint is not an indexable operation"),
        *(
            ({"a": EQUAL, "b": EQUAL | {"ComparisonOperator": operator}}, "Attempted conditional constraint is not an indexable operation")
            for operator in ("NE", "CONTAINS", "NOT_CONTAINS", "IN")
        ),
    ],
)
def test_keys_are_asked_for_by_what_an_index_can_find(conditions: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused) as refused:
        legacy.keyed(conditions)
    assert str(refused.value) == told


def test_an_equal_key_is_asked_for_as_by_an_expression() -> None:
    assert legacy.keyed({"a": EQUAL}) == legacy.filtered({"a": EQUAL}, None)


def test_names_are_not_longer_than_an_attribute_has_them() -> None:
    assert legacy.attributes(["n" * 65535]) == (("n" * 65535,),)
    for refused in (lambda: legacy.attributes(["n" * 65536]), lambda: legacy.actions({"n" * 65536: {"Value": {"N": "1"}}})):
        with pytest.raises(Refused, match="Attribute name is too large"):
            refused()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"Action": "ADD", "Value": {"S": "x"}}, "ADD action is not supported for the type S"),
        ({"Action": "ADD", "Value": {"M": {}}}, "ADD action is not supported for the type M"),
        ({"Action": "DELETE", "Value": {"L": []}}, "DELETE action with value is not supported for the type L"),
        ({"Action": "ADD"}, "Only DELETE action is allowed when no attribute value is specified"),
        ({}, "Only DELETE action is allowed when no attribute value is specified"),
    ],
)
def test_what_no_update_is(change: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused) as refused:
        legacy.actions({"a": change})
    assert str(refused.value) == f"One or more parameter values were invalid: {told}"


@pytest.mark.parametrize(
    ("action", "value"),
    [("ADD", {"N": "1"}), ("ADD", {"L": []}), ("ADD", {"NS": ["1"]}), ("DELETE", {"NS": ["1"]}), ("DELETE", {"BS": [b"a"]})],
)
def test_an_update_fits_the_type_that_is_there(action: str, value: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        updated({"a": {"SS": ["a"]}}, legacy.actions({"a": {"Action": action, "Value": value}}))
    assert str(refused.value) == "Type mismatch for attribute to update"
