"""The body of a signed request: whole with its hash, or aws-chunked with signatures, trailers, or both.

Pure and incremental: bytes in as they come, the object's own bytes out. They must not count before finish() returned.
Sources: S3 API reference, "Signature calculations for the Authorization header: transferring payload in multiple chunks"
and "including trailing headers". HTTP's own chunked encoding is the listener's and has been taken off before."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple

from router.iam.auth_errors import AuthFailure, Flaw
from router.iam.canonical import EMPTY_SHA256
from router.iam.claims import ALGORITHM
from router.iam.sigv4 import UNSIGNED_PAYLOAD, Verified, digest

STREAMING: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_TRAILER: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SMALLEST: Final = 8192  # bytes of a signed chunk that is not the last
LINE: Final = 1024  # bytes of a chunk's head
TRAILERS: Final = 4096  # bytes of all trailers
SIZE_DIGITS: Final = 12

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_HEAD: Final = re.compile(rb"([0-9A-Fa-f]{1,%d})(?:;chunk-signature=([0-9a-f]{64}))?" % SIZE_DIGITS)
_TRAILER: Final = re.compile(rb"([A-Za-z0-9-]{1,64}):([\x20-\x7e]{0,512})")
_SIGNATURE: Final = "x-amz-trailer-signature"


class Mode(NamedTuple):
    """How a body is sent."""

    chunked: bool = False
    signed: bool = False  # its chunks are
    trailer: bool = False
    sha256: str = ""  # of a body that is whole; "": unchecked


MODES: Final = {
    UNSIGNED_PAYLOAD: Mode(),
    STREAMING: Mode(chunked=True, signed=True),
    STREAMING_TRAILER: Mode(chunked=True, signed=True, trailer=True),
    UNSIGNED_TRAILER: Mode(chunked=True, trailer=True),
}


def mode_of(payload: str) -> Mode:
    """What x-amz-content-sha256 says of a body. Raises AuthFailure."""
    if _HASH.fullmatch(payload):
        return Mode(sha256=payload)
    if payload not in MODES:
        raise AuthFailure(Flaw.UNSUPPORTED_PAYLOAD)
    return MODES[payload]


class Whole:
    """A body that is not chunked: passed on and hashed."""

    def __init__(self, mode: Mode) -> None:
        self._expected = mode.sha256
        self._hash = hashlib.sha256() if mode.sha256 else None

    def feed(self, data: bytes) -> bytes:
        """The same bytes."""
        if self._hash is not None:
            self._hash.update(data)
        return data

    def finish(self) -> dict[str, str]:
        """No trailers. Raises AuthFailure when the body is not the one that was signed."""
        if self._hash is not None and not hmac.compare_digest(self._hash.hexdigest(), self._expected):
            raise AuthFailure(Flaw.BAD_PAYLOAD)
        return {}


class Chunked:
    """An aws-chunked body. A state machine: head → data → end → head …, last head → trailers → done."""

    def __init__(self, verified: Verified, mode: Mode, *, length: int, trailers: Iterable[str] = ()) -> None:
        """*length*: x-amz-decoded-content-length; *trailers*: the names in x-amz-trailer, lower-case."""
        self._verified, self._mode, self._expected = verified, mode, length
        self._announced = frozenset(trailers)
        self._state: Literal["head", "data", "end", "trailers", "done"] = "head"
        self._held = bytearray()
        self._previous = verified.signed.signature
        self._length = self._left = 0
        self._claimed = ""
        self._small = False  # a chunk below SMALLEST was seen: only the last may be
        self._hash: Any = None
        self._found: dict[str, str] = {}
        self._trailing = 0  # bytes of trailers

    def feed(self, data: bytes) -> bytes:
        """The object's bytes in *data*. Raises AuthFailure at the first chunk that is wrong, and for what comes behind the last."""
        self._held += data
        out = bytearray()
        while self._step(out):
            pass
        if self._state == "done" and self._held:
            raise AuthFailure(Flaw.INCOMPLETE)  # held until finish() it would be as large as the client likes
        return bytes(out)

    def finish(self) -> dict[str, str]:
        """The trailers, lower-case, without the signature. Raises AuthFailure unless the whole body was there."""
        if self._state != "done":
            raise AuthFailure(Flaw.INCOMPLETE)
        if self._length != self._expected:
            raise AuthFailure(Flaw.INCOMPLETE)
        if self._mode.trailer and self._announced != self._found.keys():
            raise AuthFailure(Flaw.BAD_CHUNK, "The trailers are not those that x-amz-trailer announced")
        return self._found

    def _step(self, out: bytearray) -> bool:
        """One step; whether there may be another."""
        if self._state == "data":
            return self._data(out)
        if self._state == "done":
            return False
        line = self._line(TRAILERS if self._state == "trailers" else LINE)
        if line is None:
            return False
        {"head": self._head, "end": self._end, "trailers": self._trailer}[self._state](line)
        return True

    def _line(self, limit: int) -> bytes | None:
        """The next line without its end; None while it is not whole."""
        end = self._held.find(b"\r\n", 0, limit + 2)
        if end < 0:
            if len(self._held) > limit:
                raise AuthFailure(Flaw.BAD_CHUNK, "A chunk's head is too long")
            return None
        line = bytes(self._held[:end])
        del self._held[: end + 2]
        return line

    def _head(self, line: bytes) -> None:
        found = _HEAD.fullmatch(line)
        if not found or bool(found[2]) != self._mode.signed:
            raise AuthFailure(Flaw.BAD_CHUNK, "A chunk's head is malformed")
        self._left = int(found[1], 16)
        self._claimed = (found[2] or b"").decode()
        if self._left and self._small and self._mode.signed:
            raise AuthFailure(Flaw.BAD_CHUNK, f"Only the last chunk may be smaller than {SMALLEST} bytes")
        self._small = self._left < SMALLEST
        self._length += self._left
        if self._length > self._expected:
            raise AuthFailure(Flaw.INCOMPLETE)
        self._hash = hashlib.sha256() if self._mode.signed else None
        if self._left:
            self._state = "data"
        else:
            self._check()
            self._state = "trailers"

    def _data(self, out: bytearray) -> bool:
        taken = bytes(self._held[: self._left])
        del self._held[: len(taken)]
        self._left -= len(taken)
        if self._hash is not None:
            self._hash.update(taken)
        out += taken
        if not self._left:
            self._state = "end"
        return bool(taken) or not self._left

    def _end(self, line: bytes) -> None:
        if line:
            raise AuthFailure(Flaw.BAD_CHUNK, "A chunk is longer than its head says")
        self._check()
        self._state = "head"

    def _check(self) -> None:
        """The signature of the chunk that is whole now."""
        if not self._mode.signed:
            return
        self._agree(f"{ALGORITHM}-PAYLOAD", f"{EMPTY_SHA256}\n{self._hash.hexdigest()}", self._claimed)

    def _agree(self, algorithm: str, about: str, claimed: str) -> None:
        signed = self._verified.signed
        expected = digest(self._verified.key, f"{algorithm}\n{signed.at}\n{signed.scope}\n{self._previous}\n{about}")
        if not hmac.compare_digest(expected, claimed):
            raise AuthFailure(Flaw.BAD_CHUNK)
        self._previous = expected

    def _trailer(self, line: bytes) -> None:
        """A trailer, or the empty line behind the last."""
        if not line:
            self._ended()
            return
        found = _TRAILER.fullmatch(line)
        if not found or not self._mode.trailer:
            raise AuthFailure(Flaw.BAD_CHUNK, "A trailer is malformed, or none was announced")
        name = found[1].decode().lower()
        self._trailing += len(line)
        if name in self._found or _SIGNATURE in self._found or self._trailing > TRAILERS:
            raise AuthFailure(Flaw.BAD_CHUNK, "A trailer stands there twice, behind the signature, or they are too long")
        self._found[name] = found[2].decode().strip()

    def _ended(self) -> None:
        claimed = self._found.pop(_SIGNATURE, "")
        if self._mode.signed and self._mode.trailer:
            text = "".join(f"{name}:{value}\n" for name, value in sorted(self._found.items()))
            self._agree(f"{ALGORITHM}-TRAILER", hashlib.sha256(text.encode()).hexdigest(), claimed)
        elif claimed:
            raise AuthFailure(Flaw.BAD_CHUNK, "A trailer's signature where nothing is signed")
        self._state = "done"


Body = Whole | Chunked


def body_of(verified: Verified, headers: Iterable[tuple[str, str]]) -> Body:
    """The body that a verified request announces. Raises AuthFailure."""
    mode = mode_of(verified.payload)
    if not mode.chunked:
        return Whole(mode)
    found = dict(headers)
    length = found.get("x-amz-decoded-content-length", "")
    if not re.fullmatch(r"[0-9]{1,15}", length):
        raise AuthFailure(Flaw.INCOMPLETE, "x-amz-decoded-content-length is missing or no number")
    names = [name.strip().lower() for name in found.get("x-amz-trailer", "").split(",") if name.strip()]
    return Chunked(verified, mode, length=int(length), trailers=names)
