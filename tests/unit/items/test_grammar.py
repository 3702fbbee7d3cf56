"""Expressions as trees, and the words in which what is wrong with one is told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.items import grammar
from router.items.errors import Refused
from router.items.nodes import Add, Compare, Every, IfNotExists, Literal, Not, Path, Predicate, Remove, Set, Size, Some, Sum
from router.items.placeholders import Placeholders
from router.items.reserved import WORDS

NAMES = {"#n": "name", "#s": "status"}
VALUES = {
    ":v": {"S": "x"},
    ":n": {"N": "5"},
    ":m": {"N": "1"},
    ":l": {"L": []},
    ":t": {"S": "SS"},
    ":set": {"SS": ["a"]},
    ":nul": {"NULL": True},
}
V, N = Literal({"S": "x"}), Literal({"N": "5"})


def known() -> Placeholders:
    return Placeholders(NAMES, VALUES)


def test_and_binds_closer_than_or_and_not_closer_still() -> None:
    found = grammar.condition("a = :v OR NOT b <> :n and (c = :v or d < :n)", "ConditionExpression", known())
    a, b = Compare("=", Path(("a",)), V), Compare("<>", Path(("b",)), N)
    c, d = Compare("=", Path(("c",)), V), Compare("<", Path(("d",)), N)
    assert found == Some((a, Every((Not(b), Some((c, d))))))


def test_paths_go_through_maps_and_lists() -> None:
    found = grammar.condition("size(#n.b[0][12].#s) >= :n", "FilterExpression", known())
    assert found == Compare(">=", Size(Path(("name", "b", 0, 12, "status"))), N)
    assert grammar.projection("a, b.c[1] , #n", known()) == (("a",), ("b", "c", 1), ("name",))


def test_updates_have_their_sections_in_any_order() -> None:
    found = grammar.update("REMOVE a[0], b SET c = if_not_exists(c, :n) + :n, d = :v ADD e :n", known())
    assert found == (
        Remove(Path(("a", 0))),
        Remove(Path(("b",))),
        Set(Path(("c",)), Sum(IfNotExists(Path(("c",)), N), N, minus=False)),
        Set(Path(("d",)), V),
        Add(Path(("e",)), {"N": "5"}),
    )


def test_functions_are_told_from_attributes_of_their_names() -> None:
    assert grammar.condition("contains = :v", "ConditionExpression", known()) == Compare("=", Path(("contains",)), V)
    assert grammar.condition("attribute_type(a, :t)", "ConditionExpression", known()) == Predicate(
        "attribute_type", (Path(("a",)), Literal({"S": "SS"}))
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "The expression can not be empty;"),
        ("  ", "The expression can not be empty;"),
        ("a =", 'Syntax error; token: "<EOF>", near: "="'),
        ("a % :v", 'Syntax error; token: "%", near: "a % :v"'),
        ("a = :v b = :v", 'Syntax error; token: "b", near: ":v b ="'),
        ("a", 'Syntax error; token: "<EOF>", near: "a"'),
        ("(a = :v", 'Syntax error; token: "<EOF>", near: ":v"'),
        ("a[b] = :v", 'Syntax error; token: "b", near: "[b]"'),
        ("status = :v", "Attribute name is a reserved keyword; reserved keyword: status"),
        ("a.Name = :v", "Attribute name is a reserved keyword; reserved keyword: Name"),
        ("a = :none", "An expression attribute value used in expression is not defined; attribute value: :none"),
        ("#none = :v", "An expression attribute name used in the document path is not defined; attribute name: #none"),
        ("((a = :v))", "The expression has redundant parentheses;"),
        ("foo(a)", "Invalid function name; function: foo"),
        ("Size(a) = :n", "Invalid function name; function: Size"),
        ("size(a)", "The function is not allowed to be used this way in an expression; function: size"),
        ("a = contains(b, :v)", "The function is not allowed to be used this way in an expression; function: contains"),
        ("size(a, b) = :n", "Incorrect number of operands for operator or function; operator or function: size, number of operands: 2"),
        ("attribute_exists(:v)", "Operator or function requires a document path; operator or function: attribute_exists"),
        ("begins_with(a, :n)", "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N"),
        ("a < :nul", "Incorrect operand type for operator or function; operator or function: <, operand type: NULL"),
        ("attribute_type(a, :v)", "Invalid attribute type name found; type: x, valid types: {B,BOOL,L,M,N,NS,NULL,S,SS,BS}"),
        (
            "a BETWEEN :n AND :m",
            (
                "The BETWEEN operator requires upper bound to be greater than or equal to lower bound;"
                " lower bound operand: AttributeValue: {N:5}, upper bound operand: AttributeValue: {N:1}"
            ),
        ),
        (
            "a BETWEEN :n AND :v",
            (
                "The BETWEEN operator requires same data type for lower and upper bounds;"
                " lower bound operand: AttributeValue: {N:5}, upper bound operand: AttributeValue: {S:x}"
            ),
        ),
        (
            "a.b = a.b",
            "The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [a, b]",
        ),
        ("a[9999999999] = :v", "List index is not within the allowable range; index: [9999999999]"),
        ("a = :v " + "and a = :v " * 301, "The expression contains too many operators; maximum operators allowed: 300"),
        ("NOT " * 100 + "a = :v", "The expression is nested more than 60 levels deep"),
    ],
)
def test_what_is_wrong_with_a_condition(text: str, told: str) -> None:
    with pytest.raises(Refused) as refused:
        grammar.condition(text, "FilterExpression", known())
    found = str(refused.value)
    if "valid types" in told:
        assert found.startswith("Invalid FilterExpression: Invalid attribute type name found; type: x, valid types: {")
    else:
        assert found == f"Invalid FilterExpression: {told}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = :v", 'Syntax error; token: "a", near: "a ="'),
        ("SET a", 'Syntax error; token: "<EOF>", near: "a"'),
        ("SET a = :v, SET b = :v", "Attribute name is a reserved keyword; reserved keyword: SET"),
        ("SET a = :v SET b = :v", 'The "SET" section can only be used once in an update expression;'),
        ("ADD a :v", "Incorrect operand type for operator or function; operator: ADD, operand type: STRING"),
        ("DELETE a :n", "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER"),
        ("ADD a b", 'Syntax error; token: "b", near: "a b"'),
        ("SET a = :v + :n", "Incorrect operand type for operator or function; operator or function: +, operand type: S"),
        (
            "SET a = list_append(a, :n)",
            "Incorrect operand type for operator or function; operator or function: list_append, operand type: N",
        ),
        ("SET a = if_not_exists(:v, :v)", "Operator or function requires a document path; operator or function: if_not_exists"),
        ("SET a = size(b)", "The function is not allowed in an update expression; function: size"),
        ("SET a = nope(b)", "Invalid function name; function: nope"),
        (
            "SET a = :v REMOVE a",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a]",
        ),
        (
            "SET a.b.c = :v REMOVE a.b",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a, b, c], path two: [a, b]",
        ),
        (
            "SET a.b = :v, a[0] = :v",
            "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [0]]",
        ),
    ],
)
def test_what_is_wrong_with_an_update(text: str, told: str) -> None:
    with pytest.raises(Refused) as refused:
        grammar.update(text, known())
    assert str(refused.value) == f"Invalid UpdateExpression: {told}"


def test_an_expression_has_4096_bytes_at_most() -> None:
    with pytest.raises(Refused, match="Expression size has exceeded the maximum allowed size; expression size: 4097"):
        grammar.condition("a" * 4097, "ConditionExpression", known())


@pytest.mark.parametrize(
    ("names", "values", "told"),
    [
        ({}, None, "ExpressionAttributeNames must not be empty"),
        (None, {}, "ExpressionAttributeValues must not be empty"),
        ({"n": "a"}, None, 'ExpressionAttributeNames contains invalid key: Syntax error; key: "n"'),
        ({"#n": ""}, None, "ExpressionAttributeNames contains invalid value: Empty attribute name for key #n"),
        (
            {"#n": "é" * 32768},
            None,
            "ExpressionAttributeNames contains invalid value: Attribute name is too large, must be less than 65536 bytes for key #n",
        ),
        (None, {":": {"S": "a"}}, 'ExpressionAttributeValues contains invalid key: Syntax error; key: ":"'),
        (
            None,
            {":v": {"N": "x"}},
            "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: x for key :v",
        ),
    ],
)
def test_placeholders_are_checked(names: Any, values: Any, told: str) -> None:
    with pytest.raises(Refused) as refused:
        Placeholders(names, values)
    assert str(refused.value) == told


def test_what_no_expression_uses_is_told() -> None:
    placeholders = Placeholders({"#a": "a", "#b": "b"}, None)
    grammar.projection("#a", placeholders)
    with pytest.raises(Refused, match=r"Value provided in ExpressionAttributeNames unused in expressions: keys: \{#b\}"):
        placeholders.finish()


@given(st.text(st.sampled_from("ab=<>()[].,:#0vnAND OR NOTsize+-SETREMOVE\u00e9\n"), max_size=40))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    for read in (
        lambda: grammar.condition(text, "ConditionExpression", known()),
        lambda: grammar.projection(text, known()),
        lambda: grammar.update(text, known()),
    ):
        try:
            read()
        except Refused as error:
            assert str(error).startswith("Invalid ")  # noqa: PT017 - either way is right


def test_the_reserved_words_are_all_there() -> None:
    assert len(WORDS) == 573
    assert {"STATUS", "NAME", "ZONE", "ABORT", "DATA", "COUNT", "TTL"} <= WORDS
