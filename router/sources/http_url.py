"""A function URL: a face whose answer may be streamed."""

from collections.abc import Sequence
from typing import Final, Self

from router.errors import StreamBroken
from router.events import cors
from router.events.function_url import PRELUDE_LIMIT, FunctionUrl
from router.events.gateway import Arrival, Asked, Malformed
from router.events.http import Response
from router.model import PRELUDE_END, Envelope, Pieces, Stream
from router.sources.http_face import Arrive, Guard, Line, RouteFace, Target


class UrlFace(RouteFace):
    """A function behind its URL; see http_face.Face."""

    def __init__(
        self,
        target: Target,
        gateway: FunctionUrl,
        line: Line,
        arrive: Arrive,
        *,
        guards: Sequence[Guard] = (),
        allowed: cors.Cors | None = None,
        streaming: bool = False,
    ) -> None:
        super().__init__(target, gateway, line, arrive, guards=guards, allowed=allowed)
        self._url: Final = gateway
        if streaming:
            self._other = self._streamed

    def _envelope(self, event: bytes, arrival: Arrival) -> Envelope:
        """The request id in the event is the invocation's own."""
        return Envelope(self._target.function, event, self._target.source, request_id=arrival.request_id, trace=arrival.trace)

    async def _streamed(self, envelope: Envelope, asked: Asked, arrival: Arrival) -> Response:
        """An answer that streams goes out as it comes, and any other result as if it were buffered."""
        stream = await self._line.outlet.stream(envelope)
        if stream.whole:
            return self._answered(await stream.outcome, asked, arrival)
        try:
            return await self._begun(stream, arrival)
        except StreamBroken:  # before the answer's head was whole: the function's error, which is in its log
            return self.gateway.failure(self.gateway.failed, arrival)
        except Malformed as error:
            await stream.pieces.aclose()
            return self._told_malformed(error, arrival)

    async def _begun(self, stream: Stream, arrival: Arrival) -> Response:
        """The head of a streamed answer, its body still to come. Raises Malformed, StreamBroken."""
        if not stream.http:
            return self._url.streamed(b"", stream.content_type, arrival)._replace(body=Rest(b"", stream.pieces))
        prelude, first = await prelude_of(stream.pieces)
        return self._url.streamed(prelude, stream.content_type, arrival)._replace(body=Rest(first, stream.pieces))


async def prelude_of(pieces: Pieces) -> tuple[bytes, bytes]:
    """The prelude of a streamed answer, and what of its body has come with it. Raises Malformed, StreamBroken."""
    held = b""
    async for piece in pieces:
        held += piece
        prelude, end, first = held.partition(PRELUDE_END)
        if end and len(prelude) <= PRELUDE_LIMIT:
            return prelude, first
        if len(prelude) > PRELUDE_LIMIT:
            raise Malformed(f"the prelude of the stream is larger than {PRELUDE_LIMIT} bytes")
    raise Malformed("the stream ended within its prelude")


class Rest:
    """The body of a streamed answer: what came with its prelude, then what follows."""

    def __init__(self, first: bytes, pieces: Pieces) -> None:
        self._first, self._pieces = first, pieces

    def __aiter__(self) -> Self:
        """Itself."""
        return self

    async def __anext__(self) -> bytes:
        """The next bytes. Raises StreamBroken."""
        if self._first:
            first, self._first = self._first, b""
            return first
        return await self._pieces.__anext__()

    async def aclose(self) -> None:
        """The client has left, or has everything."""
        await self._pieces.aclose()
