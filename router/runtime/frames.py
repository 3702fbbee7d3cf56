"""The wire format between the daemon and a worker: length-prefixed frames over a pipe each way.

Pure and standard library only: the worker imports it too. A frame is a fixed header, then *meta* (small, JSON or a
name), then *body* (an event, a result, an error object: bytes that neither side copies into anything else)."""

import struct
from typing import Final, NamedTuple

INVOKE: Final = 1  # daemon → worker; meta: a JSON list of id, arn, ms, trace, client, stream; body: the event
READY: Final = 2  # worker → daemon: initialised
RESULT: Final = 3  # body: the result
ERROR: Final = 4  # meta: errorType; body: the error object
INIT_ERROR: Final = 5  # as ERROR, instead of READY; the worker exits after it
OVERSIZED: Final = 6  # the result was over RESPONSE_LIMIT and stayed in the worker; after BEGIN: the answer was over the limit of streams
BEGIN: Final = 7  # an answer to be streamed begins, in place of RESULT; meta: its content type
PIECE: Final = 8  # body: some of it
END: Final = 9  # it is complete
BROKEN: Final = 10  # as ERROR, instead of END
NO_PROGRAM: Final = 11  # instead of READY: there is nothing to start; meta: errorType; body: why, a text
FATAL: Final = 12  # as ERROR or, after BEGIN, as BROKEN; the worker exits after it

PARTS: Final = (BEGIN, PIECE)
ERRORS: Final = (ERROR, BROKEN, FATAL)
ANSWERS: Final = (RESULT, ERROR, OVERSIZED, END, BROKEN, FATAL)  # what ends an invocation

RESPONSE_LIMIT: Final = 6 * 1024 * 1024 + 100  # bytes; router.model has the same number for the daemon's floors
META_LIMIT: Final = 1024 * 1024  # bytes; a client context is the largest thing in it
_HEADER: Final = struct.Struct("!BIII")  # kind, memory in KiB, bytes of meta, bytes of body
HEADER_SIZE: Final = _HEADER.size
PIECE_SIZE: Final = 65536 - HEADER_SIZE  # bytes of a PIECE at most: with its head, what a pipe holds and one read takes
_JOIN_UNDER: Final = 65536  # bytes; below this one copy is cheaper than a second system call


class FrameError(ValueError):
    """Bytes that are no frame of ours: the environment is broken."""


class Frame(NamedTuple):
    """One message."""

    kind: int
    meta: bytes = b""
    body: bytes = b""
    memory: int = 0  # KiB, the worker's high-water mark so far


def encode(kind: int, meta: bytes = b"", body: bytes = b"", memory: int = 0) -> list[bytes]:
    """A frame as buffers to send one after another: one when it is small, else two, so that a large body is not copied."""
    size = len(body)
    head = _HEADER.pack(kind, memory, len(meta), size)
    return [b"".join((head, meta, body))] if size < _JOIN_UNDER else [head + meta, body]


def first(data: bytes) -> tuple[Frame, bytes] | None:
    """The frame that *data* begins with, and what follows it, which need not be frames; None while it is incomplete."""
    if len(data) < HEADER_SIZE:
        return None
    kind, memory, meta, body = _HEADER.unpack_from(data)
    start, end = HEADER_SIZE + meta, HEADER_SIZE + meta + body
    return (Frame(kind, data[HEADER_SIZE:start], data[start:end], memory), data[end:]) if len(data) >= end else None


def is_ready(frame: Frame) -> bool:
    """Whether a worker says that it is ready; with anything besides, none of ours does: a function writes to its pipe."""
    return frame.kind == READY and not frame.meta and not frame.body


class Decoder:
    """Frames out of a stream of chunks, cut anywhere. Holds one unfinished frame at most."""

    def __init__(self, body_limit: int) -> None:
        self._body_limit = body_limit
        self._held = bytearray()
        self._need = HEADER_SIZE

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that *chunk* completes. Raises FrameError."""
        size = len(chunk)
        if size >= HEADER_SIZE and not self._held:
            kind, memory, meta, body = _HEADER.unpack_from(chunk)
            start = HEADER_SIZE + meta
            if start + body == size and INVOKE <= kind <= FATAL and meta <= META_LIMIT and body <= self._body_limit:
                # the warm path: one chunk, one frame
                return [tuple.__new__(Frame, (kind, chunk[HEADER_SIZE:start], chunk[start:], memory))]
        self._held += chunk
        frames = []
        while len(self._held) >= self._need:
            kind, memory, meta, body = self._header(self._held)
            start = HEADER_SIZE + meta
            if len(self._held) < start + body:
                self._need = start + body
                break
            frames.append(Frame(kind, bytes(self._held[HEADER_SIZE:start]), bytes(self._held[start : start + body]), memory))
            del self._held[: start + body]
            self._need = HEADER_SIZE
        return frames

    def _header(self, data: bytes | bytearray) -> tuple[int, int, int, int]:
        kind, memory, meta, body = _HEADER.unpack_from(data)
        if not INVOKE <= kind <= FATAL or meta > META_LIMIT or body > self._body_limit:
            raise FrameError(f"not a frame: kind {kind}, {meta} bytes of meta, {body} bytes of body")
        return kind, memory, meta, body
