"""Key conditions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.items import grammar
from router.items.conditions import holds
from router.items.errors import Refused
from router.items.keys import Attribute, Schema, place
from router.items.placeholders import Placeholders
from router.items.ranges import stretch
from tests.unit.items.strategies import texts

PAIR = Schema(Attribute("id", "S"), Attribute("seq", "S"))
ALONE = Schema(Attribute("id", "S"))


def read(text: str, known: dict[str, Any], schema: Schema = PAIR) -> Any:
    condition = grammar.condition(text, "KeyConditionExpression", Placeholders(None, known))
    return condition, stretch(condition, schema)


@given(
    st.sampled_from(
        [
            *("seq = :x", "seq < :x", "seq <= :x", "seq > :x", "seq >= :x", "begins_with(seq, :x)", "seq BETWEEN :x AND :y"),
            *(":x = seq", ":x < seq", ":x <= seq", ":x > seq", ":x >= seq"),
        ]
    ),
    texts,
    texts,
    texts,
)
def test_a_stretch_holds_what_the_condition_holds_of(text: str, one: str, other: str, seq: str) -> None:
    known = {":id": {"S": "a"}, ":x": {"S": one}} | ({":y": {"S": other}} if ":y" in text else {})
    if not one or (":y" in text and (not other or one.encode() > other.encode())):
        return
    condition, found = read(f"{text} AND {'id = :id' if text.startswith('seq') else ':id = id'}", known)
    item = {"id": {"S": "a"}, "seq": {"S": seq}}
    where = place(PAIR, item)
    above = found.low is None or where.range > found.low or (where.range == found.low and not found.low_open)
    below = found.high is None or where.range < found.high or (where.range == found.high and not found.high_open)
    assert where.hash == found.hash
    assert (above and below) == holds(condition, item)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seq = :x", "Query condition missed key schema element: id"),
        ("id > :x", "Query key condition not supported"),
        ("begins_with(id, :x)", "Query key condition not supported"),
        ("id = :x AND another = :x", "Query condition missed key schema element: seq"),
        ("id = :x AND id = :x", "KeyConditionExpressions must only contain one condition per key"),
        ("id = :x AND seq = :x AND another = :x", "Conditions can be of length 1 or 2 only"),
        ("id = :x OR seq = :x", "Invalid operator used in KeyConditionExpression: OR"),
        ("id = :x AND NOT seq = :x", "Invalid operator used in KeyConditionExpression: NOT"),
        ("id = :x AND seq IN (:x)", "Invalid operator used in KeyConditionExpression: IN"),
        ("id = :x AND contains(seq, :x)", "Invalid operator used in KeyConditionExpression: contains"),
        ("id = :x AND seq <> :x", "Unsupported operator on KeyCondition: operator: NE"),
        ("id = :n", "One or more parameter values were invalid: Condition parameter type does not match schema type"),
        ("id = seq", "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"),
        ("seq > a.b", "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"),
        ("seq BETWEEN :x AND id", "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"),
        ("begins_with(seq, id)", "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"),
        (":x = :n", "Invalid condition in KeyConditionExpression: No key attribute specified"),
        (
            ":x BETWEEN id AND :x",
            "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its first operand",
        ),
        (
            "begins_with(:x, id)",
            "Invalid condition in KeyConditionExpression: begins_with operator must have the key attribute as its first operand",
        ),
        ("size(id) > :n", "KeyConditionExpressions cannot contain nested operations"),
        ("seq > size(id)", "KeyConditionExpressions cannot contain nested operations"),
        ("seq.x > id", "KeyConditionExpressions cannot have conditions on nested attributes"),
        ("id.x = :x", "KeyConditionExpressions cannot have conditions on nested attributes"),
    ],
)
def test_what_is_no_key_condition(text: str, told: str) -> None:
    with pytest.raises(Refused) as refused:
        read(text, {":x": {"S": "a"}, ":n": {"N": "1"}})
    assert str(refused.value) == told


def test_a_table_without_a_range_has_no_range_condition() -> None:
    with pytest.raises(Refused, match="Query key condition not supported"):
        read("id = :x AND seq = :x", {":x": {"S": "a"}}, ALONE)
