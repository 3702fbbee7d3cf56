"""The nouns of an event's path, frozen: envelope, invocation, delivery, outcome (glossary: docs/architecture.md)."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, NamedTuple, Protocol, Self

from router import names

InvocationType = Literal["RequestResponse", "Event"]

SYNC_LIMIT: Final = 6 * 1024 * 1024  # bytes of a synchronous payload, either way: Lambda quotas
ASYNC_LIMIT: Final = 1024 * 1024  # bytes of an Event payload: Lambda quotas
STREAM_LIMIT: Final = 200 * 1024 * 1024  # bytes of a streamed answer: Lambda quotas
HTTP_INTEGRATION: Final = "application/vnd.awslambda.http-integration-response"
PRELUDE_END: Final = bytes(8)  # between the prelude of an HTTP_INTEGRATION answer and its body
LOG_TAIL: Final = 4096  # bytes: Lambda API, Invoke, "LogResult"
RESPONSE_LIMIT: Final = SYNC_LIMIT + 100  # bytes; what the Runtime API takes before Function.ResponseSizeTooLarge


class State(StrEnum):
    """Where an accepted event stands. The last four are terminal: an event reaches exactly one of them, once."""

    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"  # failed at least once, due again later
    SUCCEEDED = "succeeded"
    DEAD = "dead"  # attempts exhausted; kept as a dead letter with its last error
    EXPIRED = "expired"  # older than maximum_event_age before it could succeed
    DISCARDED = "discarded"  # by policy or by a person; the error says which


TERMINAL: Final = frozenset({State.SUCCEEDED, State.DEAD, State.EXPIRED, State.DISCARDED})


class _Envelope(NamedTuple):
    function: str  # name
    payload: bytes  # the event: JSON text, UTF-8
    source: str  # what it came from, for people: "s3:uploads", "schedule:report-0", "http:GET /x", "invoke"
    sequencer: str = ""  # with function, source and shard: two envelopes alike in all four are one event; "": never alike
    shard: str = ""  # an ordered lane: events of one function, source and shard run one after another; "": no order
    request_id: str = ""  # names the event for its whole life, on every attempt; a fresh one when none is given
    trace: str = ""  # X-Ray header of who caused it; "" for none


class Envelope(_Envelope):
    """An event on its way to one function. A tuple: made for every request, and a frozen dataclass costs four times as much."""

    __slots__ = ()

    def __new__(  # noqa: PLR0917 - the fields of a tuple
        cls, function: str, payload: bytes, source: str, sequencer: str = "", shard: str = "", request_id: str = "", trace: str = ""
    ) -> Self:
        """See _Envelope for the fields."""
        return tuple.__new__(cls, (function, payload, source, sequencer, shard, request_id or names.request_id(), trace))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One leased copy of an envelope. Its attempt number is the fencing token of everything done with it."""

    id: int  # the journal's own number
    envelope: Envelope
    attempt: int  # 1 for the first start
    failures: int  # how many attempts the function itself failed so far; starts that we cut short do not count
    created: float  # epoch seconds of the accept
    throttles: int = 0  # how often in a row it was put back without a failure (no slot, no environment)
    accepted: float = field(default=0.0, compare=False)  # when that was in the time of the journal: for Journal.age()


class Outcome(NamedTuple):
    """What one invocation came to: a result, or a function error as data."""

    payload: bytes  # the result, or Lambda's error object; JSON text
    function_error: str = ""  # "" or "Unhandled"
    error_type: str = ""  # errorType of the error object, e.g. "Sandbox.Timedout"; "" when there is none
    duration_ms: float = 0.0  # of the handler
    billed_ms: int = 0
    init_ms: float | None = None  # set on a cold start
    max_memory_mb: int = 0  # high-water mark of the environment
    log: tuple[object, ...] = ()  # the last events of this invocation, START to REPORT, each as its str(): LOG_TAIL or a little more
    log_stream: str = ""
    version: str = names.LATEST  # of the function that ran

    @property
    def log_tail(self) -> bytes:
        """The last LOG_TAIL bytes of this invocation's log; joined when asked for, which is seldom."""
        return "".join(f"{event}\n" for event in self.log).encode("utf-8", "replace")[-LOG_TAIL:]


class Pieces(Protocol):
    """The bytes of an answer as they come, cut anywhere. A reader that is slow slows the function down.

    Iterating raises StreamBroken when the answer ends in the middle. Whoever stops before the end calls aclose(): the
    function then goes on as on AWS, to its end or its timeout, and the rest of its answer is thrown away."""

    def __aiter__(self) -> Self:
        """Itself."""

    async def __anext__(self) -> bytes:
        """The next bytes, never none."""

    async def aclose(self) -> None:
        """Nobody reads any more."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that has begun; one that failed before its first byte has no pieces, and an outcome that says why."""

    content_type: str  # as the function's runtime gave it; application/json for a whole result
    pieces: Pieces
    outcome: Awaitable[Outcome]  # at the invocation's end; its payload is b"" after a streamed success. Raises EnvironmentUnavailable
    whole: bool = False  # a result as invoke() gives it, in one piece: the function did not stream
    version: str = names.LATEST  # of the function that runs

    @property
    def http(self) -> bool:
        """Whether the bytes begin with AWS's HTTP prelude: JSON of statusCode, headers, cookies, then PRELUDE_END, then the body."""
        return self.content_type == HTTP_INTEGRATION
