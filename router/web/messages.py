"""HTTP/1.1 on the wire: the checks a request must pass, how its body is framed, how an answer is written.

Pure. Source: RFC 9112. Stricter than it where two readers could disagree (request smuggling): line ends are CRLF,
transfer-encoding is `chunked` and nothing else, chunk extensions, obsolete folding and a second Host are refused.
The tokens themselves are aiohttp's parser's business (parser.py); nothing here repeats or repairs its work."""

import re
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final, NamedTuple

from router.events.http import Headers, Response
from router.web.limits import Limits

LINE: Final = re.compile(rb"([A-Z-]{1,20}) ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])")
HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(:[0-9]{1,5})?")
ABSOLUTE: Final = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE)
CHUNK: Final = re.compile(rb"[0-9A-Fa-f]{1,8}")
TRAILER: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\x20-\x7e\x80-\xff\t]*")
FRAMING: Final = frozenset(("host", "content-length", "transfer-encoding", "expect"))
BODILESS: Final = (204, 304)
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_OVERHEAD: Final = 64 * 1024  # bytes of chunk framing beyond the body's own size that are borne
_TRAILERS: Final = 8 * 1024  # bytes

RawHeaders = tuple[tuple[bytes, bytes], ...]
Parse = Callable[[bytes], tuple[RawHeaders, bool]]  # a head → its headers, whether the connection closes after; raises ValueError


class Refused(Exception):
    """A request that gets this status and the end of its connection; *told* is for the log."""

    def __init__(self, status: int, told: str) -> None:
        super().__init__(told)
        self.status, self.told = status, told


class Head(NamedTuple):
    """A request up to its body."""

    method: str
    target: str  # origin form, or *
    version: str
    headers: Headers  # lower-case names
    host: str
    length: int | None  # of the body; None: chunked
    close: bool  # the client wants no further request on this connection
    expects: bool  # waits for 100 Continue
    raw_headers: RawHeaders = ()


def read_head(raw: bytes, parse: Parse, limits: Limits) -> Head:
    """A head, from its request line to its empty line. Raises Refused."""
    line, _, block = raw.partition(b"\r\n")
    _check_sizes(len(line), len(block), block.count(b"\r\n") - 1, limits)
    found = LINE.fullmatch(line)
    if found is None:
        raise Refused(400, "malformed request line")
    if found[3] != b"1" or found[4] not in b"01":
        raise Refused(505, "not HTTP/1.0 or HTTP/1.1")
    lines = raw.count(b"\r\n")
    if raw.count(b"\n") != lines or raw.count(b"\r") != lines or b"\0" in raw or b"\r\n " in raw or b"\r\n\t" in raw:
        raise Refused(400, "bare CR or LF, NUL or folded header")
    try:
        pairs, close = parse(raw)
    except ValueError as error:
        raise Refused(400, str(error)) from None
    headers, framing = _headers(pairs)
    version = "HTTP/1.1" if found[4] == b"1" else "HTTP/1.0"
    method, target = found[1].decode(), found[2].decode()
    host = _host(framing, version)
    expects = _expects(framing, version)
    return Head(method, _target(method, target, host), version, headers, host, _length(framing, version), close, expects, pairs)


def _headers(pairs: RawHeaders) -> tuple[Headers, dict[str, str]]:
    """All headers as text, and apart those that decide about the framing. Raises Refused when one of these stands twice."""
    try:
        headers = [(_name(name), value.decode()) for name, value in pairs]
    except UnicodeDecodeError:
        headers = [(_name(name), text(value)) for name, value in pairs]
    framing: dict[str, str] = {}
    for name, value in headers:
        if name in FRAMING:
            if name in framing:
                raise Refused(400, f"two {name} headers")
            framing[name] = value
    return headers, framing


@lru_cache(maxsize=1024)
def _name(raw: bytes) -> str:
    return raw.decode("ascii").lower()


def check_partial(buffer: bytearray, limits: Limits) -> None:
    """Refuse a head as soon as it is too large or cannot become one. Raises Refused."""
    end = buffer.find(b"\r\n")
    _check_sizes(end if end >= 0 else len(buffer), len(buffer) - end if end >= 0 else 0, 0, limits)
    if buffer.count(b"\n") != buffer.count(b"\r\n"):
        raise Refused(400, "bare LF")
    if not (buffer[:1].isalpha() or bytes(buffer[:2]) in (b"", b"\r")):
        raise Refused(400, "not HTTP")  # TLS most likely: its client would wait for us


def _check_sizes(line: int, block: int, count: int, limits: Limits) -> None:
    if line > limits.line:
        raise Refused(414, f"request line over {limits.line} bytes")
    if block > limits.header_bytes or count > limits.header_count:
        raise Refused(431, f"over {limits.header_count} headers or {limits.header_bytes} bytes of them")


def text(value: bytes) -> str:
    """A header value: UTF-8 where it is, else Latin-1, in which every byte is a character."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _host(framing: dict[str, str], version: str) -> str:
    """The Host header; only HTTP/1.0 may come without."""
    host = framing.get("host")
    if host is None and version == "HTTP/1.0":
        return ""
    if host is None or not HOST.fullmatch(host):
        raise Refused(400, "no Host, or none that names one")
    return host


def _target(method: str, target: str, host: str) -> str:
    """The target in origin form. An absolute one must name the Host: who routes by one must not be led by the other."""
    if method in ("CONNECT", "TRACE"):
        raise Refused(405, f"{method} is not served")
    if not target.startswith("/") and (found := ABSOLUTE.fullmatch(target)):
        if found[1].lower() != host.lower():
            raise Refused(400, "the target's authority is not the Host")
        target = found[2] if found[2].startswith("/") else f"/{found[2]}"
    if "#" in target or not (target.startswith("/") or (target == "*" and method == "OPTIONS")):
        raise Refused(400, "malformed request target")
    return target


def _length(framing: dict[str, str], version: str) -> int | None:
    """Bytes of the body; None: chunked. Raises Refused where two readers could disagree."""
    coding, length = framing.get("transfer-encoding"), framing.get("content-length")
    if coding is not None:
        if length is not None or version == "HTTP/1.0" or coding.lower() != "chunked":
            raise Refused(400, "transfer-encoding other than chunked, with a content-length, or in HTTP/1.0")
        return None
    if length is None:
        return 0
    if not re.fullmatch("[0-9]{1,18}", length):
        raise Refused(400, "content-length is no number")
    return int(length)


def _expects(framing: dict[str, str], version: str) -> bool:
    expect = framing.get("expect")
    if expect is None or version == "HTTP/1.0":
        return False
    if expect.lower() != "100-continue":
        raise Refused(417, "an expectation other than 100-continue")
    return True


class Chunks:
    """Takes the chunked framing off a body as it arrives."""

    __slots__ = ("_left", "_limit", "_trailers", "_wire", "body")

    def __init__(self, limit: int) -> None:
        self.body = bytearray()
        self._limit = limit
        self._left = 0  # bytes of the current chunk and its CRLF still to come; 0: a size line comes next
        self._trailers = -1  # bytes of trailer lines so far; -1: still in the body
        self._wire = 0  # bytes of framing so far

    def feed(self, buffer: bytearray) -> bool:
        """Consume from *buffer* what belongs to the body; True when it is complete. Raises Refused."""
        while True:
            if self._trailers >= 0:
                return self._feed_trailers(buffer)
            if self._left:
                if not self._feed_data(buffer):
                    return False
            elif not self._feed_size(buffer):
                return False

    def _feed_size(self, buffer: bytearray) -> bool:
        line = _line(buffer, 8)
        if line is None:
            return False
        if not CHUNK.fullmatch(line):
            raise Refused(400, "malformed chunk size, or a chunk extension")
        size = int(line, 16)
        self._wire += len(line) + 4
        if self._wire > len(self.body) + _OVERHEAD:
            raise Refused(400, "more chunk framing than body")
        if len(self.body) + size > self._limit:
            raise Refused(413, f"body over {self._limit} bytes")
        if size:
            self._left = size + 2
        else:
            self._trailers = 0
        return True

    def _feed_data(self, buffer: bytearray) -> bool:
        """Take what is there of the current chunk; True when it ended."""
        if self._left > 2 and buffer:
            taken = min(self._left - 2, len(buffer))
            self.body += buffer[:taken]
            del buffer[:taken]
            self._left -= taken
        if self._left > 2 or len(buffer) < 2:
            return False
        if buffer[:2] != b"\r\n":
            raise Refused(400, "a chunk does not end with CRLF")
        del buffer[:2]
        self._left = 0
        return True

    def _feed_trailers(self, buffer: bytearray) -> bool:
        """Trailer fields are read and thrown away: no event has a place for them."""
        while (line := _line(buffer, _TRAILERS)) is not None:
            if not line:
                return True
            self._trailers += len(line)
            if self._trailers > _TRAILERS or not TRAILER.fullmatch(line):
                raise Refused(400, "malformed or oversized trailer")
        return False


def _line(buffer: bytearray, limit: int) -> bytes | None:
    """Take a line without its CRLF; None while it is incomplete. Raises Refused when it exceeds *limit*."""
    end = buffer.find(b"\n", 0, limit + 2)
    if end < 0:
        if len(buffer) > limit + 1:
            raise Refused(400, "a line of the chunked framing is too long")
        return None
    if end == 0 or buffer[end - 1] != 0x0D:
        raise Refused(400, "bare LF in the chunked framing")
    line = bytes(buffer[: end - 1])
    del buffer[: end + 1]
    return line


@lru_cache(maxsize=4)
def _date(at: int) -> str:
    return formatdate(at, usegmt=True)


@lru_cache(maxsize=128)
def _status_line(status: int) -> str:
    try:
        return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP/1.1 {status} Status"


def write_head(response: Response, *, at: float, close: bool, old: bool) -> bytes:
    """The head of an answer sent at *at* (epoch seconds); *old*: the client speaks HTTP/1.0.

    Raises ValueError when a header would break the framing; the answer must then be another one."""
    lines = [_status_line(response.status)]
    lines += [f"{name}: {value}" for name, value in response.headers]
    if response.status not in BODILESS:
        if isinstance(response.body, bytes):
            lines.append(f"content-length: {len(response.body)}")
        elif not old:
            lines.append("transfer-encoding: chunked")
    lines.append(f"date: {_date(int(at))}")
    if close or old:
        lines.append("connection: close" if close else "connection: keep-alive")
    head = "\r\n".join(lines)
    if head.count("\r") != len(lines) - 1 or head.count("\n") != len(lines) - 1 or "\0" in head:
        raise ValueError("a header of the answer holds CR, LF or NUL")
    return f"{head}\r\n\r\n".encode()


def chunk(data: bytes) -> bytes:
    """A piece of a streamed answer in chunked framing; nothing for an empty piece, which would end it."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
