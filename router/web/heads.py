"""The head of a request, HTTP/1.1 or 1.0, from bytes to facts: its grammar, its sizes, how its body is framed.

Pure. Source: RFC 9112 and RFC 9110. Stricter than they are where two readers could disagree (request smuggling): line ends
are CRLF; obsolete folding, a second Host and any transfer-encoding but `chunked` are refused. Never more lenient than
llhttp, whose verdicts stand beside ours in tests/unit/web/test_heads.py."""

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, overload

from router.events.http import Headers
from router.web.limits import Limits
from router.web.refused import Refused

METHODS: Final = frozenset(  # what llhttp knows; others are most likely no HTTP
    (
        *("ACL", "BIND", "CHECKOUT", "CONNECT", "COPY", "DELETE", "GET", "HEAD", "LINK", "LOCK", "M-SEARCH", "MERGE", "MKACTIVITY"),
        *("MKCALENDAR", "MKCOL", "MOVE", "NOTIFY", "OPTIONS", "PATCH", "POST", "PROPFIND", "PROPPATCH", "PURGE", "PUT", "QUERY"),
        *("REBIND", "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE", "TRACE", "UNBIND", "UNLINK", "UNLOCK", "UNSUBSCRIBE"),
    ),
)
UNSERVED: Final = frozenset(("CONNECT", "TRACE"))
LINE: Final = re.compile(r"([A-Z-]{1,20}) ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])")
FIELDS: Final = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+\r\n")  # RFC 9110, 5.1 and 5.5
HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|[A-Za-z0-9._~-]+)(?::([0-9]{1,5}))?")
ABSOLUTE: Final = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE)
ONCE: Final = frozenset(  # fields that stand once: who takes the first of two must not be led by who takes the last
    (
        *("content-length", "content-location", "content-range", "content-type", "etag", "expect", "host", "max-forwards"),
        *("server", "transfer-encoding", "user-agent"),
    ),
)
READ: Final = ONCE | {"connection"}
PORTS: Final = 65_535
REMEMBERED: Final = 4096  # bytes of header lines that are kept for the next request of a connection: a thousand may be idle


class RawHeaders(Sequence[tuple[bytes, bytes]]):
    """All fields of one head as they came, name and value; taken apart when somebody asks, and few do."""

    __slots__ = ("_block", "_pairs")

    def __init__(self, block: bytes) -> None:
        """*block*: the lines behind the request line, with the empty one."""
        self._block = block
        self._pairs: tuple[tuple[bytes, bytes], ...] | None = None

    def _all(self) -> tuple[tuple[bytes, bytes], ...]:
        if self._pairs is None:
            split = (line.partition(b":") for line in self._block.split(b"\r\n")[:-2])
            self._pairs = tuple((name, value.strip(b" \t")) for name, _, value in split)
        return self._pairs

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, index: int) -> tuple[bytes, bytes]: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[tuple[bytes, bytes], ...]: ...

    def __getitem__(self, index: int | slice) -> tuple[bytes, bytes] | tuple[tuple[bytes, bytes], ...]:
        return self._all()[index]


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
    raw_headers: Sequence[tuple[bytes, bytes]] = ()
    learned: dict[Any, Any] | None = None  # see Request


class Fields(NamedTuple):
    """What the lines behind a request line say."""

    headers: Headers
    host: str
    length: int | None
    close: bool
    expects: bool
    raw: RawHeaders
    learned: dict[Any, Any]


class Reader:
    """Reads the heads of one connection. Remembers the last one and its fields: a client that stays mostly sends the same again."""

    __slots__ = ("_block", "_fields", "_head", "_limits", "_old", "_raw")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._raw = b""
        self._head: Head  # of these bytes
        self._block, self._old = b"", False
        self._fields: Fields | None = None  # of this block, in this version of HTTP

    def read(self, raw: bytes) -> Head:
        """A head, from its request line to its empty line. Raises Refused."""
        if raw == self._raw:
            return self._head
        line, _, block = raw.partition(b"\r\n")
        fields, limits = self._fields, self._limits
        known = fields is not None and block == self._block
        if len(line) > limits.line or not known:
            _check_sizes(len(line), len(block), block.count(b"\n") - 1, limits)
        method, target, old = _line(line)
        if fields is None or not known or old is not self._old:
            fields = _fields(block, old=old)
            if len(block) <= REMEMBERED:
                self._block, self._old, self._fields = block, old, fields
        headers, host, length, close, expects, kept, learned = fields
        if target[0] != "/" or "#" in target or method in UNSERVED:
            target = _target(method, target, host)
        version = "HTTP/1.0" if old else "HTTP/1.1"
        head = tuple.__new__(Head, (method, target, version, headers, host, length, close, expects, kept, learned))
        if len(raw) <= REMEMBERED:
            self._raw, self._head = raw, head
        return head


def _line(line: bytes | bytearray) -> tuple[str, str, bool]:
    """Method, target, and whether it is HTTP/1.0. Raises Refused."""
    found = LINE.fullmatch(line.decode("latin-1"))
    if found is None:
        raise Refused(400, "malformed request line")
    method, target, major, minor = found.groups()
    if major != "1" or minor not in "01":
        raise Refused(505, "not HTTP/1.0 or HTTP/1.1")
    if method not in METHODS:
        raise Refused(400, "unknown method")
    return method, target, minor == "0"


def _fields(block: bytes, *, old: bool) -> Fields:
    """What all fields say. Raises Refused."""
    if not FIELDS.fullmatch(block):
        raise Refused(400, "a header is no `name: value`, is folded, or holds a bare CR or LF or a control character")
    headers, read = _split(block) if len(block) > 2 else ((), {})
    host = _host(read["host"]) if "host" in read else _no_host(old=old)
    length = _length(read, old=old) if "content-length" in read or "transfer-encoding" in read else 0
    close = _closes(read["connection"], old=old) if "connection" in read else old
    expects = "expect" in read and _expects(read["expect"], old=old)
    return Fields(headers, host, length, close, expects, RawHeaders(block), {})


def _split(block: bytes) -> tuple[Headers, dict[str, str]]:
    """All fields as text, and apart those that are read here. Raises Refused when one stands twice that must not."""
    try:
        lines = block[:-4].decode().split("\r\n")
    except UnicodeDecodeError:
        lines = [text(line) for line in block[:-4].split(b"\r\n")]
    headers: list[tuple[str, str]] = []
    read: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t")
        headers.append((name, value))
        if name in READ:
            if name in read:
                if name in ONCE:
                    raise Refused(400, f"two {name} headers")
                value = f"{read[name]},{value}"
            read[name] = value
    return tuple(headers), read


def check_partial(buffer: bytearray, limits: Limits, start: int = 0) -> None:
    """Refuse a head as soon as it is too large or cannot become one; up to *start* it was looked at before. Raises Refused."""
    end = buffer.find(b"\r\n")
    _check_sizes(end if end >= 0 else len(buffer), len(buffer) - end if end >= 0 else 0, 0, limits)
    start -= buffer[start - 1 : start] == b"\r"
    if buffer.count(b"\n", start) != buffer.count(b"\r\n", start):
        raise Refused(400, "bare LF")
    if not (buffer[:1].isalpha() or bytes(buffer[:2]) in (b"", b"\r")):
        raise Refused(400, "not HTTP")  # TLS most likely: its client would wait for us
    if end >= 0:
        _line(buffer[:end])  # HTTP/0.9 too: its client has said everything


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


def _no_host(*, old: bool) -> str:
    """Only HTTP/1.0 may come without."""
    if not old:
        raise Refused(400, "no Host")
    return ""


@lru_cache(maxsize=256)
def _host(host: str) -> str:
    """The Host header as it is. Raises Refused."""
    found = HOST.fullmatch(host)
    if found is None or (found[2] is not None and int(found[2]) > PORTS) or not _is_literal(found[1]):
        raise Refused(400, "a Host that names none")
    return host


def _is_literal(address: str | None) -> bool:
    """Whether what stands in brackets is an IPv6 address; true where there are no brackets."""
    if address is None:
        return True
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return True


def _target(method: str, target: str, host: str) -> str:
    """The target in origin form. An absolute one must name the Host: who routes by one must not be led by the other."""
    if method in UNSERVED:
        raise Refused(405, f"{method} is not served")
    if not target.startswith("/") and (found := ABSOLUTE.fullmatch(target)):
        if not host or found[1].lower() != host.lower():
            raise Refused(400, "the target's authority is not the Host")
        target = found[2] if found[2].startswith("/") else f"/{found[2]}"
    if "#" in target or not (target.startswith("/") or (target == "*" and method == "OPTIONS")):
        raise Refused(400, "malformed request target")
    return target


def _length(read: dict[str, str], *, old: bool) -> int | None:
    """Bytes of the body; None: chunked. Raises Refused where two readers could disagree."""
    coding, length = read.get("transfer-encoding"), read.get("content-length", "")
    if coding is not None:
        if "content-length" in read or old or coding.lower() != "chunked":
            raise Refused(400, "transfer-encoding other than chunked, with a content-length, or in HTTP/1.0")
        return None
    if not (length.isascii() and length.isdigit() and len(length) <= 18):
        raise Refused(400, "content-length is no number")
    return int(length)


def _closes(connection: str, *, old: bool) -> bool:
    """Whether the connection ends with this exchange."""
    options = {option.strip(" \t").lower() for option in connection.split(",")}
    return "close" in options or (old and "keep-alive" not in options)


def _expects(expect: str, *, old: bool) -> bool:
    if old:
        return False
    if expect.lower() != "100-continue":
        raise Refused(417, "an expectation other than 100-continue")
    return True
