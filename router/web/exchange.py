"""One request and its answer, on a connection that serves one exchange at a time.

The handler runs to its end whatever the client does: a client that left, or was answered early, changes only whether
somebody reads what it returns."""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final

import structlog

from router.errors import StreamBroken
from router.events.http import Request, Response
from router.web import answers
from router.web.answers import Framing
from router.web.refused import Refused

if TYPE_CHECKING:
    from router.web.connection import Connection
    from router.web.listener import Listener

log = structlog.get_logger("router.web")

JOINED: Final = 64 * 1024  # bytes of a body that is copied behind its head, to go out in one piece


class WrongLength(Exception):
    """A streamed answer is shorter or longer than its content-length."""


class Exchange:
    """What the answer to one request depends on."""

    __slots__ = ("_connection", "_head_only", "_listener", "_old")

    def __init__(self, connection: "Connection", listener: "Listener", method: str, version: str) -> None:
        """*method*, *version*: of the request."""
        self._connection, self._listener = connection, listener
        self._head_only = method == "HEAD"
        self._old = version == "HTTP/1.0"

    # -- what a runner does with it, in this order; no coroutine of its own, which is memory that has left the processor's cache by the answer

    def begin(self, request: Request) -> Awaitable[Response]:
        """The first turn of the loop: run the handler."""
        return self._listener.handler(request)

    def crashed(self, request: Request, error: Exception) -> Response:
        """The bulkhead around a single request: the listener outlives its handlers."""
        log.error("request_crashed", listener=self._listener.name, method=request.method, exc_info=error)
        return self._listener.refusal(500)

    # -- for the handler

    @property
    def left(self) -> bool:
        """Whether nobody waits for an answer. A client that was killed looks like one that has nothing more to send."""
        connection = self._connection
        return connection.exchange is not self or connection.ended

    # -- the answer

    def answer(self, response: Response) -> None:
        """Send a complete answer, if it is still awaited; also what a handler calls to answer early."""
        framing = self._begin(response)
        if framing is None:
            return
        head, _, _, bodiless, _ = framing
        _, _, body = response
        assert isinstance(body, bytes)
        if bodiless:
            self._connection.finish(head)
        elif len(body) <= JOINED:
            self._connection.finish(head + body)
        else:
            self._connection.finish(head, body)

    def _begin(self, response: Response) -> Framing | None:
        """How the answer is sent; None when it is not awaited, or cannot be: then a refusal goes out instead."""
        connection, listener = self._connection, self._listener
        if connection.exchange is not self:  # the client has left, or was answered early
            return None
        connection.exchange = None
        connection.end_body()
        try:
            framing = answers.framed(response, listener.wall(), not connection.keep, self._old, self._head_only)
        except ValueError as error:
            log.warning("answer_refused", listener=listener.name, error=str(error))
            connection.refuse(Refused(500, str(error)))
            return None
        if framing.close:
            connection.keep = False
        listener.answered[response.status // 100].value += 1
        return framing

    async def stream(self, response: Response) -> None:
        """Send an answer piece by piece, as fast as the client takes it."""
        try:
            if (framing := self._begin(response)) is None:
                return
            if framing.bodiless:
                self._connection.finish(framing.head)
                return
            await self._pieces(response, framing)
            self._connection.finish(answers.LAST if framing.chunked else b"")
        except ConnectionError:
            pass  # the client has left; there is nobody to tell
        except StreamBroken:  # the function's failure, which is in its log
            self._connection.abort()
        except Exception:  # the answer has begun: all that is left is to break it off visibly
            log.exception("stream_crashed", listener=self._listener.name)
            self._connection.abort()
        finally:
            await self._close(response)

    async def _close(self, response: Response) -> None:
        """Let the iterator clean up behind itself."""
        if (close := getattr(response.body, "aclose", None)) is not None:
            try:
                await close()
            except Exception:  # what was sent was sent
                log.exception("stream_crashed", listener=self._listener.name)

    async def _pieces(self, response: Response, framing: Framing) -> None:
        """Head and body. Raises ConnectionError when the client leaves, WrongLength, and whatever the iterator raises."""
        connection, left = self._connection, framing.length
        assert not isinstance(response.body, bytes)
        connection.streaming = self
        try:
            await connection.write(framing.head)
            async for piece in response.body:
                if left is not None:
                    left -= len(piece)
                    if left < 0:
                        raise WrongLength("longer than its content-length")
                await connection.write(answers.chunk(piece) if framing.chunked else piece)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not connection.left or task is None:
                raise
            task.uncancel()
            raise ConnectionResetError("the client has left") from None
        finally:
            connection.streaming = None
        if left:
            raise WrongLength("shorter than its content-length")
