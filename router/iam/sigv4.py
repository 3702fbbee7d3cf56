"""Signature Version 4: whether a request is the one that was signed, and when.

Pure: what a request claims (claims.py), the time and a secret in; Verified out, or AuthFailure. Sources: IAM user guide,
"AWS Signature Version 4 for API requests"; S3 API reference, "Authenticating requests". The order is that of a caller:
claims.read(), check_time(), look the key up, verify(), then the body (payload.py)."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote

from router.iam import canonical
from router.iam.auth_errors import AuthFailure, Dialect, Flaw
from router.iam.claims import ALGORITHM, SIGNATURE, TERMINATOR, Request, Signed, Where, epoch

SKEW: Final[Mapping[Dialect, int]] = {"s3": 900, "json": 300}  # seconds
UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"


class Verified(NamedTuple):
    """A request whose signature matches; what its chunks are checked with."""

    signed: Signed
    payload: str  # as signed: the body's SHA-256 in hex, UNSIGNED-PAYLOAD, STREAMING-…
    key: bytes  # the signing key


def check_time(signed: Signed, where: Where, now: float) -> None:
    """Whether a signature is of now: header form within the skew, presigned until it expires. Raises AuthFailure."""
    at, skew = epoch(signed.at), SKEW[where.dialect]
    if at > now + skew:
        raise AuthFailure(Flaw.NOT_YET, _skewed(signed.at, now, skew) if where.dialect == "json" else "")
    if signed.form == "query" and now > at + signed.expires:
        facts = {"Expires": _iso(at + signed.expires), "ServerTime": _iso(now)}
        raise AuthFailure(Flaw.EXPIRED, "" if where.dialect == "s3" else _outlived(at + signed.expires, now, 0), facts=facts)
    if signed.form == "header" and at < now - skew:
        raise AuthFailure(Flaw.STALE, _outlived(at, now, skew) if where.dialect == "json" else "")


def verify(request: Request, signed: Signed, secret: str, *, payload: str) -> Verified:
    """Whether the request is the one that was signed with *secret*. *payload*: the last line of its canonical form.

    Raises AuthFailure; compared in constant time."""
    query = _without_signature(request.query) if signed.form == "query" else request.query
    once = signed.service == "s3"
    form = canonical.request_of(request.method, request.path, query, request.headers, signed=signed.headers, payload=payload, once=once)
    text = "\n".join((ALGORITHM, signed.at, signed.scope, hashlib.sha256(form.encode("utf-8", "surrogatepass")).hexdigest()))
    key = signing_key(secret, signed)
    if not hmac.compare_digest(digest(key, text), signed.signature):
        facts = {"AWSAccessKeyId": signed.key_id, "StringToSign": text, "SignatureProvided": signed.signature, "CanonicalRequest": form}
        raise AuthFailure(Flaw.MISMATCH, facts=facts)
    return Verified(signed, payload, key)


def signing_key(secret: str, signed: Signed) -> bytes:
    """The key of one day, region and service."""
    return _key(secret, signed.day, signed.region, signed.service)


@lru_cache(maxsize=256)  # who signs mostly signs again
def _key(secret: str, *scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (*scope, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def digest(key: bytes, text: str) -> str:
    """A signature."""
    return hmac.digest(key, text.encode(), "sha256").hex()


def _without_signature(query: str) -> str:
    return "&".join(part for part in query.split("&") if unquote(part.partition("=")[0]) != SIGNATURE)


def _basic(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _outlived(at: float, now: float, skew: int) -> str:
    return f"Signature expired: {_basic(at)} is now earlier than {_basic(now - skew)} ({_basic(now)} - {skew // 60} min.)"


def _skewed(at: str, now: float, skew: int) -> str:
    return f"Signature not yet current: {at} is still later than {_basic(now + skew)} ({_basic(now)} + {skew // 60} min.)"
