"""Keys on disk: made, looked up, revoked, by one process beside another; nothing that others can read is believed."""

import os
from pathlib import Path

import pytest

from router.credentials import LIST, MASTER, KeyStore
from router.errors import InvalidParameter, JournalError
from router.iam.keys import secret_of

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


def test_a_key_is_there_for_whoever_looks(tmp_path: Path) -> None:
    daemon, command = KeyStore(tmp_path / "state"), KeyStore(tmp_path / "state")
    assert not daemon.all()
    assert daemon.masters() == ()
    key, secret = command.create("ann", ["invoke", "invoke"], POLICY, 1.0)
    assert daemon.all() == {key.id: key}
    assert key.scopes == ("invoke",)
    assert secret == secret_of(daemon.masters()[0], key.id)
    other, _ = daemon.create("bob", ["read"], None, 2.0)
    assert list(command.all()) == [key.id, other.id]
    assert command.revoke(key.id) == key
    assert list(daemon.all()) == [other.id]


def test_the_files_are_the_owner_s_alone_and_hold_no_secret(tmp_path: Path) -> None:
    os.umask(os.umask(0o022))
    _, secret = KeyStore(tmp_path).create("ann", ["admin"], None, 1.0)
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
        assert secret.encode() not in path.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {LIST, MASTER, "keys.lock"}


def test_the_state_key_is_made_once(tmp_path: Path) -> None:
    assert KeyStore(tmp_path).master() == KeyStore(tmp_path).master()
    assert len((tmp_path / MASTER).read_bytes()) == 32


@pytest.mark.parametrize(
    ("name", "scopes", "policy", "told"),
    [
        ("", ["read"], None, "a key's name is"),
        ("a b", ["read"], None, "a key's name is"),
        ("a" * 65, ["read"], None, "a key's name is"),
        ("a", ["all"], None, "'all' is no scope: admin, invoke, read"),
        ("a", [], None, "needs a scope or a policy"),
        ("a", [], {"Statement": []}, "Statement is one statement"),
        ("a", [], {**POLICY, "Id": "x" * 21_000}, "20,480 characters"),
        ("a", [], {**POLICY, "Statement": [{**POLICY["Statement"][0], "Action": "x"}]}, r"Statement\[0\].Action: 'x' is no action"),
    ],
)
def test_what_is_no_key_is_not_made(tmp_path: Path, name: str, scopes: list[str], policy: dict[str, object] | None, told: str) -> None:
    with pytest.raises(InvalidParameter, match=told):
        KeyStore(tmp_path).create(name, scopes, policy, 1.0)
    assert not KeyStore(tmp_path).all()


def test_a_key_that_is_not_there_cannot_be_revoked(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="no access key AKIA"):
        KeyStore(tmp_path).revoke("AKIAX")


@pytest.mark.parametrize("name", [LIST, MASTER])
def test_a_file_that_others_can_read_is_not_believed(tmp_path: Path, name: str) -> None:
    KeyStore(tmp_path).create("ann", ["admin"], None, 1.0)
    (tmp_path / name).chmod(0o640)
    store = KeyStore(tmp_path)
    with pytest.raises(JournalError, match="chmod 600"):
        store.realm("123456789012", {})


@pytest.mark.parametrize(("name", "content"), [(LIST, b"{}"), (LIST, b""), (MASTER, b"short"), (MASTER, b"x" * 33)])
def test_a_damaged_file_lets_nobody_in(tmp_path: Path, name: str, content: bytes) -> None:
    KeyStore(tmp_path).create("ann", ["admin"], None, 1.0)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(JournalError):
        KeyStore(tmp_path).realm("123456789012", {})
    with pytest.raises(JournalError):
        KeyStore(tmp_path).create("bob", ["admin"], None, 1.0)
    assert (tmp_path / name).read_bytes() == content


def test_a_fifo_in_the_list_s_place_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / LIST, 0o600)
    with pytest.raises(JournalError, match="not a regular file"):
        KeyStore(tmp_path).all()


def test_the_list_is_read_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = KeyStore(tmp_path)
    store.create("ann", ["read"], None, 1.0)
    first = store.all()
    monkeypatch.setattr("router.credentials.read_whole", lambda *_: pytest.fail("read again"))
    assert store.all() is first


def test_an_environment_s_credentials_are_its_role_s(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    one, two = store.session("resizer", "resize", 100.0), store.session("resizer", "resize", 100.0, lifetime=900)
    assert one.key_id != two.key_id
    assert (one.expires, two.expires) == (100.0 + 12 * 3600, 1000.0)
    caller, secret = KeyStore(tmp_path).realm("123456789012", {}).find(two.key_id, two.token, 999.0)
    assert secret == two.secret
    assert caller.principal.arn == "arn:aws:sts::123456789012:assumed-role/resizer/resize"
