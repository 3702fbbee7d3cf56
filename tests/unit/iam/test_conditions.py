"""Condition operators: what holds between them whatever the values; single rows are in grid.py."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.iam.condition_keys import known
from router.iam.conditions import INVERTED, Unknown, holds, operator
from router.iam.policy import Condition, Operator
from router.iam.variables import template

KEY = "s3:prefix"
VALUES = st.lists(
    st.sampled_from(["a", "ab", "1", "1.0", "true", "10.0.0.1", "2026-11-26", "arn:aws:s3:::a", "", "a*", "?"]), min_size=1, max_size=3
)


def said(name: str, written: Sequence[str], given_values: Sequence[str] | None) -> bool:
    found = operator(name)
    assert found is not None
    condition = Condition(found, KEY, tuple(template(value, variables=True) for value in written))
    return holds(condition, {} if given_values is None else {KEY: tuple(given_values)})


@given(st.sampled_from(sorted(INVERTED)), VALUES, st.none() | VALUES)
def test_a_negated_operator_is_the_opposite(name: str, written: list[str], values: list[str] | None) -> None:
    assert said(name, written, values) is not said(INVERTED[name], written, values)


@given(st.sampled_from(sorted(INVERTED)), VALUES, VALUES)
def test_all_of_the_negated_is_the_opposite_of_any(name: str, written: list[str], values: list[str]) -> None:
    assert said(f"ForAllValues:{name}", written, values) is not said(f"ForAnyValue:{INVERTED[name]}", written, values)


@pytest.mark.parametrize("name", ["IpAddress", "NumericEquals", "DateLessThan", "Bool", "BinaryEquals", "ArnLike"])
@pytest.mark.parametrize(
    ("written", "given_value"), [("?", "1.2.3.4"), ("1.2.3.0/24", "?"), ("arn:aws:s3:::b", "arn:aws"), ("arn:aws", "arn:aws:s3:::b")]
)
def test_what_is_no_such_value_goes_with_nothing_and_is_no_accident(name: str, written: str, given_value: str) -> None:
    """A policy's value may come of a variable: nobody has checked it."""
    assert not said(name, [written], [given_value])


@given(st.sampled_from(["StringEquals", "StringNotLike", "NumericLessThan", "Bool", "ArnLike", "DateEquals"]), VALUES, VALUES)
def test_if_exists_asks_the_same_of_what_exists(name: str, written: list[str], values: list[str]) -> None:
    assert said(f"{name}IfExists", written, values) is said(name, written, values)
    assert said(f"{name}IfExists", written, None)
    assert said(f"ForAnyValue:{name}IfExists", written, None)


@given(st.text(max_size=30))
def test_whatever_is_named_is_an_operator_or_none(name: str) -> None:
    found = operator(name)
    assert found is None or found.name == name


@pytest.mark.parametrize(
    "name", ["", "stringEquals", "ForAllValues:", "ForAllValues:Null", "NullIfExists", "StringEqualsIfExistsIfExists", "A:StringEquals"]
)
def test_what_is_no_operator(name: str) -> None:
    assert operator(name) is None


def test_what_is_not_known_cannot_be_judged() -> None:
    with pytest.raises(Unknown, match="operator StringMatches is not known"):
        holds(Condition(Operator("StringMatches", ""), KEY, ()), {})
    with pytest.raises(Unknown, match="key ec2:Vpc is not known"):
        holds(Condition(Operator("StringEquals", "StringEquals"), "ec2:Vpc", ()), {"ec2:vpc": ("x",)})


@pytest.mark.parametrize(
    "key", ["aws:SourceIp", "AWS:sourceip", "aws:PrincipalTag/team", "s3:prefix", "lambda:InvokedViaFunctionUrl", "dynamodb:LeadingKeys"]
)
def test_keys_that_are_known(key: str) -> None:
    assert known(key)


@pytest.mark.parametrize(
    "key",
    [
        *("", "aws:", "aws:Principal", "s3:", "ec2:Vpc", "aws:SourceIpX", "s3:ExistingObjectTag/a", "s3:signatureAge"),
        *("aws:ResourceTag/team", "aws:RequestTag/team", "aws:TagKeys", "lambda:SourceFunctionArn", "iam:AssociatedResourceArn"),
        *("events:detail", "events:detail.other", "events:EventBusArn"),
    ],
)
def test_keys_that_are_not(key: str) -> None:
    assert not known(key)
