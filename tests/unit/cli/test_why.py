"""`router why`: who asks, what decides, exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from router.cli.group import root
from router.credentials import KeyStore

CONFIG = """\
version: 1
roles:
  resizer:
    policy:
      - {Sid: In, Effect: Allow, Action: "s3:GetObject", Resource: "arn:aws:s3:::uploads/*"}
      - {Sid: Tls, Effect: Deny, Action: "*", Resource: "*", Condition: {Bool: {"aws:SecureTransport": "false"}}}
functions:
  resize: {code: ./code, handler: app.handler, role: resizer}
  plain: {code: ./code, handler: app.handler}
"""
GET = ["s3:GetObject", "arn:aws:s3:::uploads/a"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/app.py").write_text("handler = print\n")
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path / "config.yaml"


def why(config: Path, *words: str) -> Result:
    return CliRunner().invoke(root, ["why", "--config", str(config), *words])


def told(config: Path, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(why(config, "--output", "json", *words).stdout)
    return found


def test_what_is_allowed_exits_0_and_says_by_what(config: Path) -> None:
    done = why(config, "--role", "resizer", *GET)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "allowed by In of role resizer"
    assert "Tls of role resizer: does not apply; Condition Bool aws:SecureTransport: absent against false" in done.stdout


def test_what_is_denied_exits_1_with_aws_s_words(config: Path) -> None:
    done = why(config, "--function", "resize", "s3:PutObject", "arn:aws:s3:::uploads/a")
    assert done.exit_code == 1
    assert done.stdout.startswith("denied: no statement allows it\n")
    assert (
        "assumed-role/resizer/resize is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::uploads/a because" in done.stderr
    )


def test_the_context_decides_too(config: Path) -> None:
    found = told(config, "--role", "resizer", *GET, "--context", "AWS:SecureTransport=false")
    assert (found["allowed"], found["reason"], found["statements"][1]["applies"]) == (False, "explicit deny", True)


def test_a_function_without_a_role_may_call_nothing(config: Path) -> None:
    done = why(config, "--function", "plain", *GET)
    assert done.exit_code == 1
    assert "plain has no role: it may call nothing" in done.stderr


def test_a_key_is_asked_about_by_its_id(config: Path) -> None:
    key, _ = KeyStore(config.parent / "state").create("ann", ["read"], None, 1.0)
    assert told(config, "--key", key.id, *GET)["principal"] == "arn:aws:iam::123456789012:user/ann"
    assert why(config, "--key", key.id, "s3:PutObject", "*").exit_code == 1
    assert why(config, "--key", "AKIAX", *GET).exit_code == 2


def test_a_policy_that_is_none_is_told_with_its_place(config: Path) -> None:
    config.write_text(CONFIG.replace("Effect: Allow", "Effect: allow"))
    for words in (["why", "--role", "resizer", *GET], ["check"]):
        done = CliRunner().invoke(root, ["--config", str(config), *words])
        assert done.exit_code == 1
        assert "config.yaml:5:27: roles.resizer.policy[0].Effect: Effect is Allow or Deny" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        GET,
        ["--role", "resizer", "--function", "resize", *GET],
        ["--role", "other", *GET],
        ["--function", "other", *GET],
        ["--role", "resizer", "s3:*", "*"],
        ["--role", "resizer", "GetObject", "*"],
        ["--role", "resizer", "s3:GetObject", "uploads/a"],
        ["--role", "resizer", *GET, "--context", "x"],
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(config: Path, words: list[str]) -> None:
    assert why(config, *words).exit_code == 2


def test_who_may_assume_a_role_its_trust_says_too(config: Path) -> None:
    trust = '    trust: [{Sid: Own, Effect: Allow, Principal: {AWS: "arn:aws:iam::123456789012:role/resizer"}, Action: "sts:AssumeRole"}]\n'
    other = '  other: {policy: [{Effect: Allow, Action: ["sts:*", "iam:PassRole"], Resource: "*"}]}\n'
    config.write_text(
        CONFIG.replace(
            "functions:\n", f'  guest:\n    policy: [{{Effect: Allow, Action: "s3:*", Resource: "*"}}]\n{trust}{other}functions:\n'
        )
    )
    assume = ["sts:AssumeRole", "arn:aws:iam::123456789012:role/guest"]
    assert why(config, "--role", "resizer", *assume).stdout.splitlines()[0] == "allowed by Own of the trust of role guest"
    assert why(config, "--role", "other", *assume).stdout.splitlines()[0] == "denied: the role's trust does not allow it"
    assert why(config, "--role", "other", assume[0], assume[1].replace("guest", "other")).exit_code == 0
    assert why(config, "--role", "other", "iam:PassRole", assume[1]).exit_code == 0, "who gives it to a function does not assume it"
