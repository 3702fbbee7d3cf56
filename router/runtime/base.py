"""What the dispatcher asks of execution environments, whatever language runs in them."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from router.config.types import Function
from router.model import Outcome


class Sink(Protocol):
    """Where a streamed answer goes, piece by piece."""

    on_room: Callable[[], None]  # called when it takes more again; the environment sets it

    def begin(self, content_type: str) -> None:
        """The answer begins. Once, before any piece; never when the function does not stream."""

    def feed(self, piece: bytes) -> bool:
        """Take a piece. False: enough for now, until on_room() is called; what comes all the same is taken."""


class Invocation(NamedTuple):
    """One run of a handler."""

    function: Function
    payload: bytes  # the event, JSON text
    request_id: str
    arn: str  # as invoked
    client_context: str = ""  # JSON text; "" when the caller gave none
    trace: str = ""  # X-Ray header value; "" when there is none
    sink: Sink | None = None  # set when the answer may be streamed


class ExecutionEnvironment(Protocol):
    """One warm sandboxed process; runs one invocation at a time."""

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run it within the function's timeout. Never raises for what the function does: that is in the Outcome."""

    async def close(self) -> None:
        """End the process and all its descendants; return when none is left."""


class Pool(Protocol):
    """Environments kept warm; the caller has a slot for the function already."""

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run in an idle environment of the function, or a new one. Raises EnvironmentUnavailable."""

    async def close(self) -> None:
        """End every environment."""
