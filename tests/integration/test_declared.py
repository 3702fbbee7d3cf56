"""What the API declared, across reloads, crashes, backups, and a config.yaml that comes to declare the same."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.endpoint import Cloud
from tests.helpers.house import ROOT
from tests.integration.aws.test_lambda_api import ROLE, create, result

CONFIG = """
roles: {worker: {policy: [{Effect: Allow, Action: "sqs:*", Resource: "*"}]}}
queues: {jobs: {visibility_timeout: 60}}
functions:
  f: {code: ./code, handler: app.echo, role: worker}
"""
CODE = {"app.py": "def echo(event, context):\n    return event\n"}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with Cloud(tmp_path, CONFIG, CODE) as made:
        made.start()
        assert made.ready(60), made.log.read_text()
        yield made


def router(cloud: Cloud, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "router.cli", "--config", str(cloud.config), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def problems(cloud: Cloud) -> Any:
    status, _, body = cloud.request("POST", "/reload")
    assert status == 400, body
    return json.loads(body)["message"]


def test_it_survives_a_kill_and_is_shown_and_taken_back(cloud: Cloud) -> None:
    client = cloud.client("lambda", cloud.key())
    create(client, "mine", Environment={"Variables": {"TOKEN": "hidden"}})
    client.create_event_source_mapping(FunctionName="f", EventSourceArn="arn:aws:sqs:us-east-1:123456789012:jobs")
    cloud.kill()
    assert (
        router(cloud, "check")
        .stdout.splitlines()[1]
        .startswith("of these or beside them, 2 things declared through the API: functions.mine,")
    )
    shown = json.loads(router(cloud, "--output", "json", "declared").stdout)
    assert (shown[0]["kind"], shown[0]["name"]) == ("functions", "mine")
    assert "hidden" not in json.dumps(shown)
    cloud.start()
    assert cloud.ready(60), cloud.log.read_text()
    assert result(client, "mine")[0] == "one"
    assert len(client.list_event_source_mappings(FunctionName="f")["EventSourceMappings"]) == 1
    assert {row["function"]: row["declared"] for row in cloud.get("/ps")} == {"f": "config", "mine": "api"}
    assert json.loads(router(cloud, "--output", "json", "declared").stdout) == shown
    assert router(cloud, "declared", "remove", "functions", "f").returncode == 1
    assert router(cloud, "declared", "remove", "functions", "mine").stdout == "removed\n"
    assert {row["function"] for row in cloud.get("/ps")} == {"f"}


def test_a_reload_that_collides_is_refused_with_both_places_and_there_is_a_way_out(cloud: Cloud) -> None:
    client = cloud.client("lambda", cloud.key())
    create(client, "mine")
    mapping = client.create_event_source_mapping(FunctionName="f", EventSourceArn="arn:aws:sqs:us-east-1:123456789012:jobs")["UUID"]
    before = cloud.config.read_text()
    cloud.config.write_text(before + "  mine: {code: ./code, handler: app.echo}\n")
    line = len(before.splitlines()) + 1
    assert problems(cloud) == (
        f"declared:functions.mine: config.yaml:{line} declares it too; take it out there, or take back what the API declared: "
        "router declared remove functions mine"
    )
    assert result(client, "mine")[0] == "one"
    cloud.config.write_text(before.replace("  f: {", "  g: {"))
    assert problems(cloud).startswith(f"declared:triggers.{mapping}: no function has the name 'f'")
    cloud.config.write_text(before + "  mine: {code: ./code, handler: app.echo}\n")
    assert cloud.stop() == 0
    assert "declares it too" in router(cloud, "check").stderr
    assert router(cloud, "declared", "remove", "functions", "nothing").returncode == 1
    assert router(cloud, "declared", "remove", "functions", "mine").returncode == 0
    cloud.start()
    assert cloud.ready(60), cloud.log.read_text()
    assert result(client, "mine", Payload=b"[5]") == [5]


def test_a_config_file_in_the_middle_of_an_edit_is_no_hindrance_and_not_taken_up(cloud: Cloud) -> None:
    client = cloud.client("lambda", cloud.key())
    cloud.config.write_text(cloud.config.read_text() + "  half: {code: ./co")
    create(client, "mine")
    assert result(client, "mine")[0] == "one"
    assert {row["function"] for row in cloud.get("/ps")} == {"f", "mine"}


def test_a_backup_carries_it(cloud: Cloud, tmp_path: Path) -> None:
    client = cloud.client("lambda", cloud.key())
    create(client, "mine", Role=ROLE, Publish=True)
    assert router(cloud, "backup", str(tmp_path / "backup.tar")).returncode == 0
    client.delete_function(FunctionName="mine")
    assert cloud.stop() == 0
    assert router(cloud, "restore", "--force", str(tmp_path / "backup.tar")).returncode == 0
    cloud.start()
    assert cloud.ready(60), cloud.log.read_text()
    assert result(client, "mine")[0] == "one"
    assert result(client, "mine:1")[0] == "one"
    assert client.get_function(FunctionName="mine")["Code"]["Location"].endswith(".zip")
