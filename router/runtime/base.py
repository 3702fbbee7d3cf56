"""What the dispatcher asks of execution environments, whatever language runs in them."""

from typing import NamedTuple, Protocol

from router.config.types import Function
from router.model import Outcome


class Invocation(NamedTuple):
    """One run of a handler."""

    function: Function
    payload: bytes  # the event, JSON text
    request_id: str
    arn: str  # as invoked
    client_context: str = ""  # JSON text; "" when the caller gave none
    trace: str = ""  # X-Ray header value; "" when there is none


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
