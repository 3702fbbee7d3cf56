"""What is wrong with the operands of a function is said before any item is looked at."""

import pytest

from router.items import grammar
from router.items.conditions import holds
from router.items.errors import Refused
from router.items.placeholders import Placeholders

VALUES = {":s": {"S": "x"}, ":n": {"N": "5"}, ":t": {"BOOL": True}, ":nul": {"NULL": True}, ":set": {"SS": ["a"]}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("size(:n) = :n", "operator or function: size, operand type: N"),
        ("size(:t) = :n", "operator or function: size, operand type: BOOL"),
        ("size(size(a)) = :n", "function: size"),
        ("attribute_type(a, :n)", "attribute_type, operand type: N"),
        ("attribute_type(a, b)", "attribute_type"),
        ("begins_with(a, :n)", "operator or function: begins_with, operand type: N"),
        ("begins_with(:set, :s)", "operator or function: begins_with, operand type: SS"),
        ("begins_with(a, size(a))", "operator or function: begins_with, operand type: N"),
        ("attribute_type(a, size(a))", "operator or function: attribute_type, operand type: N"),
        ("contains(a, a)", "operator: contains, first operand: [a]"),
        ("begins_with(a.b, a.b)", "operator: begins_with, first operand: [a, b]"),
        ("attribute_exists(:s)", "attribute_exists"),
    ],
)
def test_operands_that_a_function_does_not_take(text: str, told: str) -> None:
    known = {name: value for name, value in VALUES.items() if name in text}
    with pytest.raises(Refused) as refused:
        grammar.condition(text, "ConditionExpression", Placeholders(None, known or None))
    assert told in str(refused.value)


def test_a_size_is_taken_of_what_has_one() -> None:
    for name in (":s", ":set"):
        assert grammar.condition(f"size({name}) = :n", "ConditionExpression", Placeholders(None, {name: VALUES[name], ":n": {"N": "1"}}))
    assert grammar.condition("contains(a, b)", "ConditionExpression", Placeholders(None, None))


@pytest.mark.parametrize("text", ["a, a.b", "a.b, a", "a[0], a[0].c", "a, a"])
def test_paths_that_overlap_are_refused_in_whatever_order(text: str) -> None:
    with pytest.raises(Refused, match="overlap"):
        grammar.projection(text, Placeholders(None, None))


@pytest.mark.parametrize(("kind", "held"), [("N", True), ("S", False)])
def test_a_value_of_the_request_has_a_type_too(kind: str, held: bool) -> None:
    known = Placeholders(None, {":n": {"N": "5"}, ":type": {"S": kind}})
    assert holds(grammar.condition("attribute_type(:n, :type)", "ConditionExpression", known), {}) is held
