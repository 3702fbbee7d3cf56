"""Where outcomes of Event invocations go: the records that are made when an event ends, in the very transaction of its end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import apsw

from router import names
from router.clock import Clock
from router.config.types import Config, Destination, Function
from router.dispatch import policy
from router.errors import ConfigError
from router.events import lineage, tracing
from router.events.destinations import SUCCESS, Invocation, dead_letter_attributes, invocation_record, object_key
from router.events.s3 import CREATED, Filter
from router.functions.registry import Functions
from router.journal.base import Journal
from router.model import Delivery
from router.queues.outbox import Outbox, Parcel
from router.sources.bucket_notification import of_bucket
from router.sources.s3dir import S3Trigger
from router.sources.topic_trigger import SnsTrigger


@dataclass(frozen=True, slots=True)
class End:
    """What goes out with the end of an event."""

    parcels: Sequence[Parcel]
    outbox: Outbox

    def beside(self, connection: apsw.Connection) -> None:
        """Write it down."""
        self.outbox.post(connection, self.parcels)

    def landed(self) -> None:
        """It is durable."""
        self.outbox.landed(self.parcels)


class Destinations:
    """Makes records."""

    def __init__(self, outbox: Outbox, functions: Functions, journal: Journal, clock: Clock) -> None:
        self._outbox, self._functions, self._journal, self._clock = outbox, functions, journal, clock

    async def of(self, delivery: Delivery, verdict: policy.Ack | policy.Bury, error: str) -> End | None:
        """What a verdict sends; None when the function has no destination for it. *error*: of the attempt just made, "" when none was."""
        function = self._functions.known(delivery.envelope.function)
        to = function.on_success if isinstance(verdict, policy.Ack) else function.on_failure
        dead_letter = function.dead_letter if isinstance(verdict, policy.Bury) else None
        if to is None and dead_letter is None:
            return None
        told = await self._told(function, delivery, verdict, error)
        parcels = [] if to is None else [self._record(function, delivery, to, told)]
        if dead_letter is not None:
            parcels.append(self._dead_letter(function, delivery, dead_letter, told))
        return End(parcels, self._outbox)

    async def _told(self, function: Function, delivery: Delivery, verdict: policy.Ack | policy.Bury, error: str) -> Invocation:
        if isinstance(verdict, policy.Ack):
            response: bytes | None = verdict.result
            condition, invokes = SUCCESS, delivery.failures + 1
        else:
            condition, invokes = verdict.condition, delivery.failures + bool(error)
            response = error.encode(errors="replace") if error else await self._last_error(delivery)
        request = delivery.envelope
        arn = self._functions.arn(function, function.version)
        failed = condition != SUCCESS
        return Invocation(request.request_id, arn, function.version, condition, invokes, request.payload, response, failed)

    async def _last_error(self, delivery: Delivery) -> bytes | None:
        """What the attempt before came to; None when there was none."""
        if not delivery.failures:
            return None
        return (await self._journal.find(delivery.envelope.request_id)).row.error.encode(errors="replace")

    def _record(self, function: Function, delivery: Delivery, to: Destination, told: Invocation) -> Parcel:
        now = self._clock.now()
        body = invocation_record(told, at=now, limit=self._outbox.room(to))
        key = object_key(function.name, told.request_id, now)
        return Parcel(
            to, body, function.name, told.arn, told.request_id, now, told.condition == SUCCESS, key, self._trace(function, delivery)
        )

    def _dead_letter(self, function: Function, delivery: Delivery, to: Destination, told: Invocation) -> Parcel:
        now, attributes = self._clock.now(), dead_letter_attributes(told)
        trace = self._trace(function, delivery)
        return Parcel(to, told.request, function.name, told.arn, told.request_id, now, trace=trace, attributes=attributes)

    def _trace(self, function: Function, delivery: Delivery) -> str:
        """The event's trace, one pass of the function longer."""
        envelope = delivery.envelope
        header = tracing.of_invocation(envelope.trace, envelope.request_id, names.chance()[:16])
        return lineage.passed(header, self._functions.arn(function))


def refuse_loops(config: Config) -> None:
    """A bucket's objects carry no lineage, so a function must not be set off by its own records there. Raises ConfigError."""
    problems = []
    for function in config.functions.values():
        for word, to in (("on_success", function.on_success), ("on_failure", function.on_failure)):
            if to is None or to.kind != "bucket":
                continue
            key = object_key(function.name, names.request_id(), 0.0)
            if any(wanted.matches(CREATED, key) for wanted in _heard(function, to.name, config)):
                told = (
                    f"its records in bucket {to.name} would set it off again without end; give its trigger a prefix, or use another bucket"
                )
                problems.append(f"functions.{function.name}.{word}: {told}")
    if problems:
        raise ConfigError(tuple(problems))


def _heard(function: Function, bucket: str, config: Config) -> Iterator[Filter]:
    """What of a bucket sets a function off: by its triggers, or through a topic. A batch of a queue's has no destinations."""
    for trigger in function.triggers:
        if isinstance(trigger, S3Trigger) and trigger.bucket == bucket:
            yield trigger.wanted
    topics = {trigger.topic for trigger in function.triggers if isinstance(trigger, SnsTrigger)}
    for topic in config.topics.values():
        if any(one.kind == "function" and one.target == function.name for one in topic.subscriptions):
            topics.add(topic.name)
    for one in of_bucket(config, bucket):
        if one.to.kind == "topic" and one.to.name in topics:
            yield one.wanted
