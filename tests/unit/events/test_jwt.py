"""Tokens before and after their signature: headers, claims, what a function gets of them."""

import base64
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events import jwt
from router.events.jwt import BadToken, Expected, Head

GOLDEN = Path(__file__).parents[2] / "golden"
NOW = 1_790_000_000.5
EXPECTED = Expected("https://login.example.com", frozenset({"api", "other"}))
GOOD: dict[str, Any] = {"iss": "https://login.example.com", "aud": "api", "exp": NOW + 1, "iat": NOW, "nbf": NOW, "sub": "me"}


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else orjson.dumps(value)).decode().rstrip("=")


def token(header: Any) -> str:
    return f"{encoded(header)}.{encoded({})}.{encoded(b'signature')}"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a.b.c", "a.b.c"),
        ("Bearer a.b.c", "a.b.c"),
        ("bearer a.b.c", "a.b.c"),
        ("BEARER  a.b.c ", "a.b.c"),
        ("Bearera.b.c", "Bearera.b.c"),
        ("Basic a.b.c", "Basic a.b.c"),
        ("Bearer", "Bearer"),
        ("", ""),
    ],
)
def test_a_token_stands_alone_or_behind_bearer(value: str, found: str) -> None:
    assert jwt.token_in(value) == found


def test_a_header() -> None:
    assert jwt.head(token({"alg": "RS256", "kid": "k1", "typ": "JWT"}), jwt.ALGORITHMS) == Head("RS256", "k1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not a signed JWT"),
        ("a.b", "not a signed JWT"),
        ("a..c", "not a signed JWT"),
        ("a.b.c.d.e", "not a signed JWT"),
        ("a.b.c", "not a signed JWT"),
        ("é.é.é", "not a signed JWT"),
        (token([]), "not a signed JWT"),
        (token("x"), "not a signed JWT"),
        (encoded({"alg": "RS256", "kid": "k"}).replace("e", "=", 1) + ".e30.e30", "not a signed JWT"),
        (token({"alg": "RS256", "kid": "k" * jwt.LONGEST}), "not a signed JWT"),
        (token({"kid": "k"}), "algorithm is not accepted"),
        (token({"alg": "none", "kid": "k"}), "algorithm is not accepted"),
        (token({"alg": "None", "kid": "k"}), "algorithm is not accepted"),
        (token({"alg": "HS256", "kid": "k"}), "algorithm is not accepted"),
        (token({"alg": ["RS256"], "kid": "k"}), "algorithm is not accepted"),
        (token({"alg": "PS256", "kid": "k"}), "algorithm is not accepted"),
        (token({"alg": "RS256"}), "names no key"),
        (token({"alg": "RS256", "kid": ""}), "names no key"),
        (token({"alg": "RS256", "kid": 7}), "names no key"),
        (token({"alg": "RS256", "kid": "k", "crit": ["b64"], "b64": False}), "crit"),
    ],
)
def test_a_header_that_lets_nobody_in(text: str, told: str) -> None:
    with pytest.raises(BadToken) as caught:
        jwt.head(text, ("RS256", "ES256"))
    assert told in str(caught.value)


@given(st.text(st.sampled_from("eyJhbGciOiJ.-_=é \0"), max_size=60) | st.text(max_size=40))
def test_no_header_takes_us_by_surprise(text: str) -> None:
    with suppress(BadToken):
        assert jwt.head(text, jwt.ALGORITHMS)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"aud": ["x", "api"]},
        {"aud": "other"},
        {"aud": "api", "client_id": "unknown"},
        {"nbf": None, "iat": None},
        {"nbf": NOW + jwt.LEEWAY, "iat": NOW + jwt.LEEWAY},
        {"exp": 2**40},
    ],
)
def test_claims_that_let_in(change: dict[str, Any]) -> None:
    jwt.check(GOOD | change, EXPECTED, NOW)


def test_client_id_counts_only_without_aud() -> None:
    claims = {name: value for name, value in GOOD.items() if name != "aud"} | {"client_id": "api"}
    jwt.check(claims, EXPECTED, NOW)
    with pytest.raises(BadToken, match="the token does not have a valid audience"):
        jwt.check(claims | {"aud": "unknown"}, EXPECTED, NOW)
    with pytest.raises(BadToken, match="the token does not have a valid audience"):
        jwt.check(claims | {"aud": None}, EXPECTED, NOW)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"iss": "https://login.example.com/"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"iss": ["https://login.example.com"]}, "issuer"),
        ({"aud": "API"}, "the token does not have a valid audience"),
        ({"aud": []}, "the token does not have a valid audience"),
        ({"aud": [["api"]]}, "the token does not have a valid audience"),
        ({"aud": 7}, "the token does not have a valid audience"),
        ({"exp": NOW}, "expired"),
        ({"exp": NOW - jwt.LEEWAY}, "expired"),
        ({"exp": None}, "exp is no time"),
        ({"exp": "1890000000"}, "exp is no time"),
        ({"exp": True}, "exp is no time"),
        ({"exp": float("inf")}, "exp is no time"),
        ({"exp": float("nan")}, "exp is no time"),
        ({"nbf": NOW + jwt.LEEWAY + 1}, "not valid yet"),
        ({"nbf": "x"}, "nbf is no time"),
        ({"iat": NOW + jwt.LEEWAY + 1}, "in the future"),
        ({"iat": []}, "iat is no time"),
    ],
)
def test_claims_that_do_not(change: dict[str, Any], told: str) -> None:
    with pytest.raises(BadToken) as caught:
        jwt.check(GOOD | change, EXPECTED, NOW)
    assert told in str(caught.value)


def test_claims_are_a_json_object() -> None:
    assert jwt.claims_of(b'{"sub": "me", "n": [1]}') == {"sub": "me", "n": [1]}


@pytest.mark.parametrize("payload", [b"", b"x", b"[]", b"null", b"NaN", b'{"a":NaN}', b"\xff"])
def test_what_are_no_claims(payload: bytes) -> None:
    with pytest.raises(BadToken):
        jwt.claims_of(payload)


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({}, []),
        ({"scope": ""}, []),
        ({"scope": "read write"}, ["read", "write"]),
        ({"scope": ["read", "write", 7]}, ["read", "write"]),
        ({"scp": "read"}, ["read"]),
        ({"scp": ["read"]}, ["read"]),
        ({"scope": "a", "scp": "b"}, ["a"]),
        ({"scope": 7}, []),
    ],
)
def test_scopes(claims: dict[str, Any], scopes: list[str]) -> None:
    assert jwt.scopes_of(claims) == scopes


def test_claims_in_the_event_are_text() -> None:
    claims = {
        "sub": "me",
        "exp": 1787996002,
        "share": 0.5,
        "whole": 3.0,
        "huge": 1e300,
        "admin": True,
        "cognito:groups": ["admin", "power user"],
        "mixed": [1, None, ["a", "b"], True],
        "empty": [],
        "address": {"city": "Köln", "zip": 50667},
        "nothing": None,
    }
    assert jwt.event_claims(claims) == {
        "sub": "me",
        "exp": "1787996002",
        "share": "0.5",
        "whole": "3",
        "huge": "1e+300",
        "admin": "true",
        "cognito:groups": "[admin power user]",
        "mixed": "[1  [a b] true]",
        "empty": "[]",
        "address": '{"city":"Köln","zip":50667}',
    }


def test_the_sample_has_claims_of_this_form() -> None:
    sample = json.loads((GOLDEN / "apigw_v2_jwt_authorizer.json").read_text())["requestContext"]["authorizer"]["jwt"]
    assert jwt.event_claims(sample["claims"]) == sample["claims"]


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=6,
        ),
    )
)
def test_claims_in_the_event_are_text_whatever_they_are(claims: dict[str, Any]) -> None:
    told = jwt.event_claims(claims)
    assert told.keys() == {name for name, value in claims.items() if value is not None}
    assert all(isinstance(value, str) for value in told.values())


def test_challenges() -> None:
    assert jwt.challenge() == "Bearer"
    assert jwt.challenge((), "invalid_token", "the token does not have a valid audience") == (
        'Bearer scope="" error="invalid_token" error_description="the token does not have a valid audience"'
    )
    assert jwt.challenge(("read", "write"), "insufficient_scope", "x").startswith('Bearer scope="read write" error="insufficient_scope"')
