"""Operations on a bucket's notification configuration: kept as triggers that were declared through the API.

Triggers of config.yaml are shown too; a put has to name them as they are, because the API does not change that file."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from router import names
from router.api.aws.s3 import notifying
from router.api.aws.s3.call import S3Call
from router.api.aws.s3.errors import S3Error, invalid
from router.api.aws.s3.intake import document_of
from router.api.aws.s3.markup import parsed
from router.api.aws.s3.notifying import Notification
from router.api.declared import Change, Declared, Key
from router.config.fragments import TRIGGERS, Fragment
from router.config.types import Config
from router.events.http import Response
from router.sources.s3dir import S3Trigger

PREFIX: Final = "s3-"  # of the names of our triggers among those that were declared


class Notifications:
    """What is done with notification configurations."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared

    async def get(self, call: S3Call) -> Response:
        """GetBucketNotificationConfiguration."""
        call.require("s3:GetBucketNotification", key="")
        config = self._declared.config
        bucket = _bucket(call, config)
        ours = [one for _, one in self._ours(call.bucket)]
        children = notifying.told([*_of_config(config, call.bucket, ours), *ours], bridged=bucket.eventbridge)
        return call.xml("NotificationConfiguration", children)

    async def put(self, call: S3Call) -> Response:
        """PutBucketNotificationConfiguration: replaces all that was declared through the API."""
        call.require("s3:PutBucketNotification", key="")
        declared, wanted = self._declared, notifying.read(parsed(await document_of(call), "NotificationConfiguration"))
        config = declared.config
        bucket = _bucket(call, config)
        kept = {fragment.name: one for fragment, one in self._ours(call.bucket)}
        fixed = {one.does: one for one in _of_config(config, call.bucket, kept.values())}
        if missing := next((one for does, one in fixed.items() if does not in {found.does for found in wanted.functions}), None):
            raise invalid(f"config.yaml has {missing.function} told of this bucket; the API does not change that: name it as it is")
        for one in wanted.functions:
            _check_function(one, config)
        puts = [_fragment(call.bucket, one) for one in wanted.functions if one.does not in fixed]
        gone = [(TRIGGERS, name) for name in kept if name not in {one.name for one in puts}]
        await declared.change(Change((*puts, *self._bridge(call, bucket.eventbridge, bridged=wanted.bridged)), tuple(gone)))
        return Response(200)

    def gone(self, bucket: str) -> list[Key]:
        """What goes with a bucket. Raises S3Error where config.yaml still has somebody told of it."""
        ours = list(self._ours(bucket))
        if fixed := _of_config(self._declared.config, bucket, [one for _, one in ours]):
            raise S3Error("AccessDenied", f"config.yaml has {fixed[0].function} told of this bucket, and the API does not change that")
        return [(TRIGGERS, fragment.name) for fragment, _ in ours]

    def _ours(self, bucket: str) -> Iterator[tuple[Fragment, Notification]]:
        """What was declared through the API for this bucket."""
        for fragment in self._declared.of(TRIGGERS):
            said = fragment.value["trigger"].get("s3") if isinstance(fragment.value, dict) else None
            if isinstance(said, dict) and said.get("bucket") == bucket:
                yield fragment, _notification(fragment, said)

    def _bridge(self, call: S3Call, now: bool, *, bridged: bool) -> tuple[Fragment, ...]:  # noqa: FBT001 - a fact, not a switch
        """What is to be declared of the bucket itself. Raises S3Error for one of config.yaml."""
        if now == bridged:
            return ()
        declared = self._declared
        fragment = declared.get("buckets", call.bucket)
        if fragment is None:
            raise invalid("The bucket is declared in config.yaml, which the API does not change: set eventbridge there")
        value: dict[str, Any] = dict(fragment.value) if isinstance(fragment.value, dict) else {"path": fragment.value}
        return (Fragment("buckets", call.bucket, value | {"eventbridge": bridged}, fragment.about),)


def _bucket(call: S3Call, config: Config) -> Any:
    found = config.buckets.get(call.bucket)
    if found is None:
        raise S3Error("NoSuchBucket", BucketName=call.bucket)
    return found


def _check_function(one: Notification, config: Config) -> None:
    """Raises S3Error when it is none of ours."""
    name, _, qualifier = ":".join(one.arn.split(":")[6:]).partition(":")
    function = config.functions.get(name)
    whole = names.function_arn(config.region, config.account, name) + (f":{qualifier}" if qualifier else "")
    if function is None or whole != one.arn:
        raise invalid("Unable to validate the following destination configurations", one.arn[:200], "The destination Lambda does not exist")


def _of_config(config: Config, bucket: str, ours: Iterable[Notification]) -> list[Notification]:
    """What config.yaml has told of this bucket."""
    declared = {one.does for one in ours}
    found = []
    for function in config.functions.values():
        for trigger, target in zip(function.triggers, function.targets(), strict=True):
            if isinstance(trigger, S3Trigger) and trigger.bucket == bucket:
                arn = names.function_arn(config.region, config.account, target)
                one = Notification("", function.name, arn, trigger.wanted.events, trigger.wanted.prefix, trigger.wanted.suffix)
                found.append(one._replace(id=notifying.made_id(one)))
    return [one for one in found if one.does not in declared]


def _notification(fragment: Fragment, said: dict[str, Any]) -> Notification:
    events = notifying.events_of(said.get("events", ["s3:ObjectCreated:*"]))
    about, function = fragment.about, str(fragment.value.get("function", ""))
    one = Notification("", function, str(about.get("arn", "")), events, said.get("prefix", ""), said.get("suffix", ""))
    return one._replace(id=str(about.get("bucket_notification", "")) or notifying.made_id(one))


def _fragment(bucket: str, one: Notification) -> Fragment:
    name = hashlib.sha256(f"{bucket}\n{one.id}".encode()).hexdigest()[:20]
    return Fragment(TRIGGERS, f"{PREFIX}{bucket}-{name}", notifying.trigger(bucket, one), notifying.about(one))
