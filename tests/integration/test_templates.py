"""`router run --template`: a template is served, a changed one is taken up by a reload, a wrong one changes nothing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apps.app import App
from tests.helpers.house import ROOT

NOTES = {"authorization": "Bearer blue"}


@pytest.fixture
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with App("http_authorizer", tmp_path_factory.mktemp("app")) as served:
        yield served


def changed(app: App, old: str, new: str) -> tuple[int, str]:
    """The template with *new* for *old*, and what a reload says of it."""
    text = app.template.read_text()
    assert old in text
    app.template.write_text(text.replace(old, new))
    status, _, body = app.request("POST", "/reload")
    return status, body.decode()


def test_a_changed_template_is_taken_up_and_a_wrong_one_changes_nothing(app: App) -> None:
    assert app.http("GET", "/notes", headers=NOTES).status == 200
    status, told = changed(app, "Path: /notes,", "Path: /memos,")
    assert status == 200, told
    assert app.http("GET", "/memos", headers=NOTES).status == 200
    assert app.http("GET", "/notes", headers=NOTES).status == 404
    written = app.config.read_text()
    status, told = changed(app, "Handler: notes.handler", "Handler: notes.handler\n      PackageType: Image")
    assert status >= 400
    assert "NotesFunction (AWS::Serverless::Function) is refused: container images are not run here" in told
    status, told = changed(app, "PackageType: Image", "PackageType: [")
    assert status >= 400
    assert "not YAML" in told
    assert app.config.read_text() == written
    assert app.http("GET", "/memos", headers=NOTES).status == 200
    assert app.cli("check")["ok"] is True


def test_outputs_are_told_at_the_start_and_when_they_change(tmp_path_factory: pytest.TempPathFactory) -> None:
    with App("api_table", tmp_path_factory.mktemp("app")) as app:
        first = next(line for line in app.log.read_text().splitlines() if line.startswith("output Url: "))
        assert first.endswith("/Prod/items")
        assert changed(app, "/Prod/items", "/Prod/things")[0] == 200
        assert first.replace("items", "things") in app.log.read_text().splitlines()


def test_what_is_refused_ends_it_before_it_serves(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {Steps: {Type: AWS::StepFunctions::StateMachine}}\n")
    command = [sys.executable, "-m", "router.cli", "run", "--template", str(tmp_path / "template.yaml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "template.yaml:1: Steps (AWS::StepFunctions::StateMachine) is refused: state machines are not run here" in done.stderr
    assert not (tmp_path / "state").exists()


def test_keys_of_usage_plans_stay_the_same(tmp_path_factory: pytest.TempPathFactory) -> None:
    with App("rest_usage_plan", tmp_path_factory.mktemp("app")) as app:
        keys = json.loads((app.state / "template-keys.json").read_text())
        assert app.request("POST", "/reload")[0] == 200
        assert json.loads((app.state / "template-keys.json").read_text()) == keys
        assert app.http("GET", "/quotes/1", headers={"x-api-key": next(iter(keys.values()))}).status == 200
