"""The bytes that one client sends, on their way to requests, one at a time and in order.

Pure: knows no socket and no clock. Who is to be served, and how large a body may be, the owner says."""

from collections.abc import Callable
from typing import Final

from router.events.http import Headers
from router.web import heads
from router.web.chunks import Chunks
from router.web.heads import Head
from router.web.limits import Limits
from router.web.refused import Refused

ENDLESS: Final = 2**62  # bytes of a body that nobody keeps


class Incoming:
    """What came of a connection and is not a request yet."""

    __slots__ = (
        *("_buffer", "_check", "_chunks", "_left", "_limits", "_reader", "_room", "_seen", "_streams"),
        *("ahead", "head", "streaming", "trailers"),
    )

    def __init__(
        self,
        limits: Limits,
        check: Callable[[str], None] | None,
        room: Callable[[Head], int],
        streams: Callable[[Head], bool] | None = None,
    ) -> None:
        """*check*: raises Refused for a Host that is not served; None: all are. *room*: bytes that a body still to come may have; may raise it too.

        *streams*: whether a body that did not come with its head is given out as it arrives; None: none is."""
        self._limits, self._check, self._room, self._streams = limits, check, room, streams
        self._reader = heads.Reader(limits)
        self._buffer = bytearray()
        self._seen = 0  # bytes of the buffer that were looked at for the end of a head
        self._chunks: Chunks | None = None
        self.head: Head | None = None  # of the request whose body arrives
        self.trailers: Headers = ()  # of the last chunked body
        self.ahead = False  # some of that body came with its head: the client does not wait for 100 Continue
        self.streaming = False  # that body is given out by more(), its request was given out without it
        self._left = 0  # bytes of it still to come, where its length is known

    def feed(self, data: bytes) -> tuple[Head, bytes] | None:
        """Take what came: a head and its body when a request is whole, None while none is. Raises Refused."""
        if self._buffer or self.head is not None:
            self._buffer += data
            return self.next()
        return self._whole(data)

    def hold(self, data: bytes) -> int:
        """Take what came before its time; how many bytes wait now."""
        self._buffer += data
        return len(self._buffer)

    def next(self) -> tuple[Head, bytes] | None:
        """The next request of what is here already. Raises Refused."""
        return self._read_head() if self.head is None else self._read_body(self.head)

    def more(self, data: bytes = b"") -> bytes:
        """What there is of the streamed body; at its end *streaming* is over, and what came behind it waits. Raises Refused."""
        if self._chunks is not None:
            self._buffer += data
            ended = self._chunks.feed(self._buffer)
            taken = bytes(self._chunks.body)
            self._chunks.body.clear()
        else:
            taken, ended = self._counted(data)
        if ended:
            if self._chunks is not None:
                self.trailers = self._chunks.trailers
            self.head = self._chunks = None
            self.streaming = False
        return taken

    def _counted(self, data: bytes) -> tuple[bytes, bool]:
        """Of a body whose length is known: what is here, uncopied where it can be, and whether it ended."""
        if self._buffer:
            self._buffer += data
            data = bytes(memoryview(self._buffer)[: self._left])
            del self._buffer[: len(data)]
        elif len(data) > self._left:
            self._buffer += data[self._left :]
            data = data[: self._left]
        self._left -= len(data)
        return data, not self._left

    def take(self) -> bytes:
        """Some of the body that arrives, before its end; it is no part of what comes later."""
        if self.head is None:
            return b""
        if self._chunks is not None:
            taken = bytes(self._chunks.body)
            self._chunks.body.clear()
        else:
            taken = bytes(self._buffer)
            self._buffer.clear()
            self.head = self.head._replace(length=(self.head.length or 0) - len(taken))
        return taken

    def clear(self) -> None:
        """Forget everything."""
        self._buffer.clear()
        self.head = self._chunks = None
        self.streaming = False

    def empty(self) -> bool:
        """Whether nothing is here."""
        return not self._buffer and self.head is None

    @property
    def begun(self) -> bool:
        """Whether what is here is the start of a head, and not of an empty line in front of one."""
        return bool(self._buffer) and self._buffer != b"\r"

    @property
    def received(self) -> int:
        """Bytes of the body so far."""
        return len(self._buffer) if self._chunks is None else len(self._chunks.body)

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return len(self._buffer) + (0 if self._chunks is None else len(self._chunks.body))

    def _whole(self, data: bytes) -> tuple[Head, bytes] | None:
        """Most requests come in one piece, which needs no buffer."""
        end = data.find(b"\r\n\r\n") + 4
        if end < 4 or data[0] == 0x0D:
            self._buffer += data
            return self._read_head()
        head = self._reader.read(data[:end])
        if self._check is not None:
            self._check(head.host)
        length = head.length
        if length == len(data) - end and length <= self._limits.body_bytes:
            return head, data[end:]
        self._buffer += data[end:]
        return self._begin_body(head)

    def _read_head(self) -> tuple[Head, bytes] | None:
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):  # RFC 9112, 2.2: tolerated before a request
            del buffer[:2]
            self._seen = 0
        end = buffer.find(b"\r\n\r\n", max(self._seen - 3, 0)) + 4
        if end < 4:
            heads.check_partial(buffer, self._limits, self._seen)
            self._seen = len(buffer)
            return None
        self._seen = 0
        raw = bytes(memoryview(buffer)[:end])
        del buffer[:end]
        head = self._reader.read(raw)
        if self._check is not None:
            self._check(head.host)
        return self._begin_body(head)

    def _begin_body(self, head: Head) -> tuple[Head, bytes] | None:
        limit = self._limits.body_bytes
        self.ahead = bool(self._buffer)
        if self._streams is not None and head.length != 0 and self._streams(head):
            return self._begin_stream(head)
        if head.length is None or head.length > len(self._buffer):
            limit = min(limit, self._room(head))
        if head.length is not None and head.length > limit:
            raise Refused(413, f"body over {limit} bytes")
        self.head = head
        self._chunks = Chunks(limit, self._limits.trailer_bytes) if head.length is None else None
        return self._read_body(head)

    def _begin_stream(self, head: Head) -> tuple[Head, bytes]:
        """How much of it is too much is the reader's to say: nothing is kept."""
        self.head, self.streaming, self._left = head, True, head.length or 0
        self._chunks = Chunks(ENDLESS, self._limits.trailer_bytes) if head.length is None else None
        return head, b""

    def _read_body(self, head: Head) -> tuple[Head, bytes] | None:
        if self._chunks is not None:
            if not self._chunks.feed(self._buffer):
                return None
            body, self.trailers = bytes(self._chunks.body), self._chunks.trailers
        else:
            size = head.length
            assert size is not None
            if len(self._buffer) < size:
                return None
            body = bytes(memoryview(self._buffer)[:size])
            del self._buffer[:size]
        self.head = self._chunks = None
        return head, body
