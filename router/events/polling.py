"""Decisions of a queue's event source mapping: how many batches at once, how long messages are held, what becomes of a batch.

Pure. Sources: Lambda developer guide, "Using Lambda with Amazon SQS" and "Configuring scaling behavior"."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from router.events import batch_responses

START: Final = 5  # batches at once, to begin with
GROWTH: Final = 300 / 60  # more a second while there is work for all of them
MOST: Final = 1250
MARGIN: Final = 30.0  # seconds that a message is held beyond window and timeout
ATTEMPT: Final = 30.0  # seconds that an invocation may take to begin: a slot, and an environment that is initialised


@dataclass(frozen=True, slots=True)
class Scale:
    """How many batches may run at once."""

    allowed: float
    most: int
    since: float  # seconds; when it was set

    @classmethod
    def begun(cls, most: int, now: float) -> "Scale":
        """At the start, and after an idle time."""
        return cls(min(START, most), most, now)

    @property
    def batches(self) -> int:
        """As a whole number, never none."""
        return max(1, int(self.allowed))

    def seen(self, running: int, now: float) -> "Scale":
        """After a look: grown while all that may run do, begun anew when none does."""
        if running == 0:
            return Scale.begun(self.most, now)
        if running < self.batches:
            return replace(self, since=now)
        return Scale(min(self.most, self.allowed + GROWTH * max(0.0, now - self.since)), self.most, now)

    def throttled(self, running: int, now: float) -> "Scale":
        """After a refusal for want of slots or environments: half of what runs."""
        return Scale(max(1.0, min(self.allowed, running) / 2), self.most, now)


def hidden(*, visibility: float, window: float, timeout: float) -> float:
    """Seconds after which a message of a failed batch can be received again, counted from its receive."""
    return window + timeout + MARGIN if window > 0 and window + timeout > visibility else visibility


def held(*, visibility: float, window: float, timeout: float) -> float:
    """Seconds for which a mapping holds what it receives; it holds longer than *hidden* says while the function may still run."""
    return max(hidden(visibility=visibility, window=window, timeout=timeout), window + timeout + ATTEMPT)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a batch."""

    failed: frozenset[str]  # message ids that come again; the others are deleted
    reason: str = ""  # why; "" when nothing failed


def verdict(ids: Sequence[str], *, function_error: str, result: bytes, partial: bool) -> Verdict:
    """After an invocation. *partial*: the mapping asks for ReportBatchItemFailures."""
    if function_error:
        return Verdict(frozenset(ids), "the function failed")
    if not partial:
        return Verdict(frozenset())
    try:
        failed = batch_responses.failed(result, ids)
    except batch_responses.WholeBatchFailed as error:
        return Verdict(frozenset(ids), str(error))
    return Verdict(failed, f"the function reported {len(failed)} of {len(ids)} as failed" if failed else "")
