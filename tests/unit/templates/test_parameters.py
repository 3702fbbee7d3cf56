"""Parameters: defaults, given values, and what they may be."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.templates.parameters import private, values
from router.templates.words import TemplateError


@pytest.mark.parametrize(
    ("rules", "given_value", "meant"),
    [
        ({"Type": "String", "Default": "a"}, None, "a"),
        ({"Type": "String", "Default": "a"}, "b", "b"),
        ({"Type": "Number", "Default": 5}, None, "5"),
        ({"Type": "String", "Default": True}, None, "true"),
        ({"Type": "CommaDelimitedList", "Default": "a, b"}, None, ["a", "b"]),
        ({"Type": "List<Number>"}, "1,2", ["1", "2"]),
        ({"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/a"}, "x", "x"),
        ({"Type": "AWS::EC2::VPC::Id"}, "vpc-1", "vpc-1"),
        ({"Type": "String", "AllowedValues": ["a", 1, True]}, "true", "true"),
    ],
)
def test_a_value(rules: dict[str, Any], given_value: str | None, meant: Any) -> None:
    assert values({"P": rules}, {} if given_value is None else {"P": given_value}) == {"P": meant}


@pytest.mark.parametrize(
    ("rules", "given_value", "said"),
    [
        ({"Type": "String"}, None, "it has no default; give one with --parameter P=VALUE"),
        ({"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/a"}, None, "Parameter Store"),
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "c", "c is none of a, b"),
        ({"Type": "String", "AllowedPattern": "[a-z]+", "ConstraintDescription": "lower case"}, "A", "does not match [a-z]+ (lower case)"),
        ({"Type": "String", "AllowedPattern": "[a-z"}, "A", "no regular expression"),
        ({"Type": "Number"}, "one", "no number"),
        ({"Type": "Number", "MinValue": 2}, "1", "less than 2"),
        ({"Type": "Number", "MaxValue": "2"}, "3", "more than 2"),
        ({"Type": "String", "MinLength": 3}, "ab", "less than 3 characters"),
        ({"Type": "String", "NoEcho": True, "MaxLength": 3}, "hunter2", "this value is more than 3"),
        ({"Type": "String", "Frob": 1}, "a", "Frob is no attribute"),
        ({}, "a", "Type is required"),
        ("x", "a", "Type is required"),
    ],
)
def test_a_refusal(rules: Any, given_value: str | None, said: str) -> None:
    with pytest.raises(TemplateError) as refused:
        values({"P": rules}, {} if given_value is None else {"P": given_value})
    assert said in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(TemplateError) as refused:
        values({"A": {"Type": "String"}, "B": {"Type": "Number"}}, {"C": "1", "B": "x"})
    assert len(refused.value.problems) == 3


def test_what_is_not_to_be_echoed_is_known() -> None:
    assert private({"A": {"Type": "String", "NoEcho": "true"}, "B": {"Type": "String"}}) == {"A"}


@given(st.text(), st.sampled_from(["String", "Number", "CommaDelimitedList", "List<Number>"]))
def test_any_text_is_a_value_or_a_refusal(text: str, kind: str) -> None:
    with suppress(TemplateError):
        found = values({"P": {"Type": kind, "MinLength": 1, "MaxValue": 9}}, {"P": text})["P"]
        assert found == text or isinstance(found, list)


def test_a_pattern_is_of_every_text_and_of_few_parameters() -> None:
    rules = {"Type": "CommaDelimitedList", "AllowedPattern": "[a-z]+", "NoEcho": True}
    asked: list[tuple[str, list[str]]] = []

    def unlike(pattern: str, texts: Any) -> str | None:
        asked.append((pattern, list(texts)))
        return "B"

    with pytest.raises(TemplateError, match=r"parameter P: this value does not match \[a-z\]\+"):
        values({"P": rules}, {"P": "a, B"}, unlike)
    assert asked == [("[a-z]+", ["a", "B"])]
    with pytest.raises(TemplateError, match="a template has 200 at most"):
        values({f"P{number}": rules for number in range(201)}, {})
