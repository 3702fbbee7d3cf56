"""The life of an execution environment as a table. Pure.

Source: Lambda developer guide, "Understanding the Lambda execution environment lifecycle"."""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where an environment stands."""

    COLD = "cold"  # no process yet
    STARTING = "starting"  # the handler's module is being imported
    READY = "ready"  # initialised and idle
    BUSY = "busy"  # runs an invocation
    BROKEN = "broken"  # its process is gone (crash, timeout, failed init); the next invocation initialises inside itself
    CLOSED = "closed"


class Initialization(StrEnum):
    """What made an environment start: AWS_LAMBDA_INITIALIZATION_TYPE."""

    ON_DEMAND = "on-demand"  # an invocation that found no other
    PROVISIONED = "provisioned-concurrency"  # nobody yet
    SNAP_START = "snap-start"  # as on demand, but forked off one that is initialised already


class Event(StrEnum):
    """What can happen to it."""

    START = "start"
    INITIALISED = "initialised"
    INVOKE = "invoke"
    ANSWERED = "answered"
    DIED = "died"
    CLOSE = "close"


# What every invocation asks for: through its class a member costs ten times as much.
COLD: Final = State.COLD
STARTING: Final = State.STARTING
READY: Final = State.READY
BROKEN: Final = State.BROKEN
CLOSED: Final = State.CLOSED
INVOKE: Final = Event.INVOKE
ANSWERED: Final = Event.ANSWERED
ON_DEMAND: Final = Initialization.ON_DEMAND
PROVISIONED: Final = Initialization.PROVISIONED

INIT_LIMIT: Final = 10.0  # seconds of the init phase; then init is repeated inside the first invocation: Lambda quotas
EARLY_INIT_LIMIT: Final = 130.0  # seconds when nobody waits for it; or the function's timeout when that is longer

RESTORE_LIMIT: Final = 10.0  # seconds of an environment's part of a restored snapshot, its hooks included


def init_limit(initialization: Initialization, timeout: float) -> float:
    """Seconds that an init phase may take. Lambda developer guide, "Lambda execution environment lifecycle"."""
    return INIT_LIMIT if initialization is Initialization.ON_DEMAND else max(EARLY_INIT_LIMIT, timeout)


NEXT: Final[dict[State, dict[Event, State]]] = {
    State.COLD: {Event.START: State.STARTING, Event.CLOSE: State.CLOSED},
    State.STARTING: {Event.INITIALISED: State.READY, Event.DIED: State.BROKEN, Event.CLOSE: State.CLOSED},
    State.READY: {Event.INVOKE: State.BUSY, Event.DIED: State.BROKEN, Event.CLOSE: State.CLOSED},
    State.BUSY: {Event.ANSWERED: State.READY, Event.DIED: State.BROKEN, Event.CLOSE: State.CLOSED},
    State.BROKEN: {Event.START: State.STARTING, Event.CLOSE: State.CLOSED},
    State.CLOSED: {Event.ANSWERED: State.CLOSED, Event.DIED: State.CLOSED, Event.CLOSE: State.CLOSED},
}
