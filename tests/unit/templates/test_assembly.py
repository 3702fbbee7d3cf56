"""The stacks of a cloud assembly as one template."""

import json
from typing import Any

import pytest

from router.templates import assembly
from router.templates.assembly import Stack, chosen, stacks
from router.templates.document import Document
from router.templates.translate import Options, translated
from router.templates.words import REFUSED, TemplateError

A, B = Stack("shop-a", "App/A", "A.template.json"), Stack("shop-b", "App/B", "B.template.json")
QUEUE = {"Type": "AWS::SQS::Queue"}


def joined(templates: list[tuple[Stack, dict[str, Any]]]) -> Document:
    return assembly.joined([(stack, Document(value, {})) for stack, value in templates])


def manifest(**artifacts: Any) -> str:
    return json.dumps({"version": "55.0.0", "artifacts": artifacts})


def stack(file: str = "A.template.json", **more: Any) -> dict[str, Any]:
    properties = {"templateFile": file} | {key: more.pop(key) for key in ("stackName",) if key in more}
    return {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "properties": properties, **more}


def test_a_manifest() -> None:
    found = stacks(
        manifest(
            **{
                "A.assets": {"type": "cdk:asset-manifest", "properties": {"file": "x"}},
                "A": stack(stackName="shop-a", displayName="App/A"),
                "B": stack("B.template.json", environment="aws://111122223333/eu-west-1"),
                "Tree": {"type": "cdk:tree"},
            }
        )
    )
    assert found == (A, Stack("B", "B", "B.template.json", "111122223333", "eu-west-1"))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"artifacts": []}', '{"artifacts": {"A": {}}}', '{"artifacts": {"A": 3}}', "[" * 100_000]
)
def test_what_is_no_manifest(text: str) -> None:
    with pytest.raises(TemplateError, match="not that of a cloud assembly"):
        stacks(text)


def test_a_manifest_without_stacks_names_its_stages() -> None:
    with pytest.raises(TemplateError, match=r"^manifest\.json lists no stack$"):
        stacks(manifest())
    with pytest.raises(TemplateError, match="its stages are assembly-Prod: name one of these directories"):
        stacks(manifest(P={"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}))


def test_choosing() -> None:
    assert chosen((A, B), ()) == (A, B)
    assert chosen((A, B), ("App/B",)) == chosen((A, B), ("shop-b",)) == (B,)
    with pytest.raises(TemplateError, match=r"--stack C: no such stack; App/A, App/B are"):
        chosen((A, B), ("C",))
    here, there = Stack("x", "x", "x", "1", "eu-west-1"), Stack("y", "y", "y", "1", "us-east-1")
    with pytest.raises(TemplateError, match=r"different regions.*there are x, y"):
        chosen((here, there, A), ())
    assert chosen((here, there, A), ("x", "shop-a")) == (here, A)


def test_names_of_two_stacks_do_not_meet() -> None:
    one = {
        "Conditions": {"Live": {"Fn::Equals": [1, 1]}},
        "Mappings": {"M": {"a": {"b": "c"}}},
        "Parameters": {"P": {"Type": "String", "Default": "x"}},
        "Resources": {"Jobs": {**QUEUE, "Condition": "Live", "Properties": {"QueueName": {"Ref": "P"}}}},
        "Outputs": {"Url": {"Value": {"Ref": "Jobs"}}},
    }
    found = joined([(A, one), (B, one)]).value
    assert list(found["Resources"]) == ["shopaJobs", "shopbJobs"]
    assert found["Resources"]["shopbJobs"]["Condition"] == "shopbLive"
    assert list(found["Conditions"]) == ["shopaLive", "shopbLive"]
    assert list(found["Mappings"]) == ["shopaM", "shopbM"]
    assert found["Parameters"] == one["Parameters"]
    assert found["Outputs"]["shopbUrl"] == {"Value": {"Ref": "shopbJobs"}}


def test_one_stack_has_the_names_that_it_has_beside_others() -> None:
    found = joined([(A, {"Resources": {"Jobs": QUEUE}})]).value
    assert list(found["Resources"]) == ["shopaJobs"]


GIVING = {
    "Resources": {"Jobs": QUEUE},
    "Outputs": {"Url": {"Value": {"Ref": "Jobs"}, "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-url"}}}, "Odd": {"Value": "x"}},
}


def reading(value: Any) -> dict[str, Any]:
    return {"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": value}}}}


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::ImportValue": "shop-a-url"},
        {"Fn::ImportValue": {"Fn::Sub": "shop-a-url"}},
        {"Fn::GetStackOutput": {"StackName": "shop-a", "OutputName": "Url"}},
        {"Fn::GetStackOutput": {"StackName": "shop-a", "OutputName": "Url", "Region": {"Ref": "AWS::Region"}}},
    ],
    ids=str,
)
def test_what_a_stack_gives_out_the_others_read(value: Any) -> None:
    for order in ([(A, GIVING), (B, reading(value))], [(B, reading(value)), (A, GIVING)]):
        assert joined(order).value["Resources"]["shopbT"]["Properties"]["DisplayName"] == {"Ref": "shopaJobs"}


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::ImportValue": "nobody-url"},
        {"Fn::ImportValue": {"Ref": "P"}},
        {"Fn::GetStackOutput": {"StackName": "shop-a", "OutputName": "None"}},
        {"Fn::GetStackOutput": {"StackName": "shop-a", "OutputName": "Url", "Region": "eu-west-1"}},
        {"Fn::GetStackOutput": {"StackName": "shop-a", "OutputName": "Url", "RoleArn": "arn:aws:iam::1:role/x"}},
    ],
    ids=str,
)
def test_what_none_of_them_gives_out_is_refused(value: Any) -> None:
    found = translated(joined([(A, GIVING), (B, reading(value))]), Options())
    (row,) = (row for row in found.rows if row.resource == "shopbT")
    assert row.verdict == REFUSED


def chain(name: str, target: str) -> dict[str, Any]:
    return {"Resources": {"Q": QUEUE}, "Outputs": {"O": {"Value": {"Fn::ImportValue": target}, "Export": {"Name": name}}}}


def test_what_leads_to_itself_or_over_many_steps() -> None:
    with pytest.raises(TemplateError, match="or to itself"):
        joined([(A, chain("a", "b")), (B, chain("b", "a"))])
    many = [(Stack(f"s{n}", "", ""), chain(f"e{n}", f"e{n + 1}")) for n in range(12)]
    with pytest.raises(TemplateError, match="over more than 8 steps"):
        joined(many)
    few = [*many[:5], (A, {"Resources": {"Q": QUEUE}, "Outputs": {"O": {"Value": "end", "Export": {"Name": "e5"}}}})]
    assert joined(few).value["Outputs"]["s0O"]["Value"] == "end"


def test_what_grows_with_each_step_is_made_once() -> None:
    """Twice as much in each of so many steps would fill the memory."""
    double = [
        (
            Stack(f"s{n}", "", ""),
            {
                "Resources": {"Q": QUEUE},
                "Outputs": {"O": {"Value": {"Fn::Join": ["", [{"Fn::ImportValue": f"e{n + 1}"}] * 100]}, "Export": {"Name": f"e{n}"}}},
            },
        )
        for n in range(7)
    ]
    last = (A, {"Resources": {"Q": QUEUE}, "Outputs": {"O": {"Value": "end", "Export": {"Name": "e7"}}}})
    parts = joined([*double, last]).value["Outputs"]["s0O"]["Value"]["Fn::Join"][1]
    assert all(part is parts[0] for part in parts)


def test_what_cannot_be_one_template() -> None:
    other = {"Resources": {"Jobs": QUEUE}, "Parameters": {"P": {"Type": "Number"}}}
    with pytest.raises(TemplateError, match=r"Parameters\.P: stacks declare it differently"):
        joined([(A, {**other, "Parameters": {"P": {"Type": "String"}}}), (B, other)])
    with pytest.raises(TemplateError, match=r"Resources\.shopaJobs: two stacks come to the same name"):
        joined([(A, {"Resources": {"Jobs": QUEUE}}), (Stack("shopa", "", ""), {"Resources": {"Jobs": QUEUE}})])
    with pytest.raises(TemplateError, match=r"A\.template\.json: Globals are of one template; serve App/A by itself"):
        joined([(A, {"Resources": {"Jobs": QUEUE}, "Globals": {"Function": {"Timeout": 3}}})])
    with pytest.raises(TemplateError, match=r"A\.template\.json: Resources must be a mapping"):
        joined([(A, {"Resources": ["Jobs"]})])


def test_other_sections_are_looked_at_as_those_of_one_template() -> None:
    whole = {"Resources": {"Jobs": QUEUE}}
    sam, more = "AWS::Serverless-2016-10-31", "AWS::LanguageExtensions"
    assert joined([(A, {**whole, "Transform": sam}), (B, {**whole, "Transform": [sam, more]})]).value["Transform"] == [sam, more]
    with pytest.raises(TemplateError, match=r"A\.template\.json: Oddity: no section of a template"):
        joined([(A, {**whole, "Oddity": 1})])
    with pytest.raises(TemplateError, match=r"A\.template\.json: Transform Mine: macros are not run here"):
        joined([(A, {**whole, "Transform": "Mine"})])


def test_the_bootstrap_stack_is_not_asked_for() -> None:
    asks = {
        "Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/hnb659fds/version"}},
        "Rules": {"CheckBootstrapVersion": {"Assertions": [{"Assert": {"Fn::Not": [{"Ref": "BootstrapVersion"}]}}]}},
        "Resources": {"Jobs": QUEUE},
    }
    found = joined([(A, asks)]).value
    assert not found.get("Parameters")
    assert not found.get("Rules")
