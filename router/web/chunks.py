"""The chunked framing of a request's body, RFC 9112, 7.1. Pure.

Stricter than it: no chunk extensions, line ends are CRLF, and a budget for everything that is not body."""

import re
from typing import Final

from router.web.refused import Refused

SIZE: Final = re.compile(rb"[0-9A-Fa-f]{1,8}")
TRAILER: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\x20-\x7e\x80-\xff\t]*")
NO_TRAILERS: Final = frozenset((b"content-length", b"host", b"transfer-encoding"))  # RFC 9110, 6.5.1; who merges them reads another request
OVERHEAD: Final = 64 * 1024  # bytes of chunk framing beyond the body's own size that are borne


class Chunks:
    """Takes the chunked framing off a body as it arrives."""

    __slots__ = ("_left", "_limit", "_size", "_trailer_bytes", "_trailers", "_wire", "body", "trailers")

    def __init__(self, limit: int, trailer_bytes: int) -> None:
        """Bytes of the body, and of its trailers, at most."""
        self.body = bytearray()
        self.trailers: list[tuple[str, str]] = []  # names lower-case
        self._limit, self._trailer_bytes = limit, trailer_bytes
        self._size = 0  # bytes of body so far, those that were taken away too
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
        if not SIZE.fullmatch(line):
            raise Refused(400, "malformed chunk size, or a chunk extension")
        size = int(line, 16)
        self._wire += len(line) + 4
        if self._wire > self._size + OVERHEAD:
            raise Refused(400, "more chunk framing than body")
        if self._size + size > self._limit:
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
            self._size += taken
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
        """Trailer fields are kept for whoever knows what to do with them; no event has a place for them."""
        while (line := _line(buffer, self._trailer_bytes)) is not None:
            if not line:
                return True
            self._trailers += len(line)
            found = TRAILER.fullmatch(line)
            if self._trailers > self._trailer_bytes or found is None or found[1].lower() in NO_TRAILERS:
                raise Refused(400, "malformed, oversized or misplaced trailer")
            self.trailers.append((found[1].decode().lower(), line[found.end(1) + 1 :].decode("latin-1").strip(" \t")))
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
