"""One connection: bytes in, requests out to the handler one after another, answers back, a deadline for every phase.

A connection has no timer: the listener's sweep calls expire() when the deadline has passed."""

import asyncio
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, cast

from router.events.http import Request
from router.web import answers, heads
from router.web.chunks import Chunks
from router.web.exchange import Exchange
from router.web.heads import Head
from router.web.refused import Refused

if TYPE_CHECKING:
    from router.web.listener import Listener

FOREVER: Final = float("inf")
HELD: Final = 64 * 1024  # bytes of later requests that are read ahead while one runs
TURN: Final = 256 * 1024  # bytes of a streamed answer that one turn of the loop may take: others want theirs


class Phase(Enum):
    """What a connection waits for."""

    IDLE = auto()  # the first byte of a request
    HEAD = auto()  # the end of its headers
    BODY = auto()  # the end of its body
    HANDLING = auto()  # the handler
    WRITING = auto()  # the client taking the answer
    LINGERING = auto()  # a refused client reading why
    CLOSED = auto()


# a member looked up on its class costs a quarter of a microsecond, a dozen times a request
IDLE, HEAD, BODY, HANDLING, WRITING, LINGERING, CLOSED = Phase

RECEIVING: Final = (IDLE, HEAD, BODY)


class Connection(asyncio.Protocol):
    """The protocol of one client; made by its Listener."""

    __slots__ = (
        "_body_began",
        "_buffer",
        "_chunks",
        "_drained",
        "_ended",
        "_head",
        "_held",
        "_limits",
        "_listener",
        "_paused",
        "_reader",
        "_seen",
        "_transport",
        "_turn",
        "deadline",
        "exchange",
        "keep",
        "peer",
        "phase",
        "port",
        "streaming",
    )

    def __init__(self, listener: "Listener") -> None:
        self._listener, self._limits = listener, listener.limits
        self._transport: asyncio.Transport  # set when the loop connects it, before anything else
        self._buffer = bytearray()
        self._reader = heads.Reader(self._limits)
        self._head: Head | None = None  # of the request whose body arrives
        self._chunks: Chunks | None = None
        self._body_began = 0.0
        self._seen = 0  # bytes of the buffer that were looked at for the end of a head
        self._turn = 0  # bytes written without a turn of the loop
        self._paused = False  # part of an answer waits for the client
        self._drained: asyncio.Future[None] | None = None
        self._held = False  # reading has stopped, because enough is read ahead
        self._ended = False  # the client will send no more
        self.exchange: Exchange | None = None  # the one whose answer is awaited
        self.streaming: Exchange | None = None  # the one whose answer is sent piece by piece
        self.keep = True  # another request may follow
        self.phase = IDLE
        self.deadline = FOREVER  # of the listener's clock
        self.peer, self.port = "", 0  # the client's address, our port

    # -- from the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or turn it away when there are too many."""
        self._transport = transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass
        transport.set_write_buffer_limits(0)  # pause_writing: something is not written yet; resume_writing: everything is
        peer, name = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if isinstance(peer, tuple) and isinstance(name, tuple):
            self.peer, self.port = peer[0].removeprefix("::ffff:"), name[1]
        self.deadline = self._listener.now() + self._limits.header
        reason = self._listener.admit(self)
        if reason and not transport.is_closing():
            self.refuse(Refused(503, reason))

    def data_received(self, data: bytes) -> None:
        """Read on, or hold what came early; what a refused client sends is thrown away."""
        phase = self.phase
        try:
            if phase is IDLE and not self._buffer:
                self._read_whole(data)
            elif phase in RECEIVING:
                self._buffer += data
                self._read()
            elif phase is not LINGERING:
                self._buffer += data
                if len(self._buffer) > HELD and not self._held:
                    self._held = True
                    self._transport.pause_reading()
        except Refused as refused:
            self.refuse(refused)

    def eof_received(self) -> bool:
        """The client sends no more; true keeps the connection open for its answer."""
        self._ended = True
        if self.phase in (HANDLING, WRITING):
            return True
        if self.phase in (HEAD, BODY):
            self.refuse(Refused(400, "the connection ended within a request"))
        return False

    def pause_writing(self) -> None:
        """Part of an answer is still here."""
        self._paused = True

    def resume_writing(self) -> None:
        """The client has taken everything."""
        self._paused = False
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_result(None)
        elif self.phase is WRITING:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; a running handler goes on."""
        self.phase = CLOSED
        self.deadline = FOREVER
        self.exchange = self._head = self._chunks = None
        self._buffer.clear()
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_exception(ConnectionResetError(f"the client has left: {exc}"))
        elif self.streaming is not None:
            self._listener.cancel(self.streaming)  # it waits for its next piece, perhaps for ever
        self._listener.forget(self)

    # -- from the listener

    def expire(self) -> None:
        """The deadline has passed."""
        phase = self.phase
        self._listener.count_deadline(phase.name.lower())
        if phase in (HEAD, BODY):
            self.refuse(Refused(408, f"the client took too long over its {phase.name.lower()}"))
        elif phase is IDLE:
            self._transport.close()
        else:
            self.abort()

    def drain(self) -> None:
        """Take no further request: idle connections close now, others after their answer."""
        self.keep = False
        if self.phase is IDLE:
            self._transport.close()
        elif self.phase in RECEIVING:
            self.deadline = min(self.deadline, self._listener.now() + self._limits.header)

    def abort(self) -> None:
        """Drop the client."""
        self._transport.abort()

    @property
    def left(self) -> bool:
        """Whether the client is gone."""
        return self.phase is CLOSED

    @property
    def holds(self) -> int:
        """Bytes kept for the client: of a body that arrives, of an answer that it does not take."""
        body = 0 if self._chunks is None else len(self._chunks.body)
        return len(self._buffer) + body + self._transport.get_write_buffer_size()

    # -- reading

    def _read(self) -> None:
        if self.phase is BODY:
            self._read_body()
        else:
            self._read_head()

    def _read_whole(self, data: bytes) -> None:
        """Nothing is buffered, and most requests come in one piece: no need to buffer them."""
        end = data.find(b"\r\n\r\n") + 4
        if end < 4 or data[0] == 0x0D:
            self._buffer += data
            self._read_head()
            return
        head = self._head_of(data[:end])
        if head.length == len(data) - end and head.length <= self._limits.body_bytes:
            self._start(head, data[end:])
        else:
            self._buffer += data[end:]
            self._begin_body(head)

    def _read_head(self) -> None:
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):  # RFC 9112, 2.2: tolerated before a request
            del buffer[:2]
            self._seen = 0
        end = buffer.find(b"\r\n\r\n", max(self._seen - 3, 0)) + 4
        if end < 4:
            if buffer and buffer != b"\r" and self.phase is IDLE:
                self.phase = HEAD
                self.deadline = self._listener.now() + self._limits.header
            heads.check_partial(buffer, self._limits, self._seen)
            self._seen = len(buffer)
            return
        self._seen = 0
        raw = bytes(memoryview(buffer)[:end])
        del buffer[:end]
        self._begin_body(self._head_of(raw))

    def _head_of(self, raw: bytes) -> Head:
        head = self._reader.read(raw)
        self._listener.check_host(head.host)
        self.keep = self.keep and not head.close
        return head

    def _taken(self, size: int) -> bytes:
        """Take *size* bytes from the buffer."""
        if not size:
            return b""
        body = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return body

    def _begin_body(self, head: Head) -> None:
        limit = self._limits.body_bytes
        if head.length is None or head.length > len(self._buffer):
            limit = min(limit, self._listener.room(head, self.peer))
        if head.length is not None and head.length > limit:
            raise Refused(413, f"body over {limit} bytes")
        self.phase = BODY
        self._head = head
        self._chunks = Chunks(limit) if head.length is None else None
        self._body_began = self._listener.now()
        if head.expects and head.length != 0 and not self._buffer:
            self._transport.write(answers.CONTINUE)
        self._read_body()

    def _read_body(self) -> None:
        head, buffer = self._head, self._buffer
        assert head is not None
        if self._chunks is not None:
            if self._chunks.feed(buffer):
                return self._start(head, bytes(self._chunks.body))
            received = len(self._chunks.body)
        else:
            assert head.length is not None
            received = len(buffer)
            if received >= head.length:
                return self._start(head, self._taken(head.length))
        limits = self._limits
        self.deadline = self._body_began + min(limits.body, limits.body_grace + received / limits.body_rate)
        return None

    def _start(self, head: Head, body: bytes) -> None:
        """Hand a complete request to the handler."""
        self.phase = HANDLING
        self.deadline = FOREVER
        self._head = self._chunks = None
        exchange = self.exchange = Exchange(self, self._listener, head)
        method, target, version, headers, host, _, _, _, raw_headers = head
        request = Request(method, target, headers, body, self.peer, host, self.port, version, "http", exchange.answer, raw_headers)
        self._listener.begin(exchange, request)

    # -- writing

    async def write(self, data: bytes) -> None:
        """Write a piece of an answer and wait until the client has taken it. Raises ConnectionResetError."""
        if self.left:
            raise ConnectionResetError("the client has left")
        self.phase = WRITING
        self._transport.write(data)
        if not self._paused:
            self._turn += len(data)
            if self._turn >= TURN:
                self._turn = 0
                await asyncio.sleep(0)
            return
        self._turn = 0
        self.deadline = self._listener.now() + self._limits.write
        self._drained = asyncio.get_running_loop().create_future()
        try:
            await self._drained
        finally:
            self._drained = None
            self.deadline = FOREVER

    def finish(self, *pieces: bytes) -> None:
        """Write the last of an answer."""
        self.phase = WRITING
        for piece in pieces:
            self._transport.write(piece)
        if self._paused:
            self.deadline = self._listener.now() + self._limits.write
        else:
            self._next()

    def _next(self) -> None:
        """The answer is out: read the next request, or close."""
        if not self.keep or (self._ended and not self._buffer):
            self._leave()
            return
        self.phase = IDLE
        self.deadline = self._listener.now() + self._limits.idle
        self._resume()
        if self._buffer:
            try:
                self._read()
            except Refused as refused:
                self.refuse(refused)
            if self._ended and self.phase in RECEIVING:
                self.refuse(Refused(400, "the connection ended within a request"))

    def refuse(self, refused: Refused) -> None:
        """Answer with the refusal's status and end the connection."""
        self._listener.count_refusal(refused)
        response = self._listener.refusal(refused.status)
        assert isinstance(response.body, bytes)
        self._transport.write(answers.framed(response, at=self._listener.wall(), close=True, old=False).head + response.body)
        self._leave(unread=True)

    def _leave(self, *, unread: bool = False) -> None:
        """Close; but first let the client read its answer, when closing over unread input would reset the connection."""
        unread = (unread or bool(self._buffer)) and not self._ended
        self._buffer.clear()
        self._head = self._chunks = None
        self.phase = LINGERING
        self.deadline = self._listener.now() + self._limits.linger
        if not unread:
            self._transport.close()
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._resume()

    def _resume(self) -> None:
        if self._held:
            self._held = False
            self._transport.resume_reading()
