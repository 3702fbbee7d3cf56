"""One connection: bytes in, requests out to the handler one after another, answers back, a deadline for every phase.

A connection has no timer: the listener's sweep calls expire() when the deadline has passed."""

import asyncio
import select
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, cast

from router.events.http import Request
from router.web import answers
from router.web.body import HIGH, Body, BodyBroken
from router.web.exchange import Exchange
from router.web.heads import Head
from router.web.incoming import Incoming
from router.web.refused import Refused

if TYPE_CHECKING:
    from router.web.listener import Listener

FOREVER: Final = float("inf")
HELD: Final = 64 * 1024  # bytes of later requests that are read ahead while one runs
LAST: Final = 2.0  # seconds, while draining, for a request that is on its way: TCP sends a lost segment again after one
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


PIECE: Final = 16 * 1024  # bytes; what arrives in smaller ones is looked at with the deadlines


class Connection(asyncio.Protocol):
    """The protocol of one client; made by its Listener."""

    __slots__ = (
        "_asked",
        "_body",
        "_body_began",
        "_drained",
        "_held",
        "_incoming",
        "_limits",
        "_listener",
        "_paused",
        "_transport",
        "_turn",
        "_unsent",
        "_waited",
        "deadline",
        "ended",
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
        self._incoming: Incoming  # so is this
        self._body_began = 0.0  # of a streamed body: when its reader began to wait for the client
        self._body: Body | None = None  # the streamed one that arrives
        self._waited = 0.0  # seconds that its reader has waited for the client
        self._turn = 0  # bytes written without a turn of the loop
        self._paused = False  # part of an answer waits for the client
        self._unsent = 0  # bytes of that answer, or of the piece: the transport keeps all of it until the last of it is out
        self._drained: asyncio.Future[None] | None = None
        self._held = False  # reading has stopped, because enough is read ahead
        self._asked = False  # a request has come whole
        self.exchange: Exchange | None = None  # the one whose answer is awaited
        self.streaming: Exchange | None = None  # the one whose answer is sent piece by piece
        self.ended = False  # the client will send no more
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
        listener, address = self._listener, self.peer
        self._incoming = Incoming(
            self._limits, listener.check_host if listener.hosts else None, lambda head: listener.room(head, address), listener.streams
        )
        self.deadline = listener.now() + self._limits.header
        reason = listener.admit(self)
        if reason and not transport.is_closing():
            self.refuse(Refused(503, reason))

    def data_received(self, data: bytes) -> None:
        """Read on, or hold what came early; what a refused client sends is thrown away."""
        if len(data) >= PIECE:
            self._listener.keeps(len(data))
        if self.phase in RECEIVING:
            self._receive(data)
        elif self._body is not None and self._incoming.streaming:
            self._pass_on(self._body, data)
        elif self.phase is not LINGERING and self._incoming.hold(data) > HELD and not self._held:
            self._held = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The client sends no more; true keeps the connection open for its answer."""
        self.ended = True
        self._cut_off()
        if self.phase in (HANDLING, WRITING):
            return True
        if self.phase in RECEIVING:
            self._end_early()
        return False

    def pause_writing(self) -> None:
        """Part of an answer is still here."""
        self._paused = True

    def resume_writing(self) -> None:
        """The client has taken everything."""
        self._paused = False
        self._unsent = 0
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_result(None)
        elif self.phase is WRITING:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; a running handler goes on."""
        self.phase = CLOSED
        self.deadline = FOREVER
        self.exchange = None
        self._incoming.clear()
        if self._body is not None:
            self._body.fail(BodyBroken("left", "the client left within a body"))
            self._body = None
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_exception(ConnectionResetError(f"the client has left: {exc}"))
        elif self.streaming is not None:
            self._listener.cancel(self.streaming)  # it waits for its next piece, perhaps for ever
        self._listener.forget(self)

    # -- from the listener

    def expire(self) -> None:
        """The deadline has passed; not for who has sent in time what the loop had no turn to read."""
        phase = self.phase
        if phase is IDLE and self._unread():
            return
        if phase is HANDLING and self._body is not None:
            self._listener.count_deadline("body")
            self._break(BodyBroken("slow", "the client took too long over its body"))
            return
        self._listener.count_deadline(phase.name.lower())
        if phase in (HEAD, BODY):
            self.refuse(Refused(408, f"the client took too long over its {phase.name.lower()}"))
        elif phase is IDLE:
            self._transport.close()
        else:
            self.abort()

    def drain(self) -> None:
        """Take no request but the one that comes: idle connections close now, others after their answer.

        Who has connected and not asked yet would not ask again elsewhere, as one does whose connection was kept open."""
        self.keep = False
        if self.phase is IDLE and self._asked and not self._unread():
            self._transport.close()
        elif self.phase is IDLE:
            self.deadline = min(self.deadline, self._listener.now() + LAST)
        elif self.phase in RECEIVING:
            self.deadline = min(self.deadline, self._listener.now() + self._limits.header)

    def _unread(self) -> bool:
        """Whether the client has sent what the loop has not read yet."""
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

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
        waiting = 0 if self._body is None else self._body.size
        return self._incoming.size + waiting + self._unsent

    # -- reading

    def _receive(self, data: bytes = b"") -> None:
        """Take what came, or what is here already, and start the next request when it is whole."""
        try:
            found = self._incoming.feed(data) if data else self._incoming.next()
            if found is not None:
                self._start(*found)
            elif self._incoming.head is not None:
                self._await_body(self._incoming.head)
            elif self.phase is IDLE and self._incoming.begun:
                self.phase = HEAD
                self.deadline = self._listener.now() + self._limits.header
        except Refused as refused:
            self.refuse(refused)

    def _await_body(self, head: Head) -> None:
        """Some of a body is still to come: it has its time, and then a pace."""
        if self.phase is not BODY:
            self.phase = BODY
            self._body_began = self._listener.now()
            if head.expects and not self._incoming.ahead:
                self._transport.write(answers.CONTINUE)
        limits = self._limits
        self.deadline = self._body_began + min(limits.body, limits.body_grace + self._incoming.received / limits.body_rate)

    def _start(self, head: Head, body: bytes) -> None:
        """Hand a complete request to the handler."""
        self.phase = HANDLING
        self._asked = True
        self.deadline = FOREVER
        method, target, version, headers, host, _, close, expects, raw_headers, learned = head
        exchange = self.exchange = Exchange(self, self._listener, method, version)
        if close:
            self.keep = False
        request = tuple.__new__(
            Request,
            (method, target, headers, body, self.peer, host, self.port, version, "http", exchange, raw_headers, None, learned),
        )
        if self._incoming.streaming:
            request = request._replace(stream=self._stream())
        elif expects and head.length == 0:
            self._transport.write(answers.CONTINUE)  # botocore takes an answer without it for that of its next request too
        self._listener.runners.begin(exchange, request)

    # -- a body that is handed over as it arrives

    def _stream(self) -> Body:
        """The body of the request that starts; what came of it with its head is in it."""
        body = self._body = Body(self._ask_on)
        self._waited = 0.0
        self._pass_on(body, b"")
        return body

    def _pass_on(self, body: Body, data: bytes) -> None:
        """Some of it came: its reader gets it, and the client has to wait when that reader is behind."""
        try:
            body.put(self._incoming.more(data))
        except Refused as refused:
            self._break(BodyBroken("malformed", refused.told))
            return
        if not self._incoming.streaming:
            body.end()
        elif body.size >= HIGH and not self._held:
            self._held = True
            self._transport.pause_reading()
        if body.hungry and data:
            self._pace(body)

    def _ask_on(self) -> None:
        """The reader takes what is here, or waits for the client."""
        body, head = self._body, self._incoming.head
        if body is None or not self._incoming.streaming or self.left:
            return
        self._resume()
        if not body.hungry:
            return
        if head is not None and head.expects and not self._incoming.ahead:
            self._incoming.ahead = True
            self._transport.write(answers.CONTINUE)
        self._body_began = self._listener.now()
        self._pace(body)

    def _pace(self, body: Body) -> None:
        """A client that is waited for has its time, and a pace on the whole; while its reader is behind it has all the time."""
        now, limits = self._listener.now(), self._limits
        self._waited += now - self._body_began
        self._body_began = now
        if body.size or body.whole:
            self.deadline = FOREVER
        else:
            self.deadline = now + max(0.0, min(limits.body, limits.body_grace + body.received / limits.body_rate - self._waited))

    def _break(self, broken: BodyBroken) -> None:
        """The body never ends, and nothing that comes after it can be understood."""
        self.keep = False
        self.deadline = FOREVER
        self._incoming.streaming = False
        if self._body is not None:
            self._body.fail(broken)

    def end_body(self) -> None:
        """The answer begins: what was not read of the body by now is not read any more."""
        if self._body is None:
            return
        if not self._body.whole:
            self._break(BodyBroken("left", "the request was answered within its body"))
        self._body = None
        self.deadline = FOREVER

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
        self._keep(len(data))
        self.deadline = self._listener.now() + self._limits.write
        self._drained = asyncio.get_running_loop().create_future()
        try:
            await self._drained
        finally:
            self._drained = None
            self.deadline = FOREVER

    def _keep(self, size: int) -> None:
        """Part of what was written is still here."""
        self._unsent = size
        self._listener.keeps(size)

    def finish(self, last: bytes, rest: bytes = b"") -> None:
        """Write the last of an answer; *rest*: the last of all."""
        if self.phase is CLOSED:
            return
        self.phase = WRITING
        self._transport.write(last)
        if rest:
            self._transport.write(rest)
        if self._paused:
            self.deadline = self._listener.now() + self._limits.write
            self._keep(len(last) + len(rest))
        else:
            self._next()

    def _next(self) -> None:
        """The answer is out: read the next request, or close."""
        if not self.keep or (self.ended and self._incoming.empty()):
            self._leave()
            return
        self.phase = IDLE
        self.deadline = self._listener.now() + self._limits.idle
        if self._held:
            self._resume()
        if not self._incoming.empty():
            self._receive()
            if self.ended:
                self._cut_off()
                if self.phase in RECEIVING:
                    self._end_early()

    def _cut_off(self) -> None:
        """The client has sent all it will: a body that is handed over as it arrives and is not whole by now never is."""
        if self._body is not None and not self._body.whole:
            self._break(BodyBroken("left", "the connection ended within a body"))

    def _end_early(self) -> None:
        """The client has sent all it will: a request that is not whole by now never is."""
        if self.phase is IDLE:
            self._leave()
        else:
            self.refuse(Refused(400, "the connection ended within a request"))

    def refuse(self, refused: Refused) -> None:
        """Answer with the refusal's own response, or one of its status, and end the connection."""
        self._listener.count_refusal(refused)
        response = refused.response or self._listener.refusal(refused.status)
        assert isinstance(response.body, bytes)
        self._transport.write(answers.framed(response, at=self._listener.wall(), close=True, old=False).head + response.body)
        self._leave(unread=True)

    def _leave(self, *, unread: bool = False) -> None:
        """Close; but first let the client read its answer, when closing over unread input would reset the connection."""
        unread = (unread or not self._incoming.empty()) and not self.ended
        self._incoming.clear()
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
