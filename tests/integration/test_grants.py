"""Who was let in to a function or an alias is not let in to another one that comes to have its name."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.endpoint import Cloud
from tests.helpers.house import ROOT
from tests.integration.aws.test_endpoint import refused
from tests.integration.aws.test_lambda_api import NOTHING, create, result

CONFIG = """
roles: {worker: {policy: [{Effect: Allow, Action: "sqs:*", Resource: "*"}]}}
functions:
  g: {code: ./code, handler: app.echo}
"""
OURS = "  f: {code: ./code, handler: app.echo}\n"
CODE = {"app.py": "def echo(event, context):\n    return event\n"}
GRANT = {"StatementId": "bob", "Action": "lambda:InvokeFunction", "Principal": "arn:aws:iam::123456789012:user/bob"}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with Cloud(tmp_path, CONFIG + OURS, CODE).serving() as made:
        yield made


@pytest.fixture
def client(cloud: Cloud) -> Any:
    return cloud.client("lambda", cloud.key())


@pytest.fixture
def stranger(cloud: Cloud) -> Any:
    policy = cloud.directory / "nothing.json"
    policy.write_text(json.dumps(NOTHING))
    return cloud.client("lambda", cloud.router("keys", "create", "bob", "--policy", str(policy)))


def granted(client: Any, stranger: Any, name: str, **more: str) -> None:
    client.add_permission(FunctionName=name, **GRANT, **more)
    result(stranger, name, **more)


def inherits_nothing(client: Any, stranger: Any, name: str, **more: str) -> None:
    assert refused(stranger.invoke, FunctionName=name, **more)[1] == "AccessDeniedException"
    assert refused(client.get_policy, FunctionName=name, **more)[1] == "ResourceNotFoundException"


def reload(cloud: Cloud, config: str) -> None:
    head = cloud.config.read_text().partition(CONFIG)[0]
    cloud.config.write_text(head + config)
    status, _, body = cloud.request("POST", "/reload")
    assert status == 200, body


def test_an_alias_that_is_made_again(cloud: Cloud, client: Any, stranger: Any) -> None:
    create(client, "mine", Publish=True)
    create(client, "mine2", Publish=True)
    for name in ("mine", "mine2"):
        client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        granted(client, stranger, name, Qualifier="live")
    granted(client, stranger, "mine")
    client.delete_alias(FunctionName="mine", Name="live")
    client.create_alias(FunctionName="mine", Name="live", FunctionVersion="1")
    inherits_nothing(client, stranger, "mine", Qualifier="live")
    assert cloud.stop() == 0
    cloud.up()
    inherits_nothing(client, stranger, "mine", Qualifier="live")
    assert result(stranger, "mine")[0] == result(stranger, "mine2", Qualifier="live")[0] == "one", "others keep theirs"


@pytest.mark.parametrize("running", [True, False])
def test_a_function_that_was_taken_back_by_the_command(cloud: Cloud, client: Any, stranger: Any, running: bool) -> None:
    create(client, "mine", "old", Publish=True)
    granted(client, stranger, "mine")
    granted(client, stranger, "mine", Qualifier="1")
    if not running:
        assert cloud.stop() == 0
    command = [sys.executable, "-m", "router.cli", "--config", str(cloud.config), "declared", "remove", "functions", "mine"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False).returncode == 0
    if not running:
        cloud.up()
    reload(cloud, CONFIG + OURS + "  mine: {code: ./code, handler: app.echo}\n")
    inherits_nothing(client, stranger, "mine")
    assert [one["Version"] for one in client.list_versions_by_function(FunctionName="mine")["Versions"]] == ["$LATEST"]


def test_a_function_of_the_api_after_one_that_left_config_yaml(cloud: Cloud, client: Any, stranger: Any) -> None:
    granted(client, stranger, "f")
    assert client.publish_version(FunctionName="f")["Version"] == "1"
    reload(cloud, CONFIG)
    assert create(client, "f", "another", Publish=True)["Version"] == "2", "numbers are never given twice"
    inherits_nothing(client, stranger, "f")
    assert refused(client.invoke, FunctionName="f", Qualifier="1")[0] == 404
    assert cloud.stop() == 0
    cloud.up()
    inherits_nothing(client, stranger, "f")
    assert refused(client.invoke, FunctionName="f", Qualifier="1")[0] == 404


def test_a_function_that_comes_back_to_config_yaml_has_what_it_had(cloud: Cloud, client: Any, stranger: Any) -> None:
    granted(client, stranger, "f")
    client.publish_version(FunctionName="f")
    reload(cloud, CONFIG)
    assert refused(client.invoke, FunctionName="f")[0] == 404
    reload(cloud, CONFIG + OURS)
    assert result(stranger, "f") == {}
    assert result(client, "f", Qualifier="1") == {}


def test_an_alias_that_is_changed_keeps_who_was_let_in(client: Any, stranger: Any) -> None:
    create(client, "mine", Publish=True)
    client.create_alias(FunctionName="mine", Name="live", FunctionVersion="1")
    granted(client, stranger, "mine", Qualifier="live")
    client.update_alias(FunctionName="mine", Name="live", FunctionVersion="$LATEST")
    assert result(stranger, "mine", Qualifier="live")[0] == "one"


WRITER = """
import os
def write(event, context):
    try:
        open(os.path.join(os.environ["BUCKET_DATA"], "file"), "w").close()
    except OSError as error:
        return type(error).__name__
    return "written"
"""
OPEN = """
buckets: {data: ./data}
roles: {worker: {policy: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}}
functions:
  w: {code: ./code, handler: app.write, role: worker}
"""


def test_a_role_that_opens_a_directory_no_more_closes_it_to_environments_that_there_are(tmp_path: Path) -> None:
    with Cloud(tmp_path, OPEN, {"app.py": WRITER}).serving() as cloud:
        client = cloud.client("lambda", cloud.key())
        assert result(client, "w") == "written"
        head = cloud.config.read_text().removesuffix(OPEN)
        cloud.config.write_text(head + OPEN.replace("s3:*", "s3:GetObject"))
        assert cloud.request("POST", "/reload")[0] == 200
        assert result(client, "w") != "written"
        cloud.config.write_text(head + OPEN)
        assert cloud.request("POST", "/reload")[0] == 200
        assert result(client, "w") == "written"
