"""Nested stacks: their resources in place of them."""

from typing import Any

import pytest

from router.templates.document import Document
from router.templates.nested import Child, inlined, places
from router.templates.translate import Options, translated
from router.templates.words import REFUSED, RUNS, Row, TemplateError, Translation

QUEUE = {"Type": "AWS::SQS::Queue"}


def stack(where: str = "inner.yaml", **more: Any) -> dict[str, Any]:
    parameters = more.pop("Parameters", None)
    properties = {"TemplateURL": where} | ({"Parameters": parameters} if parameters is not None else {})
    return {"Type": "AWS::CloudFormation::Stack", "Properties": properties, **more}


def whole(inner: dict[str, Any], outer: dict[str, Any] | None = None, directory: str = "", **sections: Any) -> Document:
    """A template with a nested stack In."""
    value = {"Resources": {"In": stack(), **(outer or {})}, **sections}
    return inlined(Document(value, {"In": 4}), {"In": Child(directory, Document(inner, {}))})


def result(document: Document) -> Translation:
    return translated(document, Options())


def why(document: Document) -> str:
    (row,) = (row for row in document.rows if row.resource == "In")
    assert row.verdict == REFUSED
    assert "In" in document.value["Resources"]
    return row.notes[0]


def test_where_their_templates_lie() -> None:
    asset = {"aws:asset:path": "x.nested.template.json", "aws:asset:property": "TemplateURL"}
    resources = {
        "A": stack("a.yaml"),
        "B": {"Type": "AWS::Serverless::Application", "Properties": {"Location": "b/template.yaml"}},
        "C": {**stack(), "Properties": {"TemplateURL": {"Fn::Join": ["", []]}}, "Metadata": asset},
        "D": stack("https://s3.amazonaws.com/x/y.yaml"),
        "E": {"Type": "AWS::Serverless::Application", "Properties": {"Location": {"ApplicationId": "x"}}},
        "F": QUEUE,
        "G": {"Type": "AWS::CloudFormation::Stack"},
        "H": 3,
    }
    assert places({"Resources": resources}) == {"A": "a.yaml", "B": "b/template.yaml", "C": "x.nested.template.json"}


def test_names_do_not_meet_and_it_is_said() -> None:
    found = whole({"Resources": {"Jobs": QUEUE}}, {"Jobs": QUEUE})
    assert list(found.value["Resources"]) == ["Jobs", "InJobs"]
    assert found.rows == (Row("In", "AWS::CloudFormation::Stack", RUNS, "its resources", (), 4),)
    assert set(result(found).config["queues"]) == {"Jobs", "InJobs"}


def test_names_that_cdk_makes_are_shortened() -> None:
    name = "ReportsNestedStackReportsNestedStackResource745E041B"
    found = inlined(Document({"Resources": {name: stack()}}, {}), {name: Child("", Document({"Resources": {"Jobs": QUEUE}}, {}))})
    assert list(found.value["Resources"]) == ["Reports745E041BJobs"]


def test_what_it_is_given_and_what_it_gives() -> None:
    inner = {
        "Parameters": {
            "Name": {"Type": "String"},
            "Size": {"Type": "Number", "Default": 30},
            "Some": {"Type": "CommaDelimitedList", "Default": "a,b"},
        },
        "Resources": {
            "Jobs": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"QueueName": {"Fn::Sub": "${Name}-jobs"}, "VisibilityTimeout": {"Ref": "Size"}},
            },
            "News": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::Select": [1, {"Ref": "Some"}]}}},
        },
        "Outputs": {"Url": {"Value": {"Ref": "Jobs"}}, "Stack": {"Value": {"Ref": "AWS::StackName"}}},
    }
    env = {
        "URL": {"Fn::GetAtt": ["In", "Outputs.Url"]},
        "DOTTED": {"Fn::GetAtt": "In.Outputs.Url"},
        "SUB": {"Fn::Sub": "<${In.Outputs.Url}>"},
        "STACK": {"Fn::GetAtt": ["In", "Outputs.Stack"]},
    }
    fn = {
        "Type": "AWS::Serverless::Function",
        "Properties": {"Runtime": "python3.11", "Handler": "a.b", "CodeUri": "x", "Environment": {"Variables": env}},
    }
    given = stack(Parameters={"Name": {"Ref": "Stage"}})
    found = result(
        whole(inner, {"In": given, "Fn": {**fn, "DependsOn": ["In"]}}, Parameters={"Stage": {"Type": "String", "Default": "prod"}})
    )
    assert found.config["queues"] == {"prod-jobs": {"visibility_timeout": 30}}
    assert list(found.config["topics"]) == ["b"]
    url = "http://127.0.0.1:4566/123456789012/prod-jobs"
    variables = found.config["functions"]["Fn"]["environment"]
    assert variables == {"URL": url, "DOTTED": url, "SUB": f"<{url}>", "STACK": "stack-In"}


def test_what_one_gives_another_is_given() -> None:
    one = {"Resources": {"Jobs": QUEUE}, "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Jobs", "QueueName"]}}}}
    two = {
        "Parameters": {"Name": {"Type": "String"}},
        "Resources": {"News": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Name"}, "TopicName": "news"}}},
        "Outputs": {"Told": {"Value": {"Ref": "Name"}}},
    }
    value = {
        "Resources": {"One": stack("one.yaml"), "Two": stack("two.yaml", Parameters={"Name": {"Fn::GetAtt": ["One", "Outputs.Name"]}})},
        "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Two", "Outputs.Told"]}}},
    }
    found = inlined(Document(value, {}), {"One": Child("", Document(one, {})), "Two": Child("", Document(two, {}))})
    assert result(found).outputs == {"Name": "OneJobs"}


def test_a_condition_of_the_whole_stack() -> None:
    inner = {
        "Conditions": {"Mine": {"Fn::Equals": ["a", "a"]}},
        "Resources": {"Jobs": QUEUE, "Dead": {**QUEUE, "Condition": "Mine"}},
    }
    for equal, there in (("y", {"InJobs", "InDead", "Kept"}), ("n", {"Kept"})):
        conditions = {"Live": {"Fn::Equals": ["y", equal]}}
        found = result(whole(inner, {"In": stack(Condition="Live"), "Kept": QUEUE}, Conditions=conditions))
        assert set(found.config["queues"]) == there


def test_code_is_named_beside_the_outer_template() -> None:
    def function(type_: str, **properties: Any) -> dict[str, Any]:
        role = {} if "Serverless" in type_ else {"Role": "x"}
        return {"Type": type_, "Properties": {"Runtime": "python3.11", "Handler": "a.b", **role, **properties}}

    inner = {
        "Globals": {"Function": {"Timeout": 7}},
        "Resources": {
            "A": function("AWS::Serverless::Function", CodeUri="src/"),
            "B": function("AWS::Serverless::Function"),
            "C": function("AWS::Lambda::Function", Code="../c"),
            "D": function("AWS::Serverless::Function", InlineCode="def b(e, c): ..."),
        },
    }
    found = result(
        whole(inner, {"Out": function("AWS::Serverless::Function", CodeUri="out/")}, "inner", Globals={"Function": {"Timeout": 9}})
    )
    functions = found.config["functions"]
    assert {name: one["code"] for name, one in functions.items()} == {
        "InA": "./inner/src",
        "InB": "./inner",
        "InC": "./c",
        "InD": "./inline/InD",
        "Out": "./out",
    }
    assert {name: one.get("timeout") for name, one in functions.items()} == {"InA": 7, "InB": 7, "InC": None, "InD": 7, "Out": 9}


API = {"Type": "AWS::Serverless::HttpApi"}


def route(**api: Any) -> dict[str, Any]:
    events = {"Get": {"Type": "HttpApi", "Properties": {"Path": "/x", "Method": "get", **api}}}
    return {
        "Type": "AWS::Serverless::Function",
        "Properties": {"Runtime": "python3.11", "Handler": "a.b", "CodeUri": "x", "Events": events},
    }


@pytest.mark.parametrize(
    ("own", "outer", "resources"),
    [
        (True, False, {"Fn": route()}),
        (False, True, {"Fn": route()}),
        (False, True, {"Api": API}),
        (True, True, {"Fn": route(ApiId={"Ref": "Api"}), "Api": API}),
    ],
)
def test_what_is_common_to_apis_never_counts_for_those_of_another_template(own: bool, outer: bool, resources: dict[str, Any]) -> None:
    """It may say who may call."""
    common = {"Globals": {"HttpApi": {"Auth": {"EnableIamAuthorizer": True}}}}
    found = whole({"Resources": resources, **(common if own else {})}, None, "", **(common if outer else {}))
    assert "Globals.HttpApi would count" in why(found)


def test_what_is_common_to_apis_of_the_nested_template_counts_there() -> None:
    cors = {"CorsConfiguration": {"AllowOrigins": ["https://a.example"]}}
    found = result(whole({"Globals": {"HttpApi": cors}, "Resources": {"Fn": route(ApiId={"Ref": "Api"}), "Api": API}}))
    (trigger,) = found.config["functions"]["InFn"]["triggers"]
    assert trigger["http"]["cors"]["allow_origins"] == ["https://a.example"]


def test_what_is_common_to_apis_of_the_outer_template_counts_once() -> None:
    cors = {"CorsConfiguration": {"AllowOrigins": ["https://a.example"]}}
    found = result(whole({"Resources": {"Jobs": QUEUE}}, {"Fn": route(ApiId={"Ref": "Api"}), "Api": API}, Globals={"HttpApi": cors}))
    (trigger,) = found.config["functions"]["Fn"]["triggers"]
    assert trigger["http"]["cors"]["allow_origins"] == ["https://a.example"]


@pytest.mark.parametrize(
    ("inner", "outer", "said"),
    [
        ({"Transform": "Mine"}, {}, "Transform Mine: macros are not run here"),
        ({"Oddity": 1}, {}, "Oddity: no section of a template"),
        ({"Parameters": {"P": {"Type": "String"}}}, {}, "parameter P has no value, and no default"),
        ({}, {"In": stack(Parameters={"P": "x"})}, "its template has no parameter P"),
        ({}, {"In": stack(Parameters=["x"])}, "Parameters must be a mapping"),
        ({}, {"InJobs": QUEUE}, "it comes to the name InJobs, which is another's"),
        ({}, {"In": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "x", "Odd": 1}}}, "property Odd is not supported"),
        ({"Resources": {"Jobs": 3}}, {}, "Resources.Jobs must be a mapping"),
    ],
    ids=str,
)
def test_what_is_refused_leaves_the_rest(inner: dict[str, Any], outer: dict[str, Any], said: str) -> None:
    found = whole({"Resources": {"Jobs": QUEUE}, **inner}, {"Kept": QUEUE, **outer})
    assert why(found) == said
    translation = result(found)
    assert "Kept" in translation.config["queues"]
    assert [row.notes for row in translation.rows if row.resource == "In"] == [(said,)]


def test_rows_of_what_is_nested_deeper() -> None:
    inner = Document({"Resources": {"Jobs": QUEUE}}, {}, (Row("Deep", "AWS::CloudFormation::Stack", RUNS),))
    found = inlined(Document({"Resources": {"In": stack()}}, {}), {"In": Child("", inner)})
    assert [row.resource for row in found.rows] == ["In", "InDeep"]


def test_without_nested_stacks_nothing_changes() -> None:
    document = Document({"Resources": {"Jobs": QUEUE}}, {"Jobs": 2})
    assert inlined(document, {}) is document


def test_what_leads_to_itself() -> None:
    loop = {"Parameters": {"P": {"Type": "String"}}, "Resources": {"Jobs": QUEUE}, "Outputs": {"O": {"Value": {"Ref": "P"}}}}
    with pytest.raises(TemplateError, match="or to itself"):
        whole(
            loop,
            {"In": stack(Parameters={"P": {"Fn::GetAtt": ["In", "Outputs.O"]}})},
            Outputs={"X": {"Value": {"Fn::GetAtt": "In.Outputs.O"}}},
        )
