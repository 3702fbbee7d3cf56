"""One request and its answer, on a connection that serves one exchange at a time.

The handler runs to its end whatever the client does: a client that left, or was answered early, changes only whether
somebody reads what it returns."""

from typing import TYPE_CHECKING

import structlog

from router.events.http import Request, Response
from router.web import messages
from router.web.messages import Head, Refused

if TYPE_CHECKING:
    from router.web.connection import Connection
    from router.web.listener import Listener

log = structlog.get_logger("router.web")


class Exchange:
    """What the answer to one request depends on."""

    __slots__ = ("_connection", "_head_only", "_listener", "_old")

    def __init__(self, connection: "Connection", listener: "Listener", head: Head) -> None:
        self._connection, self._listener = connection, listener
        self._head_only = head.method == "HEAD"
        self._old = head.version == "HTTP/1.0"

    @property
    def awaited(self) -> bool:
        """Whether the client still waits for this answer."""
        return self._connection.exchange is self

    async def serve(self, request: Request) -> None:
        """Run the handler and send what it returns."""
        try:
            try:
                response = await self._listener.handler(request)
            except Exception:  # the bulkhead around a single request: the listener outlives its handlers
                log.exception("request_crashed", listener=self._listener.name, method=request.method)
                response = self._listener.refusal(500)
            if isinstance(response.body, bytes):
                self.answer(response)
            else:
                await self._stream(response)
        finally:
            self._listener.ended(self)

    def answer(self, response: Response) -> None:
        """Send a complete answer, if it is still awaited; also what a handler calls to answer early."""
        if (head := self._begin(response)) is None:
            return
        assert isinstance(response.body, bytes)
        self._connection.finish(head if self._bodiless(response) else head + response.body)

    def _bodiless(self, response: Response) -> bool:
        return self._head_only or response.status in messages.BODILESS

    def _begin(self, response: Response) -> bytes | None:
        """The head of the answer; None when it is not awaited, or is no head: then a refusal goes out instead."""
        if not self.awaited:
            return None
        self._connection.exchange = None
        if self._old and not isinstance(response.body, bytes):
            self._connection.keep = False  # HTTP/1.0 knows no chunks: the connection's end is the answer's
        try:
            head = messages.write_head(response, at=self._listener.wall(), close=not self._connection.keep, old=self._old)
        except ValueError as error:
            log.warning("answer_refused", listener=self._listener.name, error=str(error))
            self._connection.refuse(Refused(500, str(error)))
            return None
        self._listener.count_answer(response.status)
        return head

    async def _stream(self, response: Response) -> None:
        """Send an answer piece by piece, as fast as the client takes it."""
        pieces = response.body
        assert not isinstance(pieces, bytes)
        try:
            if (head := self._begin(response)) is None:
                return
            await self._connection.write(head)
            if not self._bodiless(response):
                async for piece in pieces:
                    await self._connection.write(piece if self._old else messages.chunk(piece))
            self._connection.finish(b"" if self._old or self._bodiless(response) else b"0\r\n\r\n")
        except ConnectionError:
            pass  # the client has left; there is nobody to tell
        except Exception:  # the answer has begun: all that is left is to break it off visibly
            log.exception("stream_crashed", listener=self._listener.name)
            self._connection.abort()
        finally:
            if (close := getattr(pieces, "aclose", None)) is not None:
                await close()
