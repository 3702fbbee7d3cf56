"""From a signature to who signed: keys, sessions, and everybody else."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth

from router.iam import callers, sessions
from router.iam.auth_errors import AuthFailure, Flaw
from router.iam.callers import Caller, Realm, context_of
from router.iam.claims import Where
from router.iam.keys import AccessKey, new_id, secret_of
from router.iam.reading import read
from router.iam.sessions import Session
from tests.helpers.signing import NOW, REGION, came, signed

ACCOUNT, MASTER = "123456789012", b"m" * 32
KEY = AccessKey(new_id(b"0123456789"), "ann", ("invoke",))
ROLE = read({"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}, name="role resizer")
REALM = Realm(ACCOUNT, [MASTER], {KEY.id: KEY}, {"resizer": ROLE})
WHERE = Where(REGION, "lambda")
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def authenticated(realm: Realm = REALM, now: float = NOW, **sent: Any) -> Caller:
    return realm.authenticate(came(signed(SigV4Auth, "http://h/x", **sent)), WHERE, now, lambda: EMPTY)[0]


def flaw(realm: Realm = REALM, **sent: Any) -> Flaw:
    with pytest.raises(AuthFailure) as caught:
        authenticated(realm, **sent)
    return caught.value.flaw


def session(policy: Any = None, role: str = "resizer") -> dict[str, str]:
    found = sessions.mint(MASTER, Session(role, "resize", NOW, NOW + 900, policy), b"n" * 16)
    return {"key_id": found.key_id, "secret": found.secret, "token": found.token}


def test_a_key_is_its_user() -> None:
    caller = authenticated(key_id=KEY.id, secret=secret_of(MASTER, KEY.id))
    assert (caller.principal.arn, caller.principal.kind, caller.key_id) == (f"arn:aws:iam::{ACCOUNT}:user/ann", "user", KEY.id)
    assert caller.principal.id.startswith("AIDA")
    assert [policy.name for policy in caller.policies.identity] == ["scope invoke"]


def test_a_session_is_its_role_s() -> None:
    caller = authenticated(**session())
    assert caller.principal.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/resizer/resize"
    assert caller.principal.id.endswith(":resize")
    assert caller.policies.identity == (ROLE,)
    assert caller.issued == NOW


def test_a_session_s_policy_bounds_it() -> None:
    caller = authenticated(**session({"Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}))
    assert caller.policies.session is not None
    assert caller.policies.session.kind == "session"


def test_a_role_that_is_gone_allows_nothing() -> None:
    assert authenticated(**session(role="other")).policies.identity == ()


def test_everybody_else_is_nobody() -> None:
    assert flaw() is Flaw.UNKNOWN_KEY
    assert flaw(key_id=KEY.id, secret="x" * 40) is Flaw.MISMATCH
    assert flaw(key_id=KEY.id, secret=secret_of(MASTER, KEY.id), token="x") is Flaw.BAD_TOKEN
    assert flaw(**session() | {"token": ""}) is Flaw.BAD_TOKEN
    assert flaw(**session() | {"secret": "x" * 40}) is Flaw.MISMATCH
    assert flaw(REALM._replace(masters=()), key_id=KEY.id, secret=secret_of(MASTER, KEY.id)) is Flaw.UNKNOWN_KEY
    assert flaw(REALM._replace(keys={}), key_id=KEY.id, secret=secret_of(MASTER, KEY.id)) is Flaw.UNKNOWN_KEY
    assert flaw(REALM._replace(masters=[b"o" * 32]), **session()) is Flaw.BAD_TOKEN


def test_a_session_that_has_ended_is_told_so() -> None:
    ended = session()
    with pytest.raises(AuthFailure) as caught:
        authenticated(now=NOW + 900, at=NOW + 900, **ended)
    assert caught.value.told("json")[:2] == (403, "ExpiredTokenException")
    assert caught.value.told("s3")[:2] == (400, "ExpiredToken")


def test_a_request_is_good_for_five_minutes_either_way() -> None:
    known = {"key_id": KEY.id, "secret": secret_of(MASTER, KEY.id), "at": NOW}
    for off in (-300, 300):
        assert authenticated(now=NOW + off, **known)
    for off in (-301, 301):
        with pytest.raises(AuthFailure):
            authenticated(now=NOW + off, **known)


def test_a_session_of_a_key_is_its_holder_s_and_ends_with_it() -> None:
    found = sessions.mint(MASTER, Session("", "x", NOW, NOW + 900, None, KEY.id), b"n" * 16)
    sent = {"key_id": found.key_id, "secret": found.secret, "token": found.token}
    caller = authenticated(**sent)
    assert (caller.principal.arn, caller.issued) == (f"arn:aws:iam::{ACCOUNT}:user/ann", NOW)
    assert [policy.name for policy in caller.policies.identity] == ["scope invoke"]
    assert flaw(REALM._replace(keys={}), **sent) is Flaw.BAD_TOKEN


def test_a_session_whose_policy_cannot_be_read_is_nobody_s() -> None:
    """Without its bound it would be all that the role is."""
    assert flaw(**session({"Statement": "everything"})) is Flaw.BAD_TOKEN


def test_the_keys_that_every_request_has() -> None:
    caller = authenticated(**session())
    found = context_of(caller, None, address="203.0.113.7", secure=False, agent="", region=REGION, now=NOW)
    assert found["aws:currenttime"] == ("2026-11-26T00:00:00Z",)
    assert found["aws:tokenissuetime"] == ("2026-11-26T00:00:00Z",)
    assert found["aws:multifactorauthpresent"] == ("false",), "global condition keys: of temporary credentials alone"
    assert found["aws:sourceip"] == ("203.0.113.7",)
    assert found["aws:securetransport"] == ("false",)
    assert not {"aws:useragent", "aws:referer"} & found.keys()
    assert "s3:authtype" not in found
    elsewhere = callers.claims.read(came(signed(SigV4Auth, "http://h/x")), WHERE)
    told = context_of(caller, elsewhere, address="", secure=True, agent="", region=REGION, now=NOW)
    assert not [key for key in told if key.startswith("s3:")]
    request = came(signed(S3SigV4Auth, "http://h/x", service="s3"))
    claimed = callers.claims.read(request, Where(REGION, "s3"))
    at_s3 = context_of(replace_issued(caller), claimed, address="", secure=True, agent="x", referer="http://r/", region=REGION, now=NOW)
    assert at_s3["aws:referer"] == ("http://r/",)
    assert at_s3["s3:authtype"] == ("REST-HEADER",)
    assert at_s3["aws:securetransport"] == ("true",)
    assert not {"aws:tokenissuetime", "aws:multifactorauthpresent", "aws:sourceip"} & at_s3.keys()


def replace_issued(caller: Caller) -> Caller:
    return caller._replace(issued=None, principal=replace(caller.principal))
