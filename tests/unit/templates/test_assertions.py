"""Rules of a template."""

import json
from typing import Any

import pytest

from router.templates.translate import Options, translate
from router.templates.words import REFUSED, TemplateError, Translation
from tests.unit.templates.test_translate import FN, notes, verdicts


def ruled(rule: Any, **given: str) -> Translation:
    parameters = {"N": {"Type": "String", "Default": "5"}, "L": {"Type": "CommaDelimitedList", "Default": "a,b"}}
    text = json.dumps({"Parameters": parameters, "Rules": {"R": rule}, "Resources": {"Fn": FN}})
    return translate(text, Options(parameters=given))


def asserted(*conditions: Any, **more: Any) -> dict[str, Any]:
    return {"Assertions": [{"Assert": one, "AssertDescription": "it must be"} for one in conditions], **more}


N, LIST = {"Ref": "N"}, {"Ref": "L"}
TRUE: list[Any] = [
    {"Fn::Equals": [N, "5"]},
    {"Fn::Contains": [["4", "5"], N]},
    {"Fn::EachMemberIn": [LIST, ["a", "b", "c"]]},
    {"Fn::EachMemberEquals": [["5", "5"], N]},
    {"Fn::And": [{"Fn::Equals": [N, "5"]}, {"Fn::Not": [{"Fn::Contains": [LIST, N]}]}]},
    {"Fn::Or": [{"Fn::Contains": [LIST, "c"]}, {"Fn::Contains": [LIST, "b"]}]},
]


@pytest.mark.parametrize("condition", TRUE)
def test_an_assertion_that_is_false_makes_no_config(condition: Any) -> None:
    assert verdicts(ruled(asserted(condition))) == {"Fn": "runs"}
    with pytest.raises(TemplateError, match=r"Rules\.R: it must be"):
        ruled(asserted(condition, {"Fn::Not": [condition]}))


def test_a_rule_whose_condition_is_false_says_nothing() -> None:
    rule = asserted({"Fn::Equals": [N, "7"]}, RuleCondition={"Fn::Equals": [N, "6"]})
    assert verdicts(ruled(rule)) == {"Fn": "runs"}
    with pytest.raises(TemplateError):
        ruled(rule, N="6")


@pytest.mark.parametrize(
    "rule",
    [
        "x",
        {},
        {"Assertions": "x"},
        {"Assertions": ["x"]},
        {"Assertions": [{}]},
        {"Assertions": [], "Frob": 1},
        asserted({"Fn::ValueOf": ["N", "Attributes.VpcId"]}),
        asserted({"Fn::Contains": [{"Fn::RefAll": "AWS::EC2::VPC::Id"}, N]}),
        asserted({"Fn::Contains": ["x", N]}),
        asserted("x"),
    ],
)
def test_a_rule_that_cannot_be_told_is_refused(rule: Any) -> None:
    found = ruled(rule)
    assert verdicts(found) == {"Fn": "runs", "Rules: R": REFUSED}
    assert notes(found, "Rules: R")
