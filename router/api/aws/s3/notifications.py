"""Operations on a bucket's notification configuration: kept as triggers and notifications that were declared through the API.

Those of config.yaml are shown too; a put has to name them as they are, because the API does not change that file."""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from router import names
from router.api.aws.s3 import notifying
from router.api.aws.s3.call import S3Call
from router.api.aws.s3.destinations import Destinations
from router.api.aws.s3.errors import S3Error, invalid
from router.api.aws.s3.intake import document_of
from router.api.aws.s3.markup import parsed
from router.api.aws.s3.notifying import NOTIFICATIONS, Notification
from router.api.declared import Change, Declared, Key
from router.config.fragments import TRIGGERS, Fragment
from router.config.types import Config
from router.events.eventbridge import Place
from router.events.http import Response
from router.sources.bucket_notification import of_bucket
from router.sources.s3dir import S3Trigger
from router.sources.targets import arn_of

PREFIX: Final = "s3-"  # of the names of ours among those that were declared


class Notifications:
    """What is done with notification configurations."""

    def __init__(self, declared: Declared, destinations: Destinations) -> None:
        self._declared, self._destinations = declared, destinations
        self._turn = asyncio.Lock()  # a configuration is looked at and replaced before the next one is

    async def get(self, call: S3Call) -> Response:
        """GetBucketNotificationConfiguration."""
        call.require("s3:GetBucketNotification", key="")
        config = self._declared.config
        bucket = _bucket(call, config)
        ours = [one for _, one in self._ours(call.bucket)]
        children = notifying.told([*of_config(config, call.bucket, ours), *ours], bridged=bucket.eventbridge)
        return call.xml("NotificationConfiguration", children)

    async def put(self, call: S3Call) -> Response:
        """PutBucketNotificationConfiguration: replaces all that was declared through the API."""
        call.require("s3:PutBucketNotification", key="")
        wanted = notifying.read(parsed(await document_of(call), "NotificationConfiguration"), call.access.region)
        async with self._turn:
            await self._replace(call, wanted)
        return Response(200)

    async def _replace(self, call: S3Call, wanted: notifying.Wanted) -> None:
        config = self._declared.config
        bucket = _bucket(call, config)
        kept = {(fragment.kind, fragment.name): one for fragment, one in self._ours(call.bucket)}
        fixed = {one.does: one for one in of_config(config, call.bucket, kept.values())}
        if missing := next((one for does, one in fixed.items() if does not in {found.does for found in wanted.notifications}), None):
            raise invalid(f"config.yaml has {missing.target} told of this bucket; the API does not change that: name it as it is")
        notifying.check_overlaps(wanted.notifications, fixed)
        ours = [one for one in wanted.notifications if one.does not in fixed]
        self._destinations.check(call, ours, config)
        puts = [_fragment(call.bucket, one) for one in ours]
        gone = [key for key in kept if key not in {(one.kind, one.name) for one in puts}]
        trial = self._destinations.trial(call, ours, config)
        bridge = self._bridge(call, bucket.eventbridge, bridged=wanted.bridged)
        await self._declared.change(Change((*puts, *bridge), tuple(gone), trial.beside))
        trial.landed()

    def gone(self, bucket: str) -> list[Key]:
        """What goes with a bucket. Raises S3Error where config.yaml still has somebody told of it."""
        ours = list(self._ours(bucket))
        if fixed := of_config(self._declared.config, bucket, [one for _, one in ours]):
            raise S3Error("AccessDenied", f"config.yaml has {fixed[0].target} told of this bucket, and the API does not change that")
        return [(fragment.kind, fragment.name) for fragment, _ in ours]

    def _ours(self, bucket: str) -> Iterator[tuple[Fragment, Notification]]:
        """What was declared through the API for this bucket."""
        for fragment in (*self._declared.of(NOTIFICATIONS), *self._declared.of(TRIGGERS)):
            value = fragment.value if isinstance(fragment.value, dict) else {}
            said = value.get("trigger", {}).get("s3") if fragment.kind == TRIGGERS else value
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


def of_config(config: Config, bucket: str, ours: Iterable[Notification]) -> list[Notification]:
    """What config.yaml has told of this bucket."""
    declared = {one.does for one in ours}
    found = []
    for function in config.functions.values():
        for trigger, target in zip(function.triggers, function.targets(), strict=True):
            if isinstance(trigger, S3Trigger) and trigger.bucket == bucket:
                plain, wanted = target.removesuffix(f":{names.LATEST}"), trigger.wanted
                arn = names.function_arn(config.region, config.account, plain)
                identity = trigger.configuration(target)
                found.append(Notification(identity, "function", plain, arn, wanted.events, wanted.prefix, wanted.suffix))
    place = Place(config.region, config.account)
    for told in of_bucket(config, bucket):
        wanted, to = told.wanted, told.to
        found.append(Notification(told.id, to.kind, to.name, arn_of(to, place), wanted.events, wanted.prefix, wanted.suffix))
    return [one for one in found if one.does not in declared]


def _notification(fragment: Fragment, said: dict[str, Any]) -> Notification:
    written = said.get("events", ["s3:ObjectCreated:*"])
    kind = next((kind for kind in notifying.KINDS if kind in said), "function")
    target = str(said.get(kind, ""))
    if kind == "function":
        qualifier = said.get("qualifier", "")
        target = str(fragment.value.get("function", "")) + (f":{qualifier}" if qualifier else "")
    identity = str(said.get("id") or fragment.about.get("bucket_notification", ""))
    filters = (said.get("prefix", ""), said.get("suffix", ""))
    one = Notification(identity, kind, target, str(fragment.about.get("arn", "")), notifying.events_of(written), *filters, tuple(written))
    return one if identity else one._replace(id=notifying.made_id(one))


def _fragment(bucket: str, one: Notification) -> Fragment:
    name = hashlib.sha256(f"{bucket}\n{one.id}".encode()).hexdigest()[:20]
    return Fragment(notifying.section_of(one.kind), f"{PREFIX}{bucket}-{name}", notifying.declared(bucket, one), {"arn": one.arn})
