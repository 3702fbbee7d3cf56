"""The gate: who a caller is, and whether they may."""

import time
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth

from router.api.aws.gate import Gate
from router.api.aws.service import Need
from router.config.types import Config, Role
from router.credentials import KeyStore, Signers
from router.events.http import Request
from router.iam import reading
from router.iam.auth_errors import AuthFailure, Flaw
from tests.helpers.clock import VirtualClock
from tests.helpers.signing import came, signed

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::in/*"}]}


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    config = Config(tmp_path / "config.yaml", tmp_path, roles={"reader": Role("reader", POLICY)})
    return Gate(config, Signers(config), VirtualClock(time.time()))


def ask(gate: Gate, place: Path, role: str, *, body: bytes = b"x", sent: bytes = b"x", more: tuple[tuple[str, str], ...] = ()) -> Request:
    made = KeyStore(place).session(role, "job", gate.now)
    what = signed(
        SigV4Auth,
        "http://127.0.0.1:4566/",
        service="lambda",
        body=body,
        at=gate.now,
        key_id=made.key_id,
        secret=made.secret,
        token=made.token,
    )
    method, path, query, headers = came(what)
    return Request(method, f"{path}?{query}" if query else path, (*headers, *more), sent, "192.0.2.1", "127.0.0.1:4566")


def test_a_caller_is_known_and_its_needs_are_looked_at(gate: Gate, tmp_path: Path) -> None:
    admitted = gate.admit(ask(gate, tmp_path, "reader"), "lambda")
    caller, context = admitted.caller, admitted.context
    assert caller.principal.arn == "arn:aws:sts::123456789012:assumed-role/reader/job"
    assert context["aws:sourceip"] == ("192.0.2.1",)
    assert gate.refusal(caller, context, Need("s3:GetObject", "arn:aws:s3:::in/a")) == ""
    told = gate.refusal(caller, context, Need("s3:GetObject", "arn:aws:s3:::out/a"))
    assert told.endswith("because no identity-based policy allows the s3:GetObject action")
    opened = reading.read(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": caller.principal.arn}, "Action": "s3:*", "Resource": "*"}],
        },
        name="bucket out",
        kind="resource",
    )
    assert gate.refusal(caller, context, Need("s3:GetObject", "arn:aws:s3:::out/a"), opened) == ""
    foreign = Need("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:999999999999:function:f")
    assert gate.refusal(caller, context, foreign) != ""


def test_a_condition_on_the_referer_is_about_the_header(gate: Gate, tmp_path: Path) -> None:
    assert "aws:referer" not in gate.admit(ask(gate, tmp_path, "reader"), "lambda").context
    linked = ask(gate, tmp_path, "reader", more=(("referer", "https://example.com/x"),))
    assert gate.admit(linked, "lambda").context["aws:referer"] == ("https://example.com/x",)


def test_a_body_must_be_the_one_that_was_signed(gate: Gate, tmp_path: Path) -> None:
    with pytest.raises(AuthFailure) as caught:
        gate.admit(ask(gate, tmp_path, "reader", sent=b"y"), "lambda")
    assert caught.value.flaw is Flaw.MISMATCH
    with pytest.raises(AuthFailure) as caught:
        gate.admit(ask(gate, tmp_path, "reader"), "sqs")
    assert caught.value.flaw is Flaw.BAD_SCOPE


def test_a_head_is_looked_at_alone(gate: Gate, tmp_path: Path) -> None:
    request = ask(gate, tmp_path, "reader", sent=b"")
    import hashlib

    admitted = gate.admit_head(request, "lambda", lambda: hashlib.sha256(b"x").hexdigest())
    assert admitted.verified.signed.service == "lambda"


def test_the_session_of_a_role_that_is_gone_may_nothing(gate: Gate, tmp_path: Path) -> None:
    admitted = gate.admit(ask(gate, tmp_path, "gone"), "lambda")
    assert gate.refusal(admitted.caller, admitted.context, Need("s3:GetObject", "arn:aws:s3:::in/a")) != ""
