"""What a bucket may tell: whether S3 is let in there, as AWS asks it when a configuration is put, and the message that tries it.

A queue's and a topic's own policy and what AddPermission said of a function decide, for the service s3.amazonaws.com with the bucket as
aws:SourceArn. They are asked when a configuration is put, not with each event; what config.yaml says is the operator's word."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import apsw
import orjson

from router import names
from router.api.aws.s3.call import Ids, S3Call
from router.api.aws.s3.errors import S3Error
from router.api.aws.s3.notifying import Notification
from router.api.aws.service import Need
from router.api.aws.sqs.policies import policy_of
from router.api.declared import Unit
from router.clock import Clock
from router.config.types import Config, Destination
from router.events import s3
from router.iam import evaluation
from router.iam.policy import Policy
from router.iam.principals import service
from router.names import base
from router.queues.outbox import Outbox, Parcel
from router.sources.s3dir_tell import Stamp, parcel
from router.sources.target_reading import ACTIONS

_S3: Final = service("s3.amazonaws.com")
_INVALID: Final = "Unable to validate the following destination configurations"


class Failure(NamedTuple):
    """A destination that cannot be told, in AWS's words."""

    name: str
    why: str


class Destinations:
    """Queues, topics and functions, as S3 sees them."""

    def __init__(self, outbox: Outbox, policies: Callable[[str], Policy | None], clock: Clock) -> None:
        """*policies*: what AddPermission said of a function, NAME or NAME:QUALIFIER."""
        self._outbox, self._policies, self._clock = outbox, policies, clock

    def check(self, call: S3Call, found: Iterable[Notification], config: Config) -> None:
        """Refuse what is not there, or lets S3 not in: then, where the destinations are not to be asked, it takes who may do it himself.

        Raises S3Error."""
        skip = call.headers.get("x-amz-skip-destination-validation", "").lower() == "true"
        failures = []
        for one in dict.fromkeys(one._replace(id="", events=frozenset(), prefix="", suffix="", written=()) for one in found):
            if one.arn != _arn(one, config) or not _there(one, config):
                failures.append(_missing(one))
            elif not self._open(one, call.bucket, config):
                if skip:
                    call.access.require(call.sender, Need(ACTIONS[one.kind], one.arn), resource=self._policy(one, config))
                else:
                    failures.append(_forbidden(one))
        if failures:
            told = {f"Argument{word}{place}": text for place, one in enumerate(failures, 1) for word, text in _members(one)}
            raise S3Error("InvalidArgument", _INVALID, **told)

    def _open(self, one: Notification, bucket: str, config: Config) -> bool:
        """Whether the destination's own policy lets S3 in, for this bucket."""
        policy = self._policy(one, config)
        if policy is None:
            return False
        context = {"aws:sourcearn": (names.bucket_arn(bucket),), "aws:sourceaccount": (config.account,)}
        asked = evaluation.Request(ACTIONS[one.kind], one.arn, _S3, context, config.account)
        return evaluation.evaluate(asked, evaluation.Policies(resource=policy)).allowed

    def _policy(self, one: Notification, config: Config) -> Policy | None:
        if one.kind == "function":
            return self._policies(one.target)
        text = (config.queues if one.kind == "queue" else config.topics)[one.target].policy
        return policy_of(one.target, text) if text else None

    def trial(self, call: S3Call, found: Iterable[Notification], config: Config) -> "Trial":
        """The message that says that a configuration was put, to each queue and topic; to nobody where they are not to be asked."""
        if call.headers.get("x-amz-skip-destination-validation", "").lower() == "true":
            return Trial(self._outbox, ())
        wanted = dict.fromkeys(Destination(one.kind, one.target) for one in found if one.kind != "function")
        now = self._clock.now()
        body = _test_event(call.bucket, call.ids, now)
        stamp = Stamp(call.bucket, config.region, config.account)
        return Trial(self._outbox, [parcel(to, body, stamp, now) for to in wanted])


class Trial:
    """Messages on their way, in the transaction that keeps what they tell of."""

    def __init__(self, outbox: Outbox, parcels: Sequence[Parcel]) -> None:
        self._outbox, self._parcels = outbox, parcels

    @property
    def beside(self) -> tuple[Unit, ...]:
        """What is written with the configuration."""
        return (self._write,) if self._parcels else ()

    def _write(self, connection: apsw.Connection) -> None:
        self._outbox.post(connection, self._parcels)

    def landed(self) -> None:
        """It is durable."""
        self._outbox.landed(self._parcels)


def _test_event(bucket: str, ids: Ids, now: float) -> bytes:
    return orjson.dumps(s3.configuration_saved(bucket, datetime.fromtimestamp(now, UTC), request_id=ids.request, host_id=ids.host))


def _there(one: Notification, config: Config) -> bool:
    known = {"queue": config.queues, "topic": config.topics, "function": config.functions}[one.kind]
    return base(one.target) in known


def _arn(one: Notification, config: Config) -> str:
    """The ARN that it has here; a function's may end with $LATEST."""
    made = {"queue": names.queue_arn, "topic": names.topic_arn, "function": names.function_arn}[one.kind]
    found = made(config.region, config.account, one.target)
    latest = f"{found}:{names.LATEST}"
    return latest if one.kind == "function" and one.arn == latest else found


def _missing(one: Notification) -> Failure:
    if one.kind == "function":  # as recorded: AWS does not say whether it is there
        return _forbidden(one)
    return Failure(_named(one), f"The destination {one.kind} does not exist")


def _forbidden(one: Notification) -> Failure:
    if one.kind == "function":
        return Failure(_named(one), f"Not authorized to invoke function [{one.arn[:200]}]")
    return Failure(_named(one), f"Permissions on the destination {one.kind} do not allow S3 to publish notifications from this bucket")


def _named(one: Notification) -> str:
    return f"{one.arn[:200]}, null" if one.kind == "function" else one.arn[:200]


def _members(one: Failure) -> tuple[tuple[str, str], ...]:
    return ("Name", one.name), ("Value", one.why)
