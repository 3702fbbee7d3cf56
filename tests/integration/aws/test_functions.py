"""What functions call the AWS endpoint with: their own role's credentials, found by an SDK that is told nothing."""

from pathlib import Path

from tests.helpers.endpoint import Cloud

CODE = {
    "app.py": """
import os
import boto3

EARLY = boto3.client("sts") if os.environ.get("EARLY") else None

def who(event, context):
    client = EARLY or boto3.client("sts")
    names = ("AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION")
    return {"arn": client.get_caller_identity()["Arn"], **{name: os.environ.get(name, "") for name in names}}
"""
}
CONFIG = """
roles:
  reader: {policy: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}
functions:
  plain: {code: ./code, handler: app.who, timeout: 30}
  own: {code: ./code, handler: app.who, timeout: 30, role: reader}
  apart: {code: ./code, handler: app.who, timeout: 30, role: reader, require: [no_network]}
  early: {code: ./code, handler: app.who, timeout: 30, role: reader, snap_start: true, environment: {EARLY: "1"}}
"""


def test_a_function_calls_as_a_session_of_its_role(cloud: Cloud) -> None:
    said = cloud.router("invoke", "own")
    assert said["arn"] == "arn:aws:sts::123456789012:assumed-role/reader/own"
    assert said["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert said["AWS_ENDPOINT_URL"] == cloud.url
    assert (said["AWS_REGION"], said["AWS_DEFAULT_REGION"]) == ("us-east-1", "us-east-1")


def test_one_without_a_role_calls_as_nobody_in_particular(cloud: Cloud) -> None:
    assert cloud.router("invoke", "plain")["arn"] == "arn:aws:sts::123456789012:assumed-role//plain"


def test_what_a_snapshot_made_early_fetches_credentials(cloud: Cloud) -> None:
    """A client that was made before the fork has none of the snapshot's own that it could keep."""
    said = cloud.router("invoke", "early")
    assert said["arn"] == "arn:aws:sts::123456789012:assumed-role/reader/early"
    assert said["AWS_ACCESS_KEY_ID"] == ""


def test_without_a_network_the_endpoint_is_there_and_nothing_else(cloud: Cloud) -> None:
    said = cloud.router("invoke", "apart")
    assert said["arn"] == "arn:aws:sts::123456789012:assumed-role/reader/apart"
    assert said["AWS_ENDPOINT_URL"] == cloud.url


def test_no_secret_is_logged(cloud: Cloud) -> None:
    assert "ASIA" not in cloud.log.read_text()
    logs = [path.read_text() for path in Path(cloud.state / "logs").rglob("*.jsonl")]
    assert logs
    assert not any("ASIA" in text for text in logs)
