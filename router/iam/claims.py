"""What a request in Signature Version 4 claims: its authorization, read strictly, from the header or from a presigned URL.

Pure. Sources: IAM user guide, "AWS Signature Version 4 for API requests"; S3 API reference, "Authenticating requests".
Whether what is claimed is so: sigv4.py."""

import re
from calendar import timegm
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote

from router.iam.auth_errors import AuthFailure, Dialect, Flaw
from router.iam.canonical import Headers

ALGORITHM: Final = "AWS4-HMAC-SHA256"
TERMINATOR: Final = "aws4_request"
WEEK: Final = 604_800  # seconds a presigned URL is good for, at most
SIGNATURE: Final = "X-Amz-Signature"  # the parameter that is not signed itself

_HEADER: Final = re.compile(r"AWS4-HMAC-SHA256\s+(.*)")
_FIELD: Final = re.compile(r"\s*(Credential|SignedHeaders|Signature)=([^\s,]+)\s*")
_FIELDS: Final = ("Credential", "SignedHeaders", "Signature")
_CREDENTIAL: Final = re.compile(r"([A-Za-z0-9]{16,128})/([0-9]{8})/([a-z0-9-]{1,64})/([a-z0-9-]{1,64})/([A-Za-z0-9_]{1,64})")
_SIGNED: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+(;[a-z0-9!#$%&'*+.^_`|~-]+)*")
_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")
_DATE: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_PARAMETERS: Final = ("X-Amz-Algorithm", "X-Amz-Credential", SIGNATURE, "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires")
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")

_NO_DATE: Final = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""


class Request(NamedTuple):
    """A request as it came."""

    method: str
    path: str  # percent-encoded as sent
    query: str  # as sent
    headers: Headers  # names lower-case


class Where(NamedTuple):
    """What signatures must be made for."""

    region: str
    service: str  # "s3", "lambda"

    @property
    def dialect(self) -> Dialect:
        """Whose words and rules hold."""
        return "s3" if self.service == "s3" else "json"


class Signed(NamedTuple):
    """What a signed request claims."""

    form: Literal["header", "query"]
    key_id: str
    day: str  # 20261126: of the scope
    region: str
    service: str
    headers: tuple[str, ...]  # those that are signed
    signature: str
    at: str  # 20261126T010203Z
    token: str = ""
    expires: int = 0  # seconds, of a presigned URL

    @property
    def scope(self) -> str:
        """The credential scope."""
        return f"{self.day}/{self.region}/{self.service}/{TERMINATOR}"


def is_signed(request: Request) -> bool:
    """Whether a request claims to be signed, in this version or an older one."""
    return any(name == "authorization" for name, _ in request.headers) or bool(_presigned(request.query))


def read(request: Request, where: Where) -> Signed:
    """What a request claims, its form checked strictly. Raises AuthFailure."""
    lines = [value for name, value in request.headers if name == "authorization"]
    queried = _presigned(request.query)
    if not lines and not queried:
        raise AuthFailure(Flaw.UNSIGNED)
    if len(lines) + bool(queried) > 1:
        raise AuthFailure(Flaw.AMBIGUOUS)
    signed = _from_header(lines[0], request.headers) if lines else _from_query(request.query)
    _check_scope(signed, where)
    _check_headers(signed, request.headers)
    return signed


def of_form(credential: str, at: str, signature: str, token: str, where: Where) -> Signed:
    """What the fields of a browser's upload claim; they have no headers. Raises AuthFailure."""
    if not _DATE.fullmatch(at) or epoch(at) < 0:
        raise AuthFailure(Flaw.BAD_QUERY, _NO_DATE)
    fields = {"Credential": credential, "SignedHeaders": "host", "Signature": signature}
    signed = _signed("query", fields, at, token, expires=WEEK, flaw=Flaw.BAD_QUERY)
    _check_scope(signed, where)
    return signed


# -- what is claimed


def _from_header(line: str, headers: Headers) -> Signed:
    found = _HEADER.fullmatch(line)
    if not found:
        raise AuthFailure(Flaw.UNKNOWN_TYPE)
    fields: dict[str, str] = {}
    for part in found[1].split(","):
        field = _FIELD.fullmatch(part)
        if not field or field[1] in fields:
            raise AuthFailure(Flaw.MALFORMED)
        fields[field[1]] = field[2]
    if missing := [name for name in _FIELDS if name not in fields]:
        raise AuthFailure(Flaw.MALFORMED, " ".join(f"Authorization header requires '{name}' parameter." for name in missing))
    token = _only(headers, "x-amz-security-token")
    return _signed("header", fields, _date(headers), token, expires=0, flaw=Flaw.MALFORMED)


def _from_query(query: str) -> Signed:
    found = _presigned(query)
    if any(name not in found for name in _PARAMETERS) or any(len(values) > 1 for values in found.values()):
        raise AuthFailure(Flaw.BAD_QUERY)
    value = {name: values[0] for name, values in found.items()}
    if value["X-Amz-Algorithm"] != ALGORITHM:
        raise AuthFailure(Flaw.BAD_QUERY, f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    fields = {"Credential": value["X-Amz-Credential"], "SignedHeaders": value["X-Amz-SignedHeaders"], "Signature": value["X-Amz-Signature"]}
    if not _DATE.fullmatch(value["X-Amz-Date"]) or epoch(value["X-Amz-Date"]) < 0:
        raise AuthFailure(Flaw.BAD_QUERY, _NO_DATE)
    token = value.get("X-Amz-Security-Token", "")
    return _signed("query", fields, value["X-Amz-Date"], token, expires=_expires(value["X-Amz-Expires"]), flaw=Flaw.BAD_QUERY)


def _expires(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise AuthFailure(Flaw.BAD_QUERY, "X-Amz-Expires should be a number")
    seconds = int(text)
    if seconds < 0:
        raise AuthFailure(Flaw.BAD_QUERY, "X-Amz-Expires must be non-negative")
    if seconds > WEEK:
        raise AuthFailure(
            Flaw.BAD_QUERY,
            f"X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than {WEEK} seconds",
        )
    return seconds


def _signed(form: Literal["header", "query"], fields: Mapping[str, str], at: str, token: str, *, expires: int, flaw: Flaw) -> Signed:
    credential = _CREDENTIAL.fullmatch(fields["Credential"])
    if not credential:
        place = "Error parsing the X-Amz-Credential parameter; the" if form == "query" else "The"
        raise AuthFailure(flaw, f'{place} Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".')
    key_id, day, region, service, terminator = credential.groups()
    if terminator != TERMINATOR:
        raise AuthFailure(Flaw.BAD_SCOPE, f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'.")
    names = fields["SignedHeaders"]
    if not _SIGNED.fullmatch(names) or not _SIGNATURE.fullmatch(fields["Signature"]):
        raise AuthFailure(flaw)
    listed = tuple(names.split(";"))
    if list(listed) != sorted(set(listed)):
        raise AuthFailure(flaw, "SignedHeaders are not sorted, or name a header twice")
    if day != at[:8]:
        raise AuthFailure(
            Flaw.BAD_SCOPE,
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{day}' != '{at[:8]}', from '{at}'.",
        )
    return Signed(form, key_id, day, region, service, listed, fields["Signature"], at, token, expires)


def _date(headers: Headers) -> str:
    """The time of signing: x-amz-date, else date, which may be in HTTP's form."""
    text = _only(headers, "x-amz-date") or _only(headers, "date")
    if not text:
        raise AuthFailure(Flaw.MALFORMED, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if not _DATE.fullmatch(text):
        try:
            return parsedate_to_datetime(text).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        except (ValueError, OverflowError, TypeError):
            raise AuthFailure(Flaw.MALFORMED, "Date must be in ISO-8601 'basic format'.") from None
    _check_date(text)
    return text


def _only(headers: Headers, name: str) -> str:
    """The value of a header that may stand there once. Raises AuthFailure."""
    found = [value for key, value in headers if key == name]
    if len(found) > 1:
        raise AuthFailure(Flaw.MALFORMED, f"{name} stands there more than once")
    return found[0].strip() if found else ""


def _presigned(query: str) -> dict[str, list[str]]:
    """The query's X-Amz-… parameters of a presigned URL, decoded; {} where it is none."""
    if "X-Amz-" not in query:
        return {}
    found: dict[str, list[str]] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if (name := unquote(name)) in (*_PARAMETERS, "X-Amz-Security-Token"):
            found.setdefault(name, []).append(unquote(value))
    return found if any(name in found for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature")) else {}


# -- what must be so


def _check_scope(signed: Signed, where: Where) -> None:
    if signed.service != where.service:
        raise AuthFailure(Flaw.BAD_SCOPE, f"Credential should be scoped to correct service: '{where.service}'. ")
    if signed.region != where.region:
        detail = "Credential should be scoped to a valid region. "
        if where.dialect == "s3":
            detail = f"The authorization header is malformed; the region '{signed.region}' is wrong; expecting '{where.region}'"
        raise AuthFailure(Flaw.BAD_SCOPE, detail, facts={"Region": where.region})


def _check_headers(signed: Signed, headers: Headers) -> None:
    """Host is signed, and the date, and every x-amz-… header that came. Raises AuthFailure."""
    if "host" not in signed.headers:
        raise AuthFailure(Flaw.UNSIGNED_HEADERS, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    came = {name for name, _ in headers}
    loose = sorted(name for name in came if name.startswith("x-amz-") and name not in signed.headers)
    if loose:
        raise AuthFailure(Flaw.UNSIGNED_HEADERS, facts={"HeadersNotSigned": ", ".join(loose)})
    if signed.form == "header" and "x-amz-date" not in signed.headers and "date" not in signed.headers:
        raise AuthFailure(Flaw.UNSIGNED_HEADERS, facts={"HeadersNotSigned": "date"})


@lru_cache(maxsize=64)
def epoch(text: str) -> float:
    """20261126T010203Z as epoch seconds; -1 for a day that no calendar has."""
    try:
        return timegm(datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).utctimetuple())
    except ValueError:
        return -1


def _check_date(text: str) -> None:
    if epoch(text) < 0:
        raise AuthFailure(Flaw.MALFORMED, "Date must be in ISO-8601 'basic format'.")
