"""The grammar of signature headers: what is not exactly this is refused, whatever a lenient decoder would make of it.

Pure; raises Refusal and nothing else, for any text."""

import re
from base64 import b64decode, b64encode
from typing import Final, Literal

from router.events.http import Request
from router.events.webhook import Reason, Refusal

Encoding = Literal["hex", "base64"]

MOST_SIGNATURES: Final = 16  # in one header
SIZES: Final = {"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}  # bytes of a digest
ED25519: Final = 64  # bytes of a signature

PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")  # Standard Webhooks: no full stop, so that what is joined by them stays unambiguous
ANY_ID: Final = re.compile(r"[!-~]{1,255}")
_HEX: Final = re.compile(r"[0-9a-f]+")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_TOKEN: Final = re.compile(r"[!-~]{1,1024}")


def header(request: Request, name: str) -> str:
    """The one header of this lower-case name. Raises Refusal when it is missing, repeated or empty."""
    value = optional(request, name)
    if not value:
        raise Refusal(Reason.MISSING)
    return value


def optional(request: Request, name: str) -> str:
    """As header(), but "" when there is none."""
    found = [value for key, value in request.headers if key == name]
    if not found:
        return ""
    if len(found) > 1 or not found[0]:
        raise Refusal(Reason.MALFORMED)
    return found[0]


def present(request: Request, *names: str) -> bool:
    """Whether any header of these lower-case names is there, whatever it holds."""
    return any(key in names for key, _ in request.headers)


def digest(text: str, encoding: Encoding, size: int) -> bytes:
    """A digest of *size* bytes: lower-case hexadecimal, or padded base64 in its one canonical spelling."""
    if encoding == "hex":
        if len(text) != 2 * size or not _HEX.fullmatch(text):
            raise Refusal(Reason.MALFORMED)
        return bytes.fromhex(text)
    return base64(text, size)


def base64(text: str, size: int) -> bytes:
    """*size* bytes in padded base64 of the standard alphabet; stray characters and stray bits are refused."""
    if len(text) != (size + 2) // 3 * 4 or not _BASE64.fullmatch(text):
        raise Refusal(Reason.MALFORMED)
    try:
        decoded = b64decode(text, validate=True)
    except ValueError:
        raise Refusal(Reason.MALFORMED) from None
    if len(decoded) != size or b64encode(decoded).decode() != text:
        raise Refusal(Reason.MALFORMED)
    return decoded


def timestamp(text: str) -> int:
    """Epoch seconds: ASCII digits, and nothing else that int() would take."""
    return int(matched(text, _TIMESTAMP))


def token(text: str) -> str:
    """A shared secret sent as it is: visible ASCII."""
    return matched(text, _TOKEN)


def matched(text: str, pattern: re.Pattern[str]) -> str:
    """The text, when it is wholly of this form."""
    if not pattern.fullmatch(text):
        raise Refusal(Reason.MALFORMED)
    return text
