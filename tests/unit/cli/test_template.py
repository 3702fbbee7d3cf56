"""What a template is looked at with, and how what it becomes is written."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router.cli import template, template_written
from router.errors import ConfigError
from router.templates.words import Row, TemplateError, Translation

HOSTILE = "(a|aa|aaa)+b"  # on a row of a's it would take longer than the machine lasts


def test_a_pattern_cannot_hold_up_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    assert template.unlike("[a-z]+", ["a", "ü", "B"]) == "ü"
    assert template.unlike("[a-z]*", ["a", ""]) is None
    with pytest.raises(TemplateError, match="no regular expression"):
        template.unlike("[a-z", ["a"])
    monkeypatch.setattr(template, "MATCH_SECONDS", 0.2)
    with pytest.raises(TemplateError, match=r"takes over 0\.2 s"):
        template.unlike(HOSTILE, ["a" * 200])


def translation(timeout: int, code: str) -> Translation:
    function = {"code": "./inline/f", "handler": "index.handler", "runtime": "python", "timeout": timeout}
    files = {f"inline/{name}/index.py": code for name in ("f", code)}
    config: dict[str, Any] = {"version": 1, "state": ".", "functions": {"f": function}}
    return Translation(config, {}, (), files=files)


def test_a_config_with_mistakes_leaves_the_code_that_runs(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    text = template_written.write(translation(3, "old"), path, ("head",))
    with pytest.raises(ConfigError, match="timeout"):
        template_written.write(translation(901, "new"), path, ())
    assert path.read_text() == text
    assert (tmp_path / "inline/f/index.py").read_text() == "old"
    assert not (tmp_path / "inline/new/index.py").exists()
    template_written.write(translation(4, "new"), path, ())
    assert (tmp_path / "inline/f/index.py").read_text() == "new"


def test_what_is_no_text_is_put_back_too(tmp_path: Path) -> None:
    """It is the user's, and was in the way of code that stood in the template."""
    file = tmp_path / "inline/new/index.py"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\xff\x00")
    with pytest.raises(ConfigError, match="timeout"):
        template_written.write(translation(901, "new"), tmp_path / "config.yaml", ())
    assert file.read_bytes() == b"\xff\x00"


def test_what_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "inline/new/index.py").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"index\.py would be written over, and cannot be read"):
        template_written.write(translation(4, "new"), tmp_path / "config.yaml", ())
    assert [*(tmp_path / "inline").iterdir()] == [tmp_path / "inline/new"]


@pytest.mark.parametrize("name", ["../outside/pwn.py", "inline/../../outside/pwn.py", "{outside}/pwn.py", "link/pwn.py", "link/new/pwn.py"])
def test_no_file_is_written_outside_the_config_s_directory(tmp_path: Path, name: str) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    home.mkdir()
    outside.mkdir()
    (home / "link").symlink_to(outside)
    found = replace(translation(3, "code"), files={"inline/f/index.py": "fine", name.format(outside=outside): "evil"})
    with pytest.raises(ConfigError, match="would be written outside"):
        template_written.write(found, home / "config.yaml", ())
    assert [*home.iterdir()] == [home / "link"]
    assert [*outside.iterdir()] == []


def test_a_mistake_of_one_of_several_triggers_is_said_of_their_function(tmp_path: Path) -> None:
    rows = (
        Row("Kept", "AWS::Lambda::EventInvokeConfig", "runs", "functions.f", (), 5),
        Row("Fn", "AWS::Lambda::Function", "runs", "functions.f", (), 7),
        Row("Told", "AWS::SNS::Subscription", "runs", "functions.f.triggers", (), 9),
        Row("Get", "AWS::ApiGatewayV2::Route", "runs", "functions.f.triggers", (), 11),
    )
    found = translation(3, "code")
    config = {**found.config, "functions": {"f": {**found.config["functions"]["f"], "triggers": [{"http": "GET /a"}, {"http": "nowhere"}]}}}
    with pytest.raises(ConfigError) as refused:
        template_written.write(replace(found, config=config, rows=rows), tmp_path / "my.yaml", (), "app.yaml")
    told = next(problem for problem in refused.value.problems if "triggers[1]" in problem)
    assert told.startswith("app.yaml:7: Fn: functions.f.triggers[1]")


def test_mistakes_have_lines_of_the_template(tmp_path: Path) -> None:
    rows = (
        Row("Fn", "AWS::Lambda::Function", "runs", "functions.f", (), 7),
        Row("Other", "AWS::Lambda::Function", "runs", "functions.ff", (), 9),
        Row("Fn.Get", "HttpApi", "runs", "functions.f.triggers", (), 7),
    )
    found = replace(translation(901, "code"), rows=rows)
    with pytest.raises(ConfigError) as refused:
        template_written.write(replace(found, config={**found.config, "listen": {"http": "nowhere"}}), tmp_path / "my.yaml", (), "app.yaml")
    assert max(problem.partition(" is ")[0] for problem in refused.value.problems) == "app.yaml:7: Fn: functions.f.timeout: 901 s"
    assert all(problem.startswith(("app.yaml:7: Fn: ", "app.yaml: listen.http: ")) for problem in refused.value.problems)
    assert not (tmp_path / "my.yaml").exists()
