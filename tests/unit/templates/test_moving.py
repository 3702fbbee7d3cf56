"""A stack's template as a part of another: its own names get the prefix, everything else stays."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.templates import moving
from router.templates.moving import Scope, moved
from router.templates.words import Refused

OWN = Scope(
    "Shop", frozenset({"Fn", "Jobs"}), frozenset({"Live"}), frozenset({"Sizes"}), {"AWS::StackName": "shop", "Env": {"Ref": "Stage"}}
)


@pytest.mark.parametrize(
    ("raw", "there"),
    [
        ({"Ref": "Jobs"}, {"Ref": "ShopJobs"}),
        ({"Ref": "Other"}, {"Ref": "Other"}),
        ({"Ref": "AWS::Region"}, {"Ref": "AWS::Region"}),
        ({"Ref": "AWS::StackName"}, "shop"),
        ({"Ref": "Env"}, {"Ref": "Stage"}),
        ({"Ref": "FnRole"}, {"Ref": "ShopFnRole"}),
        ({"Ref": "Fn.Alias"}, {"Ref": "ShopFn.Alias"}),
        ({"Ref": "FnProdStage"}, {"Ref": "ShopFnProdStage"}),
        ({"Ref": "XProdStage"}, {"Ref": "XProdStage"}),
        ({"Ref": ["Jobs"]}, {"Ref": ["Jobs"]}),
        ({"Fn::GetAtt": ["Jobs", "Arn"]}, {"Fn::GetAtt": ["ShopJobs", "Arn"]}),
        ({"Fn::GetAtt": ["Jobs", {"Ref": "Env"}]}, {"Fn::GetAtt": ["ShopJobs", {"Ref": "Stage"}]}),
        ({"Fn::GetAtt": "Jobs.Arn"}, {"Fn::GetAtt": "ShopJobs.Arn"}),
        ({"Fn::GetAtt": "FnUrl.FunctionUrl"}, {"Fn::GetAtt": "ShopFnUrl.FunctionUrl"}),
        ({"Fn::Sub": "a ${Jobs} ${Jobs.Arn} ${ Other } ${!Jobs}"}, {"Fn::Sub": "a ${ShopJobs} ${ShopJobs.Arn} ${Other} ${!Jobs}"}),
        ({"Fn::Sub": ["${Jobs} ${own}", {"own": {"Ref": "Fn"}}]}, {"Fn::Sub": ["${ShopJobs} ${own}", {"own": {"Ref": "ShopFn"}}]}),
        ({"Fn::Sub": ["${Jobs}", {"Jobs": "x"}]}, {"Fn::Sub": ["${Jobs}", {"Jobs": "x"}]}),
        (
            {"Fn::Sub": "${AWS::StackName}-${Env}"},
            {"Fn::Sub": ["${AWS::StackName}-${Env}", {"AWS::StackName": "shop", "Env": {"Ref": "Stage"}}]},
        ),
        ({"Fn::If": ["Live", {"Ref": "Jobs"}, "x"]}, {"Fn::If": ["ShopLive", {"Ref": "ShopJobs"}, "x"]}),
        ({"Fn::If": ["Dead", 1, 2]}, {"Fn::If": ["Dead", 1, 2]}),
        ({"Fn::Or": [{"Condition": "Live"}, {"Condition": "Dead"}]}, {"Fn::Or": [{"Condition": "ShopLive"}, {"Condition": "Dead"}]}),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "small"]}, {"Fn::FindInMap": ["ShopSizes", {"Ref": "AWS::Region"}, "small"]}),
        ({"Fn::Join": ["", ["Jobs", {"Ref": "Jobs"}]]}, {"Fn::Join": ["", ["Jobs", {"Ref": "ShopJobs"}]]}),
        ({"Ref": "Jobs", "more": {"Ref": "Jobs"}}, {"Ref": "Jobs", "more": {"Ref": "ShopJobs"}}),
        ({"Fn::ImportValue": {"Fn::Sub": "${Jobs}"}}, {"Fn::ImportValue": {"Fn::Sub": "${ShopJobs}"}}),
    ],
    ids=str,
)
def test_names_of_its_own(raw: Any, there: Any) -> None:
    assert moved(raw, OWN) == there


@pytest.mark.parametrize(
    "raw", [{"Fn::Sub": 3}, {"Fn::Sub": ["a"]}, {"Fn::Sub": ["a", []]}, {"Fn::If": "Live"}, {"Fn::If": []}, {"Fn::FindInMap": [{}]}]
)
def test_what_is_no_such_function_stays_as_it_is(raw: Any) -> None:
    assert moved(raw, OWN) == raw


def test_nothing_is_included_with_the_names_of_another_template() -> None:
    include = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "api.yaml"}}}
    assert moved(include, Scope("")) == include
    with pytest.raises(Refused, match="nothing is included"):
        moved({"DefinitionBody": include}, OWN)


def test_a_resource_and_an_output() -> None:
    raw = {"Type": "T", "Condition": "Live", "DependsOn": "Jobs", "Metadata": {"Ref": "Jobs"}, "Properties": {"A": {"Ref": "Fn"}}}
    assert moving.resource(raw, OWN) == {
        **raw,
        "Condition": "ShopLive",
        "DependsOn": ["ShopJobs"],
        "Properties": {"A": {"Ref": "ShopFn"}},
    }
    assert moving.resource({"Type": "T", "Condition": "Dead", "DependsOn": ["Fn", "X"]}, OWN) == {
        "Type": "T",
        "Condition": "Dead",
        "DependsOn": ["ShopFn", "X"],
    }
    assert moving.output({"Value": {"Ref": "Jobs"}, "Condition": "Live"}, OWN) == {"Value": {"Ref": "ShopJobs"}, "Condition": "ShopLive"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["Jobs", "${Jobs}", "Live"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If", "Condition", "Fn::FindInMap", "a", "b"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_without_names_of_its_own_everything_means_the_same(raw: Any) -> None:
    """Lists of what it depends on apart, and spaces within ${…}."""
    assert moved(raw, Scope("Shop")) == raw or "$" in str(raw)


@given(JSON)
def test_nothing_is_too_odd_to_be_moved(raw: Any) -> None:
    moved(raw, OWN)
