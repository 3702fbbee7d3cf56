"""`router init`: what it writes, and what it does not."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from router.cli.init import init
from router.cli.settings import Settings
from router.cli.template import Wanted
from router.daemon import check

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Token: {Type: String, NoEcho: true, Default: ""}}
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: app.handler
      CodeUri: src/
      Tracing: Active
      Events: {Get: {Type: HttpApi, Properties: {Path: /x, Method: get}}}
  Inline:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.11, Handler: index.handler, InlineCode: "def handler(e, c): return 1\\n"}
"""
REFUSED = TEMPLATE + "  Machine: {Type: AWS::Serverless::StateMachine}\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "app/src").mkdir(parents=True)
    (tmp_path / "app/src/app.py").write_text("def handler(event, context): ...\n")
    (tmp_path / "app/template.yaml").write_text(TEMPLATE)
    return tmp_path


def run(place: Path, *words: str, output: str = "json") -> Result:
    settings = Settings(str(place / "config.yaml"), output)
    return CliRunner().invoke(init, list(words), obj=settings, catch_exceptions=True)


def of_template(place: Path, *words: str) -> tuple[int, Any]:
    result = run(place, "--from", str(place / "app/template.yaml"), *words)
    return result.exit_code, json.loads(result.stdout)


def test_without_a_template_a_small_config_is_written_that_is_right(place: Path) -> None:
    assert run(place).exit_code == 0
    config = check(place / "config.yaml")
    assert set(config.functions) == {"hello"}
    assert (place / "handlers/hello/app.py").is_file()


def test_what_is_said_to_start_it_finds_it(place: Path) -> None:
    result = run(place, output="table")
    assert result.output.endswith(f"; start with: router run --config {place / 'config.yaml'}\n")


def test_nothing_is_overwritten_without_force(place: Path) -> None:
    (place / "config.yaml").write_text("mine")
    result = run(place)
    assert "--force overwrites it" in str(result.exception)
    assert (place / "config.yaml").read_text() == "mine"
    assert run(place, "--force").exit_code == 0
    assert (place / "config.yaml").read_text() != "mine"


def test_a_template_becomes_a_config_beside_which_its_code_is_found(place: Path) -> None:
    code, told = of_template(place)
    assert (code, told["problems"], told["config"]) == (0, [], str(place / "config.yaml"))
    assert {row["resource"]: row["verdict"] for row in told["resources"]} == {"Fn": "runs differently", "Fn.Get": "runs", "Inline": "runs"}
    text = (place / "config.yaml").read_text()
    assert "# Fn: Tracing: no traces are sent to X-Ray" in text
    assert "code: ./app/src" in text
    assert (place / "config.yaml").stat().st_mode & 0o077 == 0  # NoEcho
    assert (place / "inline/Inline/index.py").read_text() == "def handler(e, c): return 1\n"


def test_what_is_refused_writes_nothing_unless_that_is_allowed(place: Path) -> None:
    (place / "app/template.yaml").write_text(REFUSED)
    code, told = of_template(place)
    assert code == 1
    assert told["config"] is None
    assert told["problems"] == ["1 refused: nothing was written; --allow-refused writes the rest"]
    assert not (place / "config.yaml").exists()
    code, told = of_template(place, "--allow-refused")
    assert code == 0
    assert [row["resource"] for row in told["resources"] if row["verdict"] == "refused"] == ["Machine"]


def test_a_config_that_is_not_right_is_not_written(place: Path) -> None:
    (place / "app/src/app.py").unlink()
    code, told = of_template(place)
    assert code == 1
    assert any("functions.Fn.handler" in problem for problem in told["problems"])
    assert not (place / "config.yaml").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--parameter", "Frob=1"), "no such parameter"),
        (("--from", "nowhere.yaml"), "No such file"),
    ],
)
def test_mistakes_are_told(place: Path, words: tuple[str, ...], said: str) -> None:
    code, told = of_template(place, *words)
    assert code == 1
    assert said in told["problems"][0]


def test_options_of_templates_need_one(place: Path) -> None:
    assert "name one with --from" in str(run(place, "--stack-name", "x").exception)
    for words in (("--region", "eu-west-1"), ("--account", "210987654321")):
        assert f"{words[0]} is for a template" in str(run(place, *words).exception)
    assert not (place / "config.yaml").exists()
    assert run(place, "--from", "x", "--parameter", "nonsense").exit_code == 2


def test_what_is_not_built_is_told(place: Path) -> None:
    (place / "app/src/requirements.txt").write_text("boto3\nrequests>=2\n# comment\n")
    (place / "app/src/package.json").write_text('{"dependencies": {"left-pad": "1"}}')
    _, told = of_template(place)
    notes = " ".join(told["resources"][0]["notes"])
    assert "requirements.txt (requests) is not installed" in notes
    assert "package.json has dependencies" in notes
    (place / "app/src/requests-2.0.dist-info").mkdir()
    (place / "app/src/node_modules").mkdir()
    _, told = of_template(place, "--force")
    assert "not installed" not in " ".join(told["resources"][0]["notes"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("app.js", "const { S3Client } = require('@aws-sdk/client-s3')"),
        ("lib/app.mjs", 'import { S3Client } from "@aws-sdk/client-s3";'),
        ("app.mjs", 'const s3 = await import("@aws-sdk/client-s3")'),
        ("app.cjs", "var AWS = require( 'aws-sdk/clients/s3' )"),
    ],
)
def test_the_sdk_that_aws_s_nodejs_brings_along_is_told_to_be_missing(place: Path, name: str, text: str) -> None:
    script = place / "app/src" / name
    script.parent.mkdir(exist_ok=True)
    script.write_text(text)
    package = "aws-sdk" if name.endswith(".cjs") else "@aws-sdk/client-s3"
    _, told = of_template(place)
    assert f"AWS's runtime brings {package} along, this machine's does not" in " ".join(told["resources"][0]["notes"])
    for number, modules in enumerate((place / "app/src/node_modules", place / "state/runtime/nodejs/node_modules")):
        (modules / package).mkdir(parents=True)
        _, told = of_template(place, "--force")
        assert "brings" not in " ".join(told["resources"][0]["notes"]), number
        (modules / package).rmdir()


def test_code_that_only_speaks_of_the_sdk_lacks_nothing(place: Path) -> None:
    (place / "app/src/app.js").write_text("// like @aws-sdk/client-s3 and aws-sdk\nconst a = require('./aws-sdk')")
    (place / "app/src/node_modules/other").mkdir(parents=True)
    (place / "app/src/node_modules/other/index.js").write_text("require('aws-sdk')")
    _, told = of_template(place)
    assert "brings" not in " ".join(told["resources"][0]["notes"])


def test_what_other_stacks_export_is_given(place: Path) -> None:
    (place / "app/template.yaml").write_text(TEMPLATE + "Outputs: {Url: {Value: !ImportValue shop-Url}}\n")
    code, told = of_template(place, "--import", "shop-Url=http://shop.example/?a=b")
    assert (code, told["outputs"]) == (0, {"Url": "http://shop.example/?a=b"})


def test_parameters_may_be_references(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "app/template.yaml").write_text(TEMPLATE + "Outputs: {Token: {Value: !Ref Token}}\n")
    monkeypatch.setenv("SHOP_TOKEN", "s3cret")
    code, told = of_template(place, "--parameter", "Token=${env:SHOP_TOKEN}")
    assert (code, told["outputs"]) == (0, {"Token": "s3cret"})
    code, told = of_template(place, "--force", "--parameter", "Token=${env:NOBODY}")
    assert code == 1
    assert "NOBODY" in told["problems"][0]


def test_what_sam_builds_is_no_place_for_data() -> None:
    assert Wanted(Path("/srv/shop/.aws-sam/build/template.yaml")).home == Path("/srv/shop")
    assert Wanted(Path("/srv/shop/template.yaml")).home == Path("/srv/shop")


def test_the_report_for_people(place: Path) -> None:
    (place / "app/template.yaml").write_text(REFUSED)
    result = run(place, "--from", str(place / "app/template.yaml"), "--allow-refused", output="table")
    assert result.exit_code == 0
    assert "Machine" in result.output
    assert "state machines are not run here" in result.output
    assert "start with: router run" in result.output


def test_a_name_is_no_way_out_of_the_directory(place: Path) -> None:
    """Also when what is refused is allowed."""
    evil = '  Bad:\n    Type: AWS::Serverless::Function\n    Properties: {FunctionName: ../../../pwn, Runtime: python3.11, Handler: index.handler, InlineCode: "evil"}\n'
    (place / "app/template.yaml").write_text(TEMPLATE + evil)
    before = {path.name for path in place.parent.iterdir()}
    code, told = of_template(place, "--allow-refused")
    assert (code, told["problems"]) == (0, [])
    assert {path.name for path in place.parent.iterdir()} == before
    assert not [*place.rglob("*pwn*")]
    assert sorted(path.name for path in (place / "inline").iterdir()) == ["Inline"]


def test_the_command_to_start_with_names_the_config(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.delenv("ROUTER_CONFIG", raising=False)
    for config, words in (("config.yaml", "router run"), ("sub/my own.yaml", "router run --config 'sub/my own.yaml'")):
        (place / config).parent.mkdir(exist_ok=True)
        for more in ((), ("--from", str(place / "app/template.yaml"), "--force")):
            result = CliRunner().invoke(init, list(more), obj=Settings(config, "table"))
            assert result.output.endswith(f"start with: {words}\n"), result.output


def test_a_mistake_has_its_line_in_the_template(place: Path) -> None:
    (place / "app/src/app.py").unlink()
    code, told = of_template(place)
    assert code == 1
    assert told["problems"][0].startswith("template.yaml:5: Fn: functions.Fn.handler: ")
    assert told["problems"][-1] == "nothing was written"


def test_nothing_that_is_said_holds_a_secret(place: Path) -> None:
    secret = "hunter2" * 12
    (place / "secret").write_text(secret)
    template = place / "app/template.yaml"
    template.write_text(
        TEMPLATE.replace("Tracing: Active", "Layers: [!Ref Token]")
        + "  Other:\n    Type: AWS::Serverless::Function\n    Properties: {Runtime: python3.11, Handler: app.handler, CodeUri: src/, MemorySize: !Ref Token}\n"
    )
    for given in (f"${{file:{place / 'secret'}}}", secret):
        for words in ((), ("--allow-refused",)):
            for output in ("json", "table"):
                result = run(place, "--from", str(template), "--force", "--parameter", f"Token={given}", *words, output=output)
                assert "Fn" in result.output
                assert "unter2" not in result.output
