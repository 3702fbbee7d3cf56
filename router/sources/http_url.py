"""A function URL: a face whose answer may be streamed."""

from collections.abc import Sequence

from router.events import cors
from router.events.function_url import FunctionUrl
from router.events.gateway import Arrival
from router.model import Envelope
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
        self._streaming = streaming

    def _envelope(self, event: bytes, arrival: Arrival) -> Envelope:
        """The request id in the event is the invocation's own."""
        return Envelope(self._target.function, event, self._target.source, request_id=arrival.request_id)
