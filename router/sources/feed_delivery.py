"""A batch of a feed on its way through a function: tried again, split, given up, as stream_batches.py decides."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson
import structlog

from router import names
from router.clock import Clock
from router.config.types import Destination
from router.errors import RouterError
from router.events import batch_responses, batching
from router.events.destinations import Stretch, stream_record
from router.events.filters import ALL, Filters
from router.events.stream_batches import FOR_EVER, Rules, Span, Step, failed, fresh, succeeded
from router.events.tumbling import NoState
from router.model import SYNC_LIMIT, Envelope, Outcome
from router.queues.outbox import Parcel
from router.sources.base import Outlet
from router.sources.feed_outbox import Item
from router.sources.feed_windows import FeedWindow
from router.telemetry.metrics import Metrics

log = structlog.get_logger("router.sources.feed")

ERROR_SHOWN: Final = 500  # characters of a function's error kept for people


@dataclass(frozen=True, slots=True)
class Settings:
    """What the trigger says."""

    feed: str
    function: str
    arn: str  # the function's
    batch_size: int
    batch_window: float  # seconds
    latest: bool  # a new mapping begins with what comes next, not with what the outbox holds
    filters: Filters = ALL  # records that do not pass are done without the function
    since: float | None = None  # epoch seconds: a new mapping begins there; None: it does not say
    rules: Rules = field(default_factory=Rules)
    lanes: int = 1  # parallelization factor
    on_failure: Destination | None = None
    target: str = ""  # what is invoked: the function, or a version or alias of it; "": the function. The cursor is the function's
    window: int = 0  # seconds of a tumbling window; 0: none


class Work(NamedTuple):
    """Records to be worked off in their order."""

    items: Sequence[Item]
    shard: str
    arn: str  # of the stream


class Attempt(NamedTuple):
    """One invocation and what it said."""

    request_id: str
    payload: bytes
    outcome: Outcome


Advance = Callable[[int, Sequence[Parcel]], Awaitable[bool]]
"""How many records of the work are done by now, with what goes to destinations in the same transaction; False: told to stop."""


class Delivery:
    """The way to one function."""

    def __init__(self, settings: Settings, clock: Clock, metrics: Metrics, chance: random.Random) -> None:
        self.settings, self._clock, self._chance = settings, clock, chance
        self.error = ""  # why what is under way has not succeeded; "" when all is well
        labels = ("feed", "function")
        self._delivered = metrics.counter("router_feed_records_total", "Records that a function took.", *labels)
        self._retries = metrics.counter("router_feed_retries_total", "Batches sent again after a failure.", *labels)
        self._skipped = metrics.counter("router_feed_records_skipped_total", "Records over 6 MB, which no function can get.", *labels)
        self._given_up = metrics.counter(
            "router_feed_records_given_up_total", "Records given up on after failures or for their age.", *labels
        )

    async def work(self, outlet: Outlet, work: Work, stop: asyncio.Event, advance: Advance, window: FeedWindow | None = None) -> bool:
        """Until all records are done; False when told to stop before."""
        limit = SYNC_LIMIT - (window.room if window is not None else 0)
        spans = deque([Span(0, len(work.items))])
        arrivals = [item.at for item in work.items]
        while spans:
            if stop.is_set():
                return False
            span = spans.popleft()
            step = fresh(span, arrivals, now=self._clock.now(), rules=self.settings.rules)
            attempt = None
            if step.given_up is None:
                packed = batching.pack([item.encoded for item in work.items[span.first : span.end]], most=span.end, limit=limit)
                if packed.records < span.end - span.first:  # what does not fit goes apart
                    spans.appendleft(Span(span.first + packed.records, span.end))
                    span = Span(span.first, span.first + packed.records, span.failures)
                if packed.oversize:
                    self._skip(work.items[span.first])
                    step = succeeded(span)
                else:
                    payload = packed.payload if window is None else window.dressed(packed.payload)
                    attempt = await self.invoke(outlet, payload, stop)
                    if attempt is None:
                        return False
                    step = self._judge(attempt, work, span, window)
            if not await self._record(step, span, work, attempt, advance):
                return False
            spans.extendleft(reversed(step.again))
            if step.again and step.again[0].failures > span.failures:
                await self._clock.wait(stop, self._pause(step.again[0], attempt))
        return True

    async def invoke(self, outlet: Outlet, payload: bytes, stop: asyncio.Event) -> Attempt | None:
        """Invoke as often as it takes to be let in; None when told to stop before."""
        refusals = 0
        while not stop.is_set():
            envelope = Envelope(self.settings.target or self.settings.function, payload, f"table:{self.settings.feed}")
            try:
                return Attempt(envelope.request_id, payload, await outlet.invoke(envelope))
            except RouterError as error:
                refusals += 1
                await self._clock.wait(stop, self._refused(error, refusals))
        return None

    def _judge(self, attempt: Attempt, work: Work, span: Span, window: FeedWindow | None) -> Step:
        """What follows an attempt; what it leaves of a window's state is kept as far as it got."""
        rules, outcome = self.settings.rules, attempt.outcome
        if outcome.function_error:
            self.error = outcome.payload.decode(errors="replace")[:ERROR_SHOWN]
            return failed(span, rules)
        try:
            if window is not None:
                window.read(outcome.payload)
        except NoState as error:
            self.error = str(error)
            return failed(span, rules)
        resume = span.end - span.first
        if rules.partial:
            ids = [item.sequence for item in work.items[span.first : span.end]]
            try:
                resume = batch_responses.resume(ids, batch_responses.failed(outcome.payload, ids))
            except batch_responses.WholeBatchFailed as error:
                self.error = str(error)
                return failed(span, rules)
        self._delivered.add(*self._labels, amount=resume)
        if window is not None and resume:
            window.keep()
        if resume == span.end - span.first:
            self.error = ""
            return succeeded(span)
        self.error = f"the function reported record {work.items[span.first + resume].sequence} as failed"
        return failed(span, rules, resume=span.first + resume)

    async def _record(self, step: Step, span: Span, work: Work, attempt: Attempt | None, advance: Advance) -> bool:
        """Put down how far the work is."""
        if step.done == span.first:
            return True
        parcels: Sequence[Parcel] = ()
        if (lost := step.given_up) is not None:
            count = lost.end - lost.first
            self._given_up.add(*self._labels, amount=count)
            log.error("batch_given_up", **self._about(count), condition=step.condition, invokes=lost.failures)
            self.error = ""
            parcels = self._parcels(lost, step.condition, work, attempt)
        return await advance(step.done, parcels)

    def _parcels(self, lost: Span, condition: str, work: Work, attempt: Attempt | None) -> Sequence[Parcel]:
        """What the destination hears of records that are given up."""
        to, arn, now = self.settings.on_failure, self.settings.arn, self._clock.now()
        if to is None:
            return ()
        items = work.items[lost.first : lost.end]
        stretch = Stretch(work.shard, items[0].sequence, items[-1].sequence, items[0].at, items[-1].at, len(items), work.arn)
        request_id = attempt.request_id if attempt is not None else names.request_id()
        error = (attempt.outcome.function_error or None) if attempt is not None else "Unhandled" if lost.failures else None
        record: dict[str, Any] = stream_record(
            stretch, request_id=request_id, arn=arn, condition=condition, invokes=lost.failures, function_error=error, at=now
        )
        if to.kind == "bucket":
            record["payload"] = (b'{"Records":[' + b",".join(item.encoded or b"null" for item in items) + b"]}").decode()
        key = f"aws/lambda/{self.settings.feed}-{self.settings.function}/{work.shard}/{names.iso_s(now)[:10].replace('-', '/')}/{items[0].sequence}-{request_id}"
        return [Parcel(to, orjson.dumps(record), self.settings.function, arn, request_id, now, key=key)]

    def window_failed(self, attempt: Attempt, failures: int) -> float | None:
        """Note that the last invocation of a window failed; seconds until the next try, None: no more."""
        self.error = attempt.outcome.payload.decode(errors="replace")[:ERROR_SHOWN]
        retries = self.settings.rules.retries
        if retries != FOR_EVER and failures > retries:
            log.error("window_given_up", feed=self.settings.feed, function=self.settings.function, invokes=failures)
            return None
        return self._pause(Span(0, 0, failures), attempt)

    def _pause(self, span: Span, attempt: Attempt | None) -> float:
        """Note that the function failed; seconds until the next try."""
        self._retries.add(*self._labels)
        pause = batching.backoff(span.failures, self._chance.random())
        error_type = attempt.outcome.error_type if attempt is not None else ""
        about = self._about(span.end - span.first)
        log.warning("batch_failed", **about, failures=span.failures, error_type=error_type, retry_s=round(pause, 3))
        return pause

    def _refused(self, error: RouterError, refusals: int) -> float:
        """Note that the function could not be run; seconds until the next try."""
        self.error = str(error)
        pause = batching.backoff(refusals, self._chance.random())
        log.debug("batch_refused", feed=self.settings.feed, function=self.settings.function, error=self.error, retry_s=round(pause, 3))
        return pause

    def _skip(self, item: Item) -> None:
        """A record that can never be delivered must not hold up the others for ever; it stays in the outbox for a while."""
        self._skipped.add(*self._labels)
        log.error("record_skipped", **self._about(1), row=item.behind.seq, reason="over 6 MB, the limit of an invocation's payload")

    @property
    def _labels(self) -> tuple[str, str]:
        return self.settings.feed, self.settings.function

    def _about(self, records: int) -> dict[str, Any]:
        return {"feed": self.settings.feed, "function": self.settings.function, "records": records}
