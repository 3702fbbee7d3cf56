"""Temporary credentials: what a token opens, and that nothing else opens anything."""

import json
from base64 import urlsafe_b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.iam.auth_errors import AuthFailure, Flaw
from router.iam.sessions import LIFETIME, Credentials, Session, mint, opened

MASTER, OTHER = b"m" * 32, b"o" * 32
NOW = 1_795_651_200.0
SESSION = Session("resizer", "resize", NOW, NOW + LIFETIME)


def flaw(token: str, key_id: str, *masters: bytes, now: float = NOW) -> Flaw:
    with pytest.raises(AuthFailure) as caught:
        opened(masters or (MASTER,), key_id, token, now)
    return caught.value.flaw


def minted(session: Session = SESSION, nonce: bytes = b"n" * 16) -> Credentials:
    return mint(MASTER, session, nonce)


@given(st.text(min_size=1, max_size=64), st.text(max_size=64), st.none() | st.just({"Statement": []}))
def test_a_token_opens_the_session_that_it_was_minted_for(role: str, name: str, policy: dict[str, list[str]] | None) -> None:
    session = Session(role, name, NOW, NOW + 900, policy)
    found = minted(session)
    assert opened([OTHER, MASTER], found.key_id, found.token, NOW + 899) == (session, found.secret)
    assert found.token.isascii()


def test_credentials_look_like_aws_s_and_show_no_secret() -> None:
    found = minted()
    assert found.key_id.startswith("ASIA")
    assert (len(found.key_id), len(found.secret)) == (20, 40)
    assert found.secret not in repr(found)
    assert found.token not in repr(found)
    assert found.variables() == {"AWS_ACCESS_KEY_ID": found.key_id, "AWS_SECRET_ACCESS_KEY": found.secret, "AWS_SESSION_TOKEN": found.token}
    assert found.document() == {
        "AccessKeyId": found.key_id,
        "SecretAccessKey": found.secret,
        "Token": found.token,
        "Expiration": "2026-11-26T12:00:00Z",
    }


def test_two_sessions_of_one_function_share_nothing() -> None:
    one, two = minted(), minted(nonce=b"x" * 16)
    assert one.key_id != two.key_id
    assert one.secret != two.secret
    assert flaw(one.token, two.key_id) is Flaw.BAD_TOKEN


def test_a_session_ends() -> None:
    found = minted()
    assert opened([MASTER], found.key_id, found.token, NOW + LIFETIME - 1)
    assert flaw(found.token, found.key_id, now=NOW + LIFETIME) is Flaw.EXPIRED_TOKEN


def test_new_credentials_are_due_when_a_quarter_is_left() -> None:
    assert not minted().due(NOW + LIFETIME * 0.74)
    assert minted().due(NOW + LIFETIME * 0.75)


def test_another_state_key_opens_nothing() -> None:
    found = minted()
    assert flaw(found.token, found.key_id, OTHER) is Flaw.BAD_TOKEN
    with pytest.raises(AuthFailure):
        opened([], found.key_id, found.token, NOW)


@given(data=st.data())
def test_a_token_that_was_altered_opens_nothing(data: st.DataObject) -> None:
    found = minted()
    at = data.draw(st.integers(0, len(found.token) - 1))
    letter = data.draw(st.sampled_from("ABCDwxyz0189-_=+/ \u00e9").filter(lambda one: one != found.token[at]))
    assert flaw(found.token[:at] + letter + found.token[at + 1 :], found.key_id) is Flaw.BAD_TOKEN


@given(st.text(max_size=100) | st.binary(max_size=100).map(lambda raw: urlsafe_b64encode(raw).decode()))
def test_whatever_comes_opens_nothing(token: str) -> None:
    assert flaw(token, "ASIAAAAAAAAAAAAAAAAA") is Flaw.BAD_TOKEN


def test_a_token_has_one_spelling() -> None:
    found = minted()
    for spelled in (f"{found.token}=", f"{found.token}!", f"{found.token[:9]}\n{found.token[9:]}", f" {found.token}"):
        assert flaw(spelled, found.key_id) is Flaw.BAD_TOKEN


def test_a_forged_payload_opens_nothing() -> None:
    payload = json.dumps(["admin", "x", NOW, NOW + 1e9, "00", None]).encode()
    assert flaw(urlsafe_b64encode(b"\0" * 32 + payload).decode().rstrip("="), "ASIAAAAAAAAAAAAAAAAA") is Flaw.BAD_TOKEN


def test_a_policy_that_makes_the_token_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        minted(replace(SESSION, policy={"Id": "x" * 9000}))
