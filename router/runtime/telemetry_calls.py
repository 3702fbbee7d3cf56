"""The calls by which extensions subscribe to telemetry."""

from collections.abc import Callable, Mapping, Sequence

from router.events.http import Response
from router.runtime import telemetry_api
from router.runtime.api_session import Call, Caller
from router.runtime.extensions import Asked, Extensions
from router.runtime.telemetry_feed import Telemetry
from router.web.heads import Head


class Subscriptions:
    """Takes them, while init goes on."""

    def __init__(self, telemetry: Telemetry, extensions: Extensions, subscribed: Callable[[str, Sequence[str]], None]) -> None:
        """*subscribed*: is told the extension's name and its types."""
        self._telemetry, self._extensions, self._subscribed = telemetry, extensions, subscribed

    @property
    def calls(self) -> Mapping[str, Callable[[Head, Caller], Call]]:
        """By their paths."""
        return {telemetry_api.PATH: self._call, telemetry_api.LOGS_PATH: lambda _, caller: Call(caller, telemetry_api.NO_LOGS)}

    def _call(self, head: Head, caller: Caller) -> Call:
        if head.method != "PUT":
            return Call(caller, Response(405, (("Allow", "PUT"),)))
        whose = self._extensions.whose(head.headers)
        if isinstance(whose, Response):
            return Call(caller, whose)
        return Asked(caller, lambda body: self._subscribe(whose.name, body))

    def _subscribe(self, name: str, body: bytes) -> Response:
        wanted = telemetry_api.subscription(body)
        if isinstance(wanted, Response):
            return wanted
        if not self._telemetry.subscribe(name, wanted):
            return telemetry_api.CLOSED
        self._subscribed(name, [kind for kind in telemetry_api.TYPES if kind in wanted.types])
        return telemetry_api.OK
