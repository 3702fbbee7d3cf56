"""Which triggers a file, a request or an event sets off, and why the others do not. Over the config alone; opens nothing."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple, TypeVar

from router.api.matching import changed, matches, passed_to, subscribed, triggers
from router.buckets.keys import Ignored, unfit
from router.config.types import Bucket, Config, Function
from router.errors import InvalidParameter
from router.events.filters import Filters
from router.events.gateway import BadPath
from router.events.http import Request
from router.events.patterns import Pattern, compile_pattern
from router.events.routes import RouteTable
from router.events.s3 import Filter
from router.sources.bucket_notification import BucketNotification, of_bucket
from router.sources.bus_trigger import EventTrigger
from router.sources.feed import TableTrigger
from router.sources.http import HttpSource
from router.sources.http_triggers import HttpTrigger
from router.sources.queue import QueueTrigger
from router.sources.ruling import Ruling
from router.sources.s3dir import S3Trigger
from router.sources.webhook_trigger import WebhookTrigger

T = TypeVar("T")

_MATCHES: Final = "event, prefix and suffix match"


class Finding(NamedTuple):
    """One trigger."""

    function: str
    trigger: str  # s3 inbox, http GET /x
    matches: bool
    why: str


# -- a file


def of_path(path: Path, config: Config) -> list[Finding]:
    """The triggers of the bucket that holds *path* (absolute). Raises InvalidParameter where it is no object of any."""
    bucket = next((one for one in config.buckets.values() if path.is_relative_to(one.path) and path != one.path), None)
    if bucket is None:
        there = ", ".join(f"{bucket.name} ({bucket.path})" for bucket in config.buckets.values())
        raise InvalidParameter(f"no bucket holds {path}; the config has {there or 'no buckets'}")
    key = str(PurePosixPath(path.relative_to(bucket.path)))
    if told := _no_object(bucket, key):
        raise InvalidParameter(f"{path} is no object of bucket {bucket.name}: {told}")
    watching = [(function, trigger) for function, trigger, _ in triggers(config, S3Trigger) if trigger.bucket == bucket.name]
    found = [_of_key(function.name, f"s3 {bucket.name}", trigger.wanted, key) for function, trigger in watching]
    found += [_of_key(one.spoken, _told_as(one), one.wanted, key) for one in of_bucket(config, bucket.name)]
    if not found:
        raise InvalidParameter(f"no enabled trigger watches bucket {bucket.name}, which holds {path}, and no queue or topic is told of it")
    return found


def _no_object(bucket: Bucket, key: str) -> str:
    if Ignored(bucket.ignore).key(key):
        segment = next(part for part in key.split("/") if Ignored(bucket.ignore).name(part))
        return f"its ignore patterns ({' '.join(bucket.ignore)}) cover {segment}"
    return {"": "", "not_utf8": "its name is not UTF-8"}.get(told := unfit(key), f"{told}: a key has 1024 bytes at most")


def _of_key(whose: str, told: str, wanted: Filter, key: str) -> Finding:
    kinds = " ".join(sorted(wanted.events))
    if not key.startswith(wanted.prefix):
        return Finding(whose, told, False, f"the key {key} does not begin with {wanted.prefix}")
    if not key.endswith(wanted.suffix):
        return Finding(whose, told, False, f"the key {key} does not end with {wanted.suffix}")
    return Finding(whose, told, True, f"the key is {key}; it wants {kinds}")


def _told_as(one: BucketNotification) -> str:
    return f"notification {one.bucket}/{one.id}"


# -- a request


def of_request(request: Request, source: HttpSource) -> list[Finding]:
    """Who answers a request on the http listener, and why nobody else does. Raises InvalidParameter for a path that none can be."""
    try:
        served = source.face_at(request)
    except BadPath as error:
        raise InvalidParameter(f"{request.target!r:.200} is no path: {error}") from error
    found = []
    for binding, face in source.faces:
        trigger, name = binding.trigger, binding.function.name
        if not isinstance(trigger, HttpTrigger | WebhookTrigger):
            why = "its host, or its path below /_url" if face is served else "neither its host nor its path below /_url"
            found.append(Finding(name, "url", face is served, why))
            continue
        kind = "webhook" if isinstance(trigger, WebhookTrigger) else f"http (api: {trigger.api})"
        method, _, route = trigger.route.key.partition(" ")
        told = f"{kind} {method}{' ' if route else ''}{getattr(trigger, 'base_path', '')}{route}"
        found.append(Finding(name, told, face is served, _of_route(trigger, request, matches=face is served, taken=served is not None)))
    return sorted(found, key=lambda finding: not finding.matches)


def _of_route(trigger: HttpTrigger | WebhookTrigger, request: Request, *, matches: bool, taken: bool) -> str:
    if matches:
        return "the most specific route that matches"
    path = request.path
    if base := getattr(trigger, "base_path", ""):
        if not f"{path}/".startswith(f"{base}/"):
            return f"the path does not begin with {base}"
        path = path.removeprefix(base) or "/"
    alone: RouteTable[None] = RouteTable()
    alone.add(trigger.route, None)
    if alone.find(request.method, path) is not None:
        return "matches too, but a more specific route is there" if taken else "its place is another's"
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
    if any(alone.find(method, path) for method in methods):
        return f"its path matches, its method is not {request.method}"
    return "its path is another"


# -- an event


def of_event(event: Any, config: Config) -> list[Finding]:
    """The rules, filters and triggers that look at an event: of a bus, or a batch of records. Raises InvalidParameter for any other."""
    if isinstance(event, Mapping) and "detail-type" in event and "source" in event:
        found = [_of_trigger(function, trigger, place, event) for function, trigger, place in triggers(config, EventTrigger)]
        found += [_of_ruling(ruling, ruling.pattern, event) for ruling in config.rules.values() if ruling.enabled and ruling.pattern]
    else:
        found = [finding for record in _records(event) for finding in _of_record(record, config)]
    if not found:
        raise InvalidParameter("no enabled trigger looks at events of this kind from there")
    return found


def _of_trigger(function: Function, trigger: EventTrigger, place: int, event: Mapping[str, Any]) -> Finding:
    told = f"event {trigger.bus}/{trigger.named(function.name, place)}"
    return Finding(function.name, told, *_of_pattern(trigger.pattern, trigger.written, event))


def _of_ruling(ruling: Ruling, pattern: Pattern, event: Mapping[str, Any]) -> Finding:
    whose = ", ".join(target.spoken for target in ruling.targets) or "nobody"
    return Finding(whose, f"rule {ruling.bus}/{ruling.name}", *_of_pattern(pattern, ruling.written, event))


def _of_pattern(pattern: Pattern, written: str, event: Mapping[str, Any]) -> tuple[bool, str]:
    if pattern.matches(event):
        return True, "its pattern matches"
    wrong = ", ".join(_failing(json.loads(written), event, ())) or "none of its alternatives"
    return False, f"its pattern does not match: {wrong}"


def _failing(pattern: Any, event: Any, path: tuple[str, ...]) -> Iterator[str]:
    """The fields of a pattern that an event does not match, as detail.total."""
    for key, wanted in pattern.items():
        where = (*path, key)
        if isinstance(wanted, dict) and isinstance(event, Mapping) and isinstance(event.get(key), Mapping):
            yield from _failing(wanted, event[key], where)
        elif not compile_pattern({key: wanted}).matches(event if isinstance(event, Mapping) else {}):
            yield ".".join(where)


def _records(event: Any) -> list[Mapping[str, Any]]:
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list) or not all(isinstance(record, Mapping) for record in records):
        raise InvalidParameter("this is neither an event of a bus (source, detail-type) nor a batch (Records)")
    return records


def _of_record(record: Mapping[str, Any], config: Config) -> Iterator[Finding]:
    source, arn = record.get("eventSource", record.get("EventSource")), str(record.get("eventSourceARN", ""))
    if source == "aws:sns":
        yield from _of_message(record, config)
    if source == "aws:s3":
        yield from _of_object(record, config)
    if source == "aws:dynamodb":
        name = arn.partition(":table/")[2].partition("/")[0]
        for function, table, _ in triggers(config, TableTrigger):
            if table.table.name == name:
                yield _filtered(function, f"table {name}", table.filters, record)
    if source == "aws:sqs":
        name = arn.rpartition(":")[2]
        for function, queue, _ in triggers(config, QueueTrigger):
            if queue.queue.name == name:
                yield _filtered(function, f"queue {name}", queue.filters, record)


def _of_object(record: Mapping[str, Any], config: Config) -> Iterator[Finding]:
    try:
        change, name = changed(record), str(record["eventName"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InvalidParameter("this is no s3-put event: something in it is not what such an event has there") from error
    others = [one for one in of_bucket(config, change.bucket) if one.wanted.matches(name, change.key)]
    try:
        found = matches("s3-put", {"Records": [record]}, config)
    except InvalidParameter:
        if not others:
            raise
        found = []
    yield from (Finding(match.envelope.function, match.envelope.source, True, _MATCHES) for match in found)
    yield from (Finding(one.spoken, _told_as(one), True, _MATCHES) for one in others)


def _of_message(record: Mapping[str, Any], config: Config) -> Iterator[Finding]:
    told = record.get("Sns")
    topic = str(told.get("TopicArn", "")).rpartition(":")[2] if isinstance(told, Mapping) else ""
    for one in subscribed(config).get(topic, ()):
        try:
            passes = passed_to(one, record)
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidParameter("this is no sns event: something in it is not what such an event has there") from error
        why = "its filter policy passes it, or there is none" if passes else "its filter policy does not pass it"
        yield Finding(one.settings.target, f"sns {topic}", passes, why)


def _filtered(function: Function, trigger: str, filters: Filters, record: Mapping[str, Any]) -> Finding:
    passes = filters.passes(record)
    return Finding(
        function.name, trigger, passes, "a filter passes it, or there is none" if passes else "no filter passes it: it counts as done"
    )
