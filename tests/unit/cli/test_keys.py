"""`router keys` without a daemon: on the state directory."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from router.cli import keys as command
from router.cli.group import root
from router.credentials import KeyStore
from router.iam.keys import SCOPES, secret_of

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text("version: 1\nstate: s\n")
    return tmp_path / "config.yaml"


def keys(config: Path, *words: str, sent: str = "") -> Result:
    return CliRunner().invoke(root, ["keys", "--config", str(config), *words], input=sent)


def document(config: Path, *words: str, sent: str = "") -> Any:
    return json.loads(keys(config, "--output", "json", *words, sent=sent).stdout)


def test_a_secret_is_printed_once(config: Path) -> None:
    done = keys(config, "create", "ann", "--scope", "read", "--scope", "invoke")
    assert done.exit_code == 0
    store = KeyStore(config.parent / "s")
    ((key_id, key),) = store.all().items()
    assert key.scopes == ("read", "invoke")
    assert done.stdout.split() == ["AccessKeyId", key_id, "SecretAccessKey", secret_of(store.masters()[0], key_id)]
    assert secret_of(store.masters()[0], key_id) not in keys(config, "list").stdout
    assert "cannot be shown again" in done.stderr


def test_a_key_of_a_policy_from_a_file_or_stdin(config: Path) -> None:
    (config.parent / "p.json").write_text(json.dumps(POLICY))
    made = document(config, "create", "ann", "--policy", str(config.parent / "p.json"))
    assert made["policy"] == POLICY
    assert document(config, "create", "bob", "--policy", "-", sent=json.dumps(POLICY))["policy"] == POLICY
    assert [row["name"] for row in document(config, "list")] == ["ann", "bob"]
    assert "its own" in keys(config, "list").stdout
    assert keys(config, "revoke", made["id"]).stdout == f"{made['id']} of ann revoked\n"
    assert [row["name"] for row in document(config, "list")] == ["bob"]
    assert document(config, "revoke", document(config, "list")[0]["id"])["name"] == "bob"
    assert "no access keys" in keys(config, "list").stderr


@pytest.mark.parametrize(
    ("words", "sent", "code"),
    [
        (["create", "ann"], "", 2),
        (["create", "ann", "--scope", "all"], "", 2),
        (["create", "ann", "--policy", "/nowhere.json"], "", 2),
        (["create", "ann", "--policy", "-"], "[]", 2),
        (["create", "ann", "--policy", "-"], '{"Statement": 1, "Statement": 2}', 2),
        (["create", "ann", "--policy", "-"], "[" * 100_000, 2),
        (["create", "ann", "--policy", "-"], '{"Statement": [{"Effect": "Allow"}]}', 1),
        (["create", "a b", "--scope", "read"], "", 1),
        (["revoke", "AKIAX"], "", 1),
    ],
)
def test_what_is_no_key_is_refused(config: Path, words: list[str], sent: str, code: int) -> None:
    done = keys(config, *words, sent=sent)
    assert done.exit_code == code
    assert done.stderr
    assert not KeyStore(config.parent / "s").all()


def test_the_scopes_are_those_that_there_are() -> None:
    assert tuple(SCOPES) == command.SCOPES
