"""An answer on the wire: its head, and the pieces of a streamed body.

Pure. Source: RFC 9112. How a body ends is decided here alone: whatever framing the answer's own headers spell is left out."""

import re
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from math import floor
from typing import Final, NamedTuple

from router.events.http import FIELD_NAME, Known, Response

BODILESS: Final = (204, 304)
CLOSE: Final = ("connection", "close")  # the one of such headers that an answer may have: no further request on this connection
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST: Final = b"0\r\n\r\n"

_OURS: Final = frozenset(  # headers that the listener sends, or that only it could keep the promise of
    ("connection", "content-length", "date", "keep-alive", "proxy-connection", "trailer", "transfer-encoding", "upgrade"),
)
_LENGTH: Final = re.compile("[0-9]{1,18}")


class Framing(NamedTuple):
    """How the body of one answer is sent."""

    head: bytes
    length: int | None = None  # bytes that must follow; None: as many as come
    chunked: bool = False
    bodiless: bool = False  # nothing follows, whatever the answer holds
    close: bool = False  # the connection's end is the answer's


@lru_cache(maxsize=128)
def _status_line(status: int) -> str:
    try:
        return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
    except ValueError:
        return f"HTTP/1.1 {status} Status\r\n"


def _prefix(name: str) -> str:
    """What to put before the value; "" for a header that is ours to send. Raises ValueError."""
    if not FIELD_NAME.fullmatch(name):
        raise ValueError(f"{name!r:.40} is no header name")
    return "" if name.lower() in _OURS else f"{name}: "


_prefixes: Final = Known(_prefix)


@lru_cache(maxsize=16)
def _ending(at: int, connection: str) -> str:
    """The last lines of a head; *connection*: "" where nothing is to be said of it."""
    return f"date: {formatdate(at, usegmt=True)}\r\n{connection}\r\n"


def framed(response: Response, at: float, close: bool, old: bool, head_only: bool = False) -> Framing:  # noqa: FBT001, FBT002 - of every answer
    """The head of an answer sent at *at* (epoch seconds) and how its body follows.

    *close*: the connection ends after it; *old*: the client speaks HTTP/1.0; *head_only*: it asked with HEAD. A content-length
    of the answer's own counts where the listener cannot know better: for a streamed body, and for a HEAD without one. CLOSE among
    its headers ends the connection too.
    Raises ValueError when a header would break the framing; the answer must then be another one."""
    status, headers, body = response
    head = _status_line(status)
    for name, value in headers:
        if prefix := _prefixes[name]:
            if not value.isprintable() and ("\n" in value or "\r" in value or "\0" in value):
                raise ValueError("a header of the answer holds CR, LF or NUL")
            head = f"{head}{prefix}{value}\r\n"
        elif (name, value) == CLOSE:
            close = True
    length = len(body) if body and isinstance(body, bytes) else _length(response, head_only=head_only)
    bodiless = head_only or status in BODILESS
    chunked = False
    if status in BODILESS:
        pass
    elif length is not None:
        head = f"{head}content-length: {length}\r\n"
    elif not old:
        chunked = True
        head = f"{head}transfer-encoding: chunked\r\n"
    else:
        close = close or not bodiless  # HTTP/1.0 knows no chunks
    connection = ("connection: close\r\n" if close else "connection: keep-alive\r\n") if close or old else ""
    return tuple.__new__(Framing, (f"{head}{_ending(floor(at), connection)}".encode(), length, chunked, bodiless, close))


def _length(response: Response, *, head_only: bool) -> int | None:
    """Bytes of the body; None: not known before it ends."""
    body = response.body
    if not isinstance(body, bytes):
        return _declared(response)
    if body or not head_only:
        return len(body)
    return _declared(response) or 0


def _declared(response: Response) -> int | None:
    """The content-length among the answer's headers. Raises ValueError when it is none, or stands twice."""
    found = [value for name, value in response.headers if name.lower() == "content-length"]
    if not found:
        return None
    if len(found) > 1 or not _LENGTH.fullmatch(found[0]):
        raise ValueError("the answer's content-length is no number")
    return int(found[0])


def chunk(data: bytes) -> bytes:
    """A piece of a streamed answer in chunked framing; nothing for an empty piece, which would end it."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
