"""What is read of a template, and where its state belongs."""

import json
from pathlib import Path
from typing import Any

import pytest

from router.cli.template_source import home, source
from router.errors import ConfigError
from router.templates.words import TemplateError

QUEUE = {"Resources": {"Jobs": {"Type": "AWS::SQS::Queue"}}}


def assembly(directory: Path, **environments: str) -> Path:
    """A cloud assembly with stacks, each a queue."""
    directory.mkdir(parents=True)
    (directory / "cdk.out").write_text('{"version":"55.0.0"}')
    artifacts: dict[str, Any] = {}
    for name, environment in environments.items():
        properties = {"templateFile": f"{name}.template.json"}
        artifacts[name] = {"type": "aws:cloudformation:stack", "environment": environment, "properties": properties}
        (directory / f"{name}.template.json").write_text(json.dumps(QUEUE))
    (directory / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return directory


ANY = "aws://unknown-account/unknown-region"
THERE = "aws://111122223333/eu-west-1"


def test_state_lies_beside_what_is_built(tmp_path: Path) -> None:
    out = assembly(tmp_path / "cdk.out", Shop=ANY)
    stage = assembly(out / "assembly-Prod", Shop=ANY)
    assert home(out) == home(out / "Shop.template.json") == home(stage) == tmp_path
    assert home(tmp_path / ".aws-sam/build/template.yaml") == tmp_path
    assert home(tmp_path / "template.yaml") == tmp_path


def test_a_template_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "template.json"
    path.write_text(json.dumps(QUEUE))
    found = source(path, ())
    assert (found.document.value, found.stack, found.account, found.region) == (QUEUE, "", "", "")
    with pytest.raises(TemplateError, match="--stack chooses among"):
        source(path, ("Shop",))


def test_all_stacks_of_a_directory(tmp_path: Path) -> None:
    out = assembly(tmp_path / "out", Shop=ANY, Report=THERE)
    found = source(out, ())
    assert list(found.document.value["Resources"]) == ["ShopJobs", "ReportJobs"]
    assert (found.stack, found.account, found.region) == ("", "111122223333", "eu-west-1")
    one = source(out, ("Shop",))
    assert (list(one.document.value["Resources"]), one.stack, one.account) == (["ShopJobs"], "Shop", "")


def test_one_stack_by_its_file(tmp_path: Path) -> None:
    out = assembly(tmp_path / "out", Shop=ANY, Report=THERE)
    found = source(out / "Report.template.json", ())
    assert (list(found.document.value["Resources"]), found.stack, found.region) == (["Jobs"], "Report", "eu-west-1")
    (out / "other.template.json").write_text(json.dumps(QUEUE))
    assert source(out / "other.template.json", ()).stack == ""


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is neither a template nor a directory that cdk synth has written$"):
        source(tmp_path, ())
    assembly(tmp_path / "cdk.out", Shop=ANY)
    with pytest.raises(ConfigError, match=r"has written; .*/cdk\.out may be meant"):
        source(tmp_path, ())
    out = assembly(tmp_path / "out", Shop=ANY)
    (out / "Shop.template.json").unlink()
    with pytest.raises(ConfigError, match=r"Shop\.template\.json: No such file"):
        source(out, ())
    (out / "Shop.template.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        source(out, ())


OUTER = """
Resources:
  Kept: {Type: AWS::SQS::Queue}
  In:
    Type: AWS::Serverless::Application
    Properties: {Location: inner/template.yaml}
"""
INNER = """
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.11, Handler: a.b, CodeUri: src/}
"""


def nested(directory: Path, outer: str = OUTER, inner: str = INNER) -> Path:
    (directory / "inner").mkdir()
    (directory / "template.yaml").write_text(outer)
    (directory / "inner/template.yaml").write_text(inner)
    return directory / "template.yaml"


def test_nested_applications_are_read(tmp_path: Path) -> None:
    found = source(nested(tmp_path), ()).document
    assert list(found.value["Resources"]) == ["Kept", "InFn"]
    assert found.value["Resources"]["InFn"]["Properties"]["CodeUri"] == "inner/src/"
    assert found.lines["Kept"] == 3


def test_mistakes_in_a_nested_template_are_said_to_be_there(tmp_path: Path) -> None:
    path = nested(tmp_path, inner="Resources:\n  - [")
    with pytest.raises(TemplateError, match=r"^inner/template\.yaml: line 3: not YAML"):
        source(path, ())
    (tmp_path / "inner/template.yaml").unlink()
    with pytest.raises(ConfigError, match=r"inner/template\.yaml: No such file"):
        source(path, ())


def test_templates_that_lead_to_themselves(tmp_path: Path) -> None:
    path = nested(tmp_path, inner=OUTER.replace("inner/template.yaml", "../template.yaml"))
    with pytest.raises(TemplateError, match="or to themselves"):
        source(path, ())
