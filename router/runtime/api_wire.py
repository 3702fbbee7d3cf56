"""One connection of the Runtime API: bytes to calls, answers to bytes.

Not router/web's Connection, though of the same parts: `next` may wait for ever, a response is passed on while it arrives and
has trailers, and a call that waits must be forgotten when its client leaves."""

import asyncio
import fcntl
import os
import termios
from array import array
from collections.abc import Callable
from typing import Final, cast

from router.events.http import Response
from router.runtime import runtime_api
from router.runtime.api_session import Call, Front
from router.runtime.peers import Address
from router.web import answers
from router.web.heads import Head
from router.web.incoming import Incoming
from router.web.limits import Limits
from router.web.refused import Refused

_ANY: Final = 1 << 60  # bytes of a body: the calls know their own limits
_HEADERS: Final = 1024 * 1024 + 64 * 1024  # bytes; an X-Ray cause may have 1 MB, and an error object in a trailer is not shorter
_LIMITS: Final = Limits(header_bytes=_HEADERS, trailer_bytes=_HEADERS, body_bytes=_ANY)
_CHUNK: Final = 65536  # bytes
_TURN: Final = 8 * 1024 * 1024  # bytes that pump() takes at most
_HELD: Final = 64 * 1024  # bytes of later requests that are read ahead


class Wire(asyncio.Protocol):
    """The protocol of one client."""

    def __init__(
        self,
        session: Front,
        on_made: Callable[["Wire"], None],
        now: Callable[[], float],
        on_lost: Callable[["Wire"], None] = lambda _: None,
    ) -> None:
        """*on_made*: decides whether it is served, at once or later: serve() or drop(). *now*: epoch seconds."""
        self._session, self._on_made, self._now, self._on_lost = session, on_made, now, on_lost
        self.ends: tuple[Address | None, Address | None] = (None, None)  # the client's address and ours; None: it has left already
        self._incoming = Incoming(_LIMITS, lambda _: None, lambda _: _ANY)
        self._transport: asyncio.Transport  # set when the loop connects it, before anything else
        self._call: Call | None = None  # whose body arrives
        self._asked: Head | None = None  # the request that awaits its answer
        self._served = False
        self._pauses: set[str] = set()

    def serve(self) -> None:
        """It is who it should be."""
        self._served = True
        self._release("unknown")
        self._proceed()

    def drop(self) -> None:
        """It is not; or all is over."""
        self._transport.abort()

    def pump(self) -> None:
        """Take what has arrived, without waiting for the loop to say so."""
        connection = self._transport.get_extra_info("socket")
        taken = 0
        try:
            while self._served and not self._transport.is_closing() and taken < _TURN:
                data = os.read(connection.fileno(), _CHUNK)
                if not data:  # the loop will see it too, but who pumps asks now what was read
                    self._session.left(self, unread=self._undelivered())
                    return
                taken += len(data)
                self.data_received(data)
        except ConnectionError:  # which the socket tells only once
            self._session.left(self, unread=True)
        except OSError:  # nothing more is there
            return

    # -- from the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait until somebody says that it is served."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass
        self.ends = _address(transport, "peername"), _address(transport, "sockname")
        self._pause("unknown")
        self._on_made(self)

    def data_received(self, data: bytes) -> None:
        """Read on; what comes before its turn waits."""
        if self._asked is not None or not self._served:
            if self._incoming.hold(data) > _HELD:
                self._pause("ahead")
            return
        self._read(lambda: self._incoming.feed(data))

    def eof_received(self) -> None:
        """The client sends no more: it has left, as clients of this API do. Half a call is told so all the same."""
        self._session.left(self, unread=self._undelivered())
        if self._incoming.head is not None or self._call is not None:
            self._lose()
            self._write(runtime_api.TRUNCATED, None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client. A reset is what the kernel sends for a process that dies over bytes it had not read."""
        self._on_lost(self)
        self._lose()
        self._session.left(self, unread=isinstance(exc, ConnectionError))

    # -- a Caller

    def answer(self, response: Response) -> None:
        """See api_session.Caller."""
        asked, self._asked = self._asked, None
        if asked is not None and not self._transport.is_closing():
            self._write(response, asked)
            asyncio.get_running_loop().call_soon(self._proceed)  # what waits is read when the caller has done with this one

    def hold(self) -> None:
        """See api_session.Caller."""
        self._pause("full")

    def go_on(self) -> None:
        """See api_session.Caller."""
        self._release("full")

    # -- inside

    def _proceed(self) -> None:
        """Read what came before its turn."""
        if self._asked is None and self._call is None and not self._transport.is_closing():
            self._release("ahead")
            if not self._incoming.empty():
                self._read(self._incoming.next)

    def _read(self, step: Callable[[], tuple[Head, bytes] | None]) -> None:
        try:
            found = step()
        except Refused as refused:
            self._lose()
            self._write(runtime_api.failed(refused.status, "InvalidRequest", refused.told), None)
            return
        if found is None:
            self._read_part()
            return
        head, body = found
        call, self._call = self._call or self._session.call(head, self), None
        self._asked = head
        if body:
            call.feed(body)
        call.end(self._incoming.trailers if head.length is None else ())

    def _read_part(self) -> None:
        """Pass on what has come of a body."""
        head = self._incoming.head
        if head is None:
            return
        if self._call is None:
            self._call = self._session.call(head, self)
            if head.expects and head.length != 0 and not self._incoming.ahead:
                self._transport.write(answers.CONTINUE)
        if piece := self._incoming.take():
            self._call.feed(piece)

    def _undelivered(self) -> bool:
        """Whether the client, which sends no more, has certainly not read the last answer: it was gone when that came.

        Its system then refuses it, which does not show when reading, as the end that came before has precedence."""
        unacknowledged = array("i", [0])
        fcntl.ioctl(self._transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, unacknowledged)
        return unacknowledged[0] > 0 or self._transport.get_write_buffer_size() > 0

    def _lose(self) -> None:
        call, self._call = self._call, None
        self._incoming.clear()
        if call is not None:
            call.lost()

    def _write(self, response: Response, asked: Head | None) -> None:
        """*asked*: None when nothing that comes after it can be understood."""
        close = asked is None or asked.close
        old = asked is not None and asked.version == "HTTP/1.0"
        assert isinstance(response.body, bytes)
        framing = answers.framed(response, at=self._now(), close=close, old=old)
        self._transport.write(framing.head + response.body)
        if framing.close or close:
            self._transport.close()

    def _pause(self, why: str) -> None:
        if not self._pauses:
            self._transport.pause_reading()
        self._pauses.add(why)

    def _release(self, why: str) -> None:
        if why in self._pauses:
            self._pauses.discard(why)
            if not self._pauses and not self._transport.is_closing():
                self._transport.resume_reading()


def _address(transport: asyncio.BaseTransport, end: str) -> Address | None:
    """None for the peer of a connection that was reset before it was looked at."""
    try:
        found: Address | None = transport.get_extra_info(end)
    except OSError:  # as uvloop says it
        return None
    return found
