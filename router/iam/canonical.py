"""Signature Version 4's canonical form of a request, computed from what came over the wire.

Pure. Source: IAM user guide, "Create a signed AWS API request"; S3's own rules: S3 API reference, "Authenticating
requests: using the Authorization header". S3 takes the path as sent, encoded once; all other services resolve its dots and
double slashes and encode what was sent once more."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import quote, unquote_to_bytes

EMPTY_SHA256: Final = hashlib.sha256().hexdigest()

_UNRESERVED: Final = "-_.~"  # beside letters and digits
_SPACES: Final = re.compile(r"\s+")

Headers = Sequence[tuple[str, str]]  # names lower-case, in the order in which they came


def request_of(method: str, path: str, query: str, headers: Headers, *, signed: Sequence[str], payload: str, once: bool) -> str:
    """The canonical request. *path*, *query*: as sent; *signed*: names of headers, in order; *once*: S3's path."""
    lines = [method, path_once(path) if once else path_twice(path), query_of(pairs_of(query))]
    lines += [f"{name}:{header_of(headers, name)}" for name in signed]
    return "\n".join((*lines, "", ";".join(signed), payload))


def path_once(path: str) -> str:
    """S3's: every segment percent-encoded once, whatever the client left unencoded; slashes stay."""
    return "/".join(_encoded(segment) for segment in path.split("/")) or "/"


def path_twice(path: str) -> str:
    """All others': without dot segments and empty ones, and encoded on top of what was sent."""
    kept: list[str] = []
    segments = [segment for segment in path.split("/") if segment and segment != "."]
    for segment in segments:
        if segment != "..":
            kept.append(segment)
        elif kept:
            kept.pop()
    slash = "/" if kept and path.endswith("/") else ""
    return "/" + quote("/".join(kept), safe=f"/{_UNRESERVED}", errors="surrogatepass") + slash


def pairs_of(query: str) -> list[tuple[str, str]]:
    """Names and values, encoded anew; a name without a value has an empty one."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(_encoded(name), _encoded(value)) for name, _, value in pairs]


def query_of(pairs: Iterable[tuple[str, str]]) -> str:
    """The canonical query: sorted by name, then by value."""
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def header_of(headers: Headers, name: str) -> str:
    """All values of a header, each trimmed and its runs of spaces one, with commas between them."""
    return ",".join(_SPACES.sub(" ", value).strip() for key, value in headers if key == name)


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.encode("utf-8", "surrogatepass")), safe=_UNRESERVED)
