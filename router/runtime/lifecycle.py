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

NEXT: Final[dict[State, dict[Event, State]]] = {
    State.COLD: {Event.START: State.STARTING, Event.CLOSE: State.CLOSED},
    State.STARTING: {Event.INITIALISED: State.READY, Event.DIED: State.BROKEN, Event.CLOSE: State.CLOSED},
    State.READY: {Event.INVOKE: State.BUSY, Event.DIED: State.BROKEN, Event.CLOSE: State.CLOSED},
    State.BUSY: {Event.ANSWERED: State.READY, Event.DIED: State.BROKEN, Event.CLOSE: State.CLOSED},
    State.BROKEN: {Event.START: State.STARTING, Event.CLOSE: State.CLOSED},
    State.CLOSED: {Event.ANSWERED: State.CLOSED, Event.DIED: State.CLOSED, Event.CLOSE: State.CLOSED},
}
