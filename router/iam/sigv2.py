"""Signature Version 2 in a query: the presigned S3 URLs that boto3 still makes for endpoints that are not AWS's.

Pure. Source: S3 user guide, "Signing and authenticating REST requests", query string alternative. Nothing else of
Version 2 is taken: neither its header nor any other service."""

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import unquote

from router.iam.auth_errors import AuthFailure, Flaw
from router.iam.canonical import Headers, header_of
from router.iam.claims import Request

_PARAMETERS: Final = ("AWSAccessKeyId", "Signature", "Expires")
_KEY: Final = re.compile(r"[A-Za-z0-9]{16,128}")
_EPOCH: Final = re.compile(r"[0-9]{1,12}")
_SUBRESOURCES: Final = frozenset(
    (
        *("accelerate", "acl", "analytics", "cors", "delete", "inventory", "lifecycle", "location", "logging", "metrics", "notification"),
        *("object-lock", "ownershipControls", "partNumber", "policy", "policyStatus", "publicAccessBlock", "replication"),
        *("requestPayment", "restore", "select", "select-type", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning"),
        *("versions", "website", "encryption", "intelligent-tiering", "legal-hold", "retention"),
        *("response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language"),
        *("response-content-type", "response-expires"),
    )
)


class Signed(NamedTuple):
    """What a presigned URL claims."""

    key_id: str
    signature: str  # base64
    expires: int  # epoch seconds
    token: str = ""


def is_signed(query: str) -> bool:
    """Whether a query is that of a URL presigned in Version 2."""
    names = {part.partition("=")[0] for part in query.split("&")}
    return "AWSAccessKeyId" in names or {"Signature", "Expires"} <= names


def read(request: Request) -> Signed:
    """What the URL claims. Raises AuthFailure."""
    pairs = [(name, unquote(value)) for name, value in _pairs(request.query)]
    found = dict(pairs)
    if any(name == "authorization" for name, _ in request.headers) or any(name.startswith("X-Amz-") for name in found):
        raise AuthFailure(Flaw.AMBIGUOUS)
    if sum(name in _PARAMETERS for name, _ in pairs) != len(_PARAMETERS) or any(name not in found for name in _PARAMETERS):
        raise AuthFailure(Flaw.BAD_OLD_QUERY)
    if not _KEY.fullmatch(found["AWSAccessKeyId"]) or not _EPOCH.fullmatch(found["Expires"]):
        raise AuthFailure(Flaw.BAD_OLD_QUERY, "Invalid date (should be seconds since epoch)")
    token = found.get("x-amz-security-token", "")
    return Signed(found["AWSAccessKeyId"], found["Signature"], int(found["Expires"]), token)


def check_time(signed: Signed, now: float) -> None:
    """Raises AuthFailure for a URL that has expired."""
    if now > signed.expires:
        facts = {"ServerTime": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        raise AuthFailure(Flaw.EXPIRED, facts=facts)


def verify(request: Request, signed: Signed, secret: str, *, bucket: str = "") -> None:
    """Whether the URL was made with *secret*. *bucket*: that of the host, when the URL has its bucket there. Raises AuthFailure."""
    text = string_to_sign(request, str(signed.expires), bucket)
    matches = [_matches(one, signed.signature, secret) for one in (text, *_with_slash(request, signed, bucket))]
    if not any(matches):
        facts = {"AWSAccessKeyId": signed.key_id, "StringToSign": text, "SignatureProvided": signed.signature}
        raise AuthFailure(Flaw.MISMATCH, facts=facts)


def _matches(text: str, signature: str, secret: str) -> bool:
    expected = base64.b64encode(hmac.digest(secret.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha1))
    return hmac.compare_digest(expected, signature.encode("utf-8", "surrogatepass"))


def _with_slash(request: Request, signed: Signed, bucket: str) -> list[str]:
    """A bucket in the path is signed as /bucket/, also where its URL has no slash behind it: seen with boto3."""
    if bucket or request.path == "/" or request.path.count("/") != 1:
        return []
    return [string_to_sign(request._replace(path=f"{request.path}/"), str(signed.expires))]


def string_to_sign(request: Request, expires: str, bucket: str = "") -> str:
    """What is signed."""
    headers = request.headers
    lines = [request.method, header_of(headers, "content-md5"), header_of(headers, "content-type"), expires]
    amz = _amz(headers, request.query)
    lines += [f"{name}:{value}" for name, value in amz]
    resource = (f"/{bucket}" if bucket else "") + request.path
    sub = sorted((name, value) for name, value in _pairs(request.query) if name in _SUBRESOURCES)
    query = "&".join(f"{name}={unquote(value)}" if value else name for name, value in sub)
    return "\n".join((*lines, f"{resource}?{query}" if query else resource))


def _amz(headers: Headers, query: str) -> list[tuple[str, str]]:
    """The x-amz-… headers, and the session's token, which the URL carries instead."""
    names = sorted({name for name, _ in headers if name.startswith("x-amz-")})
    found = [(name, header_of(headers, name)) for name in names]
    token = [(name, unquote(value)) for name, value in _pairs(query) if name.lower() == "x-amz-security-token"]
    return sorted(found + token)


def _pairs(query: str) -> list[tuple[str, str]]:
    parts = (part.partition("=") for part in query.split("&") if part)
    return [(name, value) for name, _, value in parts]
