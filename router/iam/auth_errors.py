"""Why a caller is not believed, and how S3 and the JSON services each say it.

Pure. Sources: S3 API reference, "Error responses"; Lambda API reference, "Common errors"; IAM user guide, "Troubleshoot
Signature Version 4 signing"; answers of both as clients quote them."""

from collections.abc import Mapping
from enum import Enum
from typing import Final, Literal, NamedTuple

Dialect = Literal["s3", "json"]
"""S3's codes, or those of the services that speak JSON."""


class Flaw(Enum):
    """What is wrong with a signed request."""

    UNSIGNED = "nothing is signed"
    UNKNOWN_TYPE = "no authorization of Signature Version 4"
    MALFORMED = "the authorization is malformed"
    AMBIGUOUS = "more than one authorization"
    BAD_QUERY = "the authorization's query parameters are malformed"
    BAD_OLD_QUERY = "the query parameters of a URL signed in Version 2 are malformed"
    MISSING_FIELD = "a form that is signed lacks a field of its signature"
    UNKNOWN_KEY = "no such access key"
    BAD_TOKEN = "no such session token"  # noqa: S105 - words
    EXPIRED_TOKEN = "the session has ended"  # noqa: S105 - words
    BAD_SCOPE = "signed for another region, service or day"
    UNSIGNED_HEADERS = "headers that count are not signed"
    NOT_YET = "signed in the future"
    STALE = "signed too long ago"
    EXPIRED = "the URL has expired"
    MISMATCH = "the signature does not match"
    BAD_PAYLOAD = "the body is not the one that was signed"
    UNSUPPORTED_PAYLOAD = "a way to sign bodies that is not supported"
    BAD_CHUNK = "the body's chunks are malformed"
    BAD_FORM_POLICY = "a form's policy is malformed"
    AGAINST_POLICY = "a form is not what its policy allows"
    TOO_SMALL = "smaller than a form's policy allows"
    TOO_LARGE = "larger than a form's policy allows"
    INCOMPLETE = "the body is shorter or longer than announced"


class Told(NamedTuple):
    """An answer: the code is the S3 Error's Code, or x-amzn-ErrorType."""

    status: int
    code: str
    message: str


class AuthFailure(Exception):
    """A caller who is not believed. *detail*: AWS's sentence where it depends on the request; "" for the flaw's own."""

    def __init__(self, flaw: Flaw, detail: str = "", *, facts: Mapping[str, str] | None = None) -> None:
        super().__init__(detail or flaw.value)
        self.flaw, self.detail = flaw, detail
        self.facts = dict(facts or {})  # more elements of S3's answer: StringToSign, CanonicalRequest, ServerTime; no secret is in them

    def told(self, dialect: Dialect) -> Told:
        """The answer in a service's words."""
        status, code, message = _TOLD[dialect][self.flaw]
        return Told(status, code, self.detail or message)


_NO_MATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and"
    " signing method. Consult the service documentation for details."
)
_S3_NO_MATCH: Final = "The request signature we calculated does not match the signature you provided. Check your key and signing method."
_NO_FIELDS: Final = " ".join(f"Authorization header requires '{name}' parameter." for name in ("Credential", "Signature", "SignedHeaders"))
_S3_QUERY: Final = (
    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date,"
    " X-Amz-SignedHeaders, and X-Amz-Expires parameters."
)
_S3_PAYLOAD: Final = (
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD,"
    " STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
)
_NO_TOKEN: Final = "The security token included in the request is invalid."  # noqa: S105 - words
_MALFORMED: Final = "The authorization header that you provided is not valid."

_JSON: Final = {
    Flaw.UNSIGNED: (403, "MissingAuthenticationTokenException", "Missing Authentication Token"),
    Flaw.UNKNOWN_TYPE: (403, "IncompleteSignatureException", _NO_FIELDS),
    Flaw.MALFORMED: (403, "IncompleteSignatureException", _MALFORMED),
    Flaw.AMBIGUOUS: (403, "IncompleteSignatureException", "Only one way to sign a request may be used at a time."),
    Flaw.BAD_QUERY: (403, "IncompleteSignatureException", "AWS query-string parameters must include all that Signature Version 4 needs."),
    Flaw.BAD_OLD_QUERY: (403, "IncompleteSignatureException", "Authorization must be in Signature Version 4."),  # S3 alone takes others
    Flaw.MISSING_FIELD: (403, "AccessDeniedException", "Invalid according to Policy"),  # S3 alone has forms
    Flaw.UNKNOWN_KEY: (403, "UnrecognizedClientException", _NO_TOKEN),
    Flaw.BAD_TOKEN: (403, "UnrecognizedClientException", _NO_TOKEN),
    Flaw.EXPIRED_TOKEN: (403, "ExpiredTokenException", "The security token included in the request is expired"),
    Flaw.BAD_SCOPE: (403, "InvalidSignatureException", "Credential should be scoped to a valid region. "),
    Flaw.UNSIGNED_HEADERS: (403, "InvalidSignatureException", _NO_MATCH),
    Flaw.NOT_YET: (403, "InvalidSignatureException", "Signature not yet current"),
    Flaw.STALE: (403, "InvalidSignatureException", "Signature expired"),
    Flaw.EXPIRED: (403, "InvalidSignatureException", "Signature expired"),
    Flaw.MISMATCH: (403, "InvalidSignatureException", _NO_MATCH),
    Flaw.BAD_PAYLOAD: (403, "InvalidSignatureException", _NO_MATCH),
    Flaw.UNSUPPORTED_PAYLOAD: (403, "InvalidSignatureException", _NO_MATCH),
    Flaw.BAD_CHUNK: (403, "InvalidSignatureException", _NO_MATCH),
    Flaw.BAD_FORM_POLICY: (403, "AccessDeniedException", "Invalid Policy"),  # this and what follows: S3 alone has forms
    Flaw.AGAINST_POLICY: (403, "AccessDeniedException", "Invalid according to Policy"),
    Flaw.TOO_SMALL: (403, "AccessDeniedException", "Invalid according to Policy"),
    Flaw.TOO_LARGE: (403, "AccessDeniedException", "Invalid according to Policy"),
    Flaw.INCOMPLETE: (403, "InvalidSignatureException", _NO_MATCH),
}
_S3: Final = {
    Flaw.UNSIGNED: (403, "AccessDenied", "Access Denied"),
    Flaw.UNKNOWN_TYPE: (400, "InvalidArgument", "Unsupported Authorization Type"),
    Flaw.MALFORMED: (400, "AuthorizationHeaderMalformed", _MALFORMED),
    Flaw.AMBIGUOUS: (400, "InvalidArgument", "Only one auth mechanism allowed"),
    Flaw.BAD_QUERY: (400, "AuthorizationQueryParametersError", _S3_QUERY),
    Flaw.BAD_OLD_QUERY: (403, "AccessDenied", "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"),
    Flaw.MISSING_FIELD: (400, "InvalidArgument", "Bucket POST must contain a field of the signature."),
    Flaw.UNKNOWN_KEY: (403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
    Flaw.BAD_TOKEN: (400, "InvalidToken", "The provided token is malformed or otherwise invalid."),
    Flaw.EXPIRED_TOKEN: (400, "ExpiredToken", "The provided token has expired."),
    Flaw.BAD_SCOPE: (400, "AuthorizationHeaderMalformed", _MALFORMED),
    Flaw.UNSIGNED_HEADERS: (403, "AccessDenied", "There were headers present in the request which were not signed"),
    Flaw.NOT_YET: (403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
    Flaw.STALE: (403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
    Flaw.EXPIRED: (403, "AccessDenied", "Request has expired"),
    Flaw.MISMATCH: (403, "SignatureDoesNotMatch", _S3_NO_MATCH),
    Flaw.BAD_PAYLOAD: (400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed."),
    Flaw.UNSUPPORTED_PAYLOAD: (400, "InvalidArgument", _S3_PAYLOAD),
    Flaw.BAD_CHUNK: (403, "SignatureDoesNotMatch", _S3_NO_MATCH),
    Flaw.BAD_FORM_POLICY: (400, "InvalidPolicyDocument", "Invalid Policy: Invalid JSON."),
    Flaw.AGAINST_POLICY: (403, "AccessDenied", "Invalid according to Policy"),
    Flaw.TOO_SMALL: (400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size"),
    Flaw.TOO_LARGE: (400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"),
    Flaw.INCOMPLETE: (400, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header"),
}
_TOLD: Final[Mapping[Dialect, Mapping[Flaw, tuple[int, str, str]]]] = {"s3": _S3, "json": _JSON}
