"""What the dispatcher asks of execution environments, whatever language runs in them."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from router.config.types import Function
from router.model import Outcome
from router.runtime.lifecycle import Initialization, State
from router.runtime.outcomes import Failure
from router.telemetry.report import LogStream


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
    on_answer: Callable[[Outcome], None] | None = None  # is told the answer when extensions go on after it


class ExecutionEnvironment(Protocol):
    """One warm sandboxed process; runs one invocation at a time."""

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run it within the function's timeout. Never raises for what the function does: that is in the Outcome."""

    async def close(self) -> None:
        """End the process and all its descendants; return when none is left."""


class Environment(ExecutionEnvironment, Protocol):
    """What the pool needs to know of an environment beside running it."""

    function: Function
    state: State
    init_failure: Failure | None  # why its last init failed
    initialization: Initialization
    on_lost: Callable[[], None]  # called when its process ends while nothing runs in it
    dropped: int  # bytes of output that were not logged, until somebody takes note

    async def warm(self) -> Failure | None:
        """Initialise it before anything runs in it; why that failed. Raises EnvironmentUnavailable."""

    async def refuse(self, invocation: Invocation, payload: bytes, error_type: str) -> Outcome:
        """Answer with an error object without starting a process."""


class Runtime(Protocol):
    """A family of runtimes; see RUNTIMES."""

    on_unprepared: Callable[[str], None]  # called with Function.qualified when what prepare() made is lost

    async def open(self) -> None:
        """Make ready to start environments. Raises EnvironmentUnavailable."""

    def refusal(self, function: Function) -> str:
        """Why the function may not run here, a sentence; "" when it may."""

    def environment(self, function: Function, stream: LogStream, initialization: Initialization) -> Environment:
        """A cold environment. Raises EnvironmentUnavailable where the function is refused."""

    async def prepare(self, function: Function, stream: Callable[[], LogStream]) -> Failure | None:
        """Have ready what environments of *function* are made from; why not. *stream*: for what that writes. Raises EnvironmentUnavailable."""

    def prepared(self, function: Function) -> bool:
        """Whether prepare() has nothing to do."""

    def forget(self, function: str) -> None:
        """What is prepared for this function (Function.qualified) is out of date."""

    async def close(self) -> None:
        """End everything that is left."""


class Pool(Protocol):
    """Environments kept warm; the caller has a slot for the function already."""

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run in an idle environment of the function, or a new one. Raises EnvironmentUnavailable."""

    async def close(self) -> None:
        """End every environment."""
