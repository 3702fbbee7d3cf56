"""What happens to an Event invocation after an attempt. Pure.

Source: AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation":
function errors are retried after one minute, then after two; throttles and faults of the service spend no
attempt and back off from one second to five minutes; nothing is tried past the maximum event age."""

from dataclasses import dataclass
from typing import Final

from router.config.types import Function
from router.errors import SpawnerDied
from router.model import State

SPAWNER_DEATHS: Final = 3  # attempts in a row that may end so without being spent
RETRY_DELAYS: Final = (60.0, 120.0)  # seconds before the second and the third attempt
BACKOFF_FIRST: Final = 1.0  # seconds
BACKOFF_LIMIT: Final = 300.0  # seconds


@dataclass(frozen=True, slots=True)
class Ack:
    """Done: record success."""

    result: bytes = b""  # JSON text, where it is wanted


@dataclass(frozen=True, slots=True)
class Retry:
    """The function failed: try again after *delay* seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class Release:
    """Not the function's fault: put back, spend no attempt, due again after *delay* seconds."""

    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class Bury:
    """No more attempts: record this terminal state; *condition* is Lambda's word for why."""

    state: State
    condition: str


def before_attempt(function: Function, *, age: float, failures: int) -> Bury | None:
    """Whether an attempt may start at all; *age* is seconds since the accept.

    An event that never failed gets its attempt even when it waited too long behind others only if it is not
    past its age: Lambda checks the age before every attempt, the first one too."""
    if function.reserved_concurrency == 0:
        return Bury(State.DEAD, "ZeroReservedConcurrency")
    if age > function.maximum_event_age:
        return Bury(State.EXPIRED, "EventAgeExceeded")
    if failures > function.maximum_retry_attempts:  # the setting was lowered meanwhile
        return Bury(State.DEAD, "RetriesExhausted")
    return None


def after_failure(function: Function, *, age: float, failures: int) -> Retry | Bury:
    """What follows a function error; *failures* counts it already, so it is 1 or more."""
    if failures > function.maximum_retry_attempts:
        return Bury(State.DEAD, "RetriesExhausted")
    delay = RETRY_DELAYS[min(failures, len(RETRY_DELAYS)) - 1]
    if age + delay > function.maximum_event_age:
        return Bury(State.EXPIRED, "EventAgeExceeded")
    return Retry(delay)


def after_spawner_death(function: Function, *, age: float, failures: int, deaths: int) -> Release | Retry | Bury:
    """The spawner died under the event: our fault at first. An event whose every attempt it dies under is taken for the cause.

    *deaths*: attempts in a row that ended so, this one included."""
    if deaths <= SPAWNER_DEATHS:
        return Release(backoff(deaths), str(SpawnerDied()))
    return after_failure(function, age=age, failures=failures + 1)


Verdict = Ack | Retry | Release | Bury


def backoff(throttles: int) -> float:
    """Seconds to wait after the n-th throttle in a row, n from 1: 1, 2, 4 … 300."""
    return float(min(BACKOFF_LIMIT, BACKOFF_FIRST * 2 ** min(max(throttles - 1, 0), 10)))
