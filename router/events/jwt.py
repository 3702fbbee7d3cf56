"""JSON Web Tokens as an HTTP API's JWT authorizer takes them: their header, their claims, what the function gets of them.

Pure; signatures are checked elsewhere. Sources: API Gateway developer guide, "Control access to HTTP APIs with JWT
authorizers" and "Troubleshooting issues with HTTP API JWT authorizers"; RFC 7519; RFC 6750 section 3."""

import base64
import binascii
from collections.abc import Collection, Mapping, Sequence
from math import isfinite
from typing import Any, Final, NamedTuple

import orjson

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
LEEWAY: Final = 5.0  # seconds an issuer's clock may be ahead of ours; never makes a token live longer
LONGEST: Final = 16 * 1024  # characters of a token

_NO_JSON: Final = "the token is not a signed JWT"


class BadToken(ValueError):
    """A token that lets nobody in; the text says why, in words that may go to the client."""


class Head(NamedTuple):
    """What a token says about its signature."""

    algorithm: str
    kid: str


class Expected(NamedTuple):
    """What an authorizer asks of claims."""

    issuer: str
    audience: frozenset[str]


def token_in(value: str) -> str:
    """The token in an identity source's value: alone, or behind `Bearer `."""
    scheme, space, token = value.strip().partition(" ")
    return token.strip() if space and scheme.lower() == "bearer" else value.strip()


def head(token: str, algorithms: Collection[str]) -> Head:
    """The header of a compact JWS, before anything in it is believed. Raises BadToken."""
    parts = token.split(".")
    if len(token) > LONGEST or len(parts) != 3 or not all(parts):
        raise BadToken(_NO_JSON)
    value = _decoded(parts[0])
    algorithm, kid = value.get("alg"), value.get("kid")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise BadToken("the token's signing algorithm is not accepted")
    if not isinstance(kid, str) or not kid:
        raise BadToken("the token names no key (kid)")
    if "crit" in value:
        raise BadToken("the token's header wants an extension (crit) that is not known")
    return Head(algorithm, kid)


def claims_of(payload: bytes) -> dict[str, Any]:
    """The claims in a verified payload. Raises BadToken."""
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise BadToken(_NO_JSON) from None
    if not isinstance(value, dict):
        raise BadToken(_NO_JSON)
    return value


def check(claims: Mapping[str, Any], expected: Expected, now: float) -> None:
    """Issuer, audience and times, in the order of AWS's guide. *now* in epoch seconds. Raises BadToken."""
    if claims.get("iss") != expected.issuer:
        raise BadToken("the token's issuer does not match")
    if not expected.audience & _audience(claims):
        raise BadToken("the token does not have a valid audience")
    if _time(claims, "exp", required=True) <= now:
        raise BadToken("the token has expired")
    if _time(claims, "nbf") > now + LEEWAY:
        raise BadToken("the token is not valid yet")
    if _time(claims, "iat") > now + LEEWAY:
        raise BadToken("the token was issued in the future")


def scopes_of(claims: Mapping[str, Any]) -> list[str]:
    """The token's scopes: `scope`, or `scp` when there is none; text with spaces, or a list."""
    value = claims.get("scope", claims.get("scp"))
    if isinstance(value, str):
        return value.split()
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def event_claims(claims: Mapping[str, Any]) -> dict[str, str]:
    """Claims as the event has them, all text: lists as [a b], numbers and booleans as JSON writes them, objects as JSON;
    null ones are left out. Seen on AWS; floci-io/floci#2011."""
    return {name: _text(value) for name, value in claims.items() if value is not None}


def challenge(scopes: Sequence[str] = (), error: str = "", description: str = "") -> str:
    """A www-authenticate header; without an error that of a request that has no token."""
    if not error:
        return "Bearer"
    return f'Bearer scope="{" ".join(scopes)}" error="{error}" error_description="{description}"'


def _decoded(part: str) -> dict[str, Any]:
    try:
        value = orjson.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise BadToken(_NO_JSON) from None
    if not isinstance(value, dict):
        raise BadToken(_NO_JSON)
    return value


def _audience(claims: Mapping[str, Any]) -> frozenset[str]:
    """aud; client_id only when there is no aud."""
    value = claims["aud"] if "aud" in claims else claims.get("client_id")
    return frozenset(one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))


def _time(claims: Mapping[str, Any], name: str, *, required: bool = False) -> float:
    """A claim that is a time; -inf when there is none and none is required."""
    value = claims.get(name)
    if value is None and not required:
        return float("-inf")
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise BadToken(f"the token's {name} is no time")
    return float(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{' '.join('' if one is None else _text(one) for one in value)}]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return str(int(value))
    return orjson.dumps(value).decode()
