"""Which triggers an event would set off, and what each of their functions would get. Pure.

For events that come by hand (`router event --send`): the same rules as the sources', over the config alone. Whatever is
no event of its type, or sets off nothing, is refused with a sentence that says why."""

import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import unquote_plus

import orjson

from router.config.types import Config, Function
from router.errors import InvalidParameter
from router.events import s3, scheduled
from router.events.sqs import Attribute
from router.model import Envelope
from router.sources.base import Binding
from router.sources.bucket_notification import of_bucket
from router.sources.bus_rules import Occurrence, Rule, Unfit
from router.sources.bus_trigger import EventTrigger
from router.sources.feed import TableTrigger
from router.sources.logs_trigger import LogsTrigger
from router.sources.queue import QueueTrigger
from router.sources.s3dir import S3Trigger
from router.sources.s3dir_tell import lane
from router.sources.schedule_trigger import ScheduleTrigger
from router.sources.topic_subscribers import Drawn, Subscriber
from router.sources.topic_trigger import SnsTrigger

LARGEST: Final = 16 * 1024 * 1024  # bytes of log events, unzipped

T = TypeVar("T")


class Match(NamedTuple):
    """One function that gets the event."""

    envelope: Envelope
    mapped: bool = False  # by an event source mapping: invoked, where others are queued


def matches(kind: str, event: Any, config: Config) -> list[Match]:
    """Who gets *event*, a value of the type *kind* of `router event`; never nobody. Raises InvalidParameter."""
    match = _KINDS.get(kind)
    if match is None:
        raise InvalidParameter(f"{kind!r:.60} is no type of event that triggers match; there are {', '.join(_KINDS)}")
    try:
        return match(kind, event, config)
    except KeyError as error:
        raise InvalidParameter(f"this is no {kind} event: {error.args[0]!r:.60} is missing") from error
    except (IndexError, TypeError, AttributeError, ValueError) as error:
        raise InvalidParameter(f"this is no {kind} event: something in it is not what such an event has there") from error


# -- buckets


def _s3(_: str, event: Any, config: Config) -> list[Match]:
    """By bucket and filters, as the directory's own source does it; the records name the configuration that matched.

    Queues and topics that the bucket tells get nothing."""
    if len(event["Records"]) != 1:
        raise InvalidParameter(f"an S3 event to send has one record, this one has {len(event['Records'])}")
    record = event["Records"][0]
    name, bucket = _text(record["eventName"]), _text(record["s3"]["bucket"]["name"])
    change = changed(record)
    watching = [one for one in triggers(config, S3Trigger) if one[1].bucket == bucket]
    others = [one.spoken for one in of_bucket(config, bucket) if one.wanted.matches(name, change.key)]
    beside = f"; of queues and topics {', '.join(others)} would be told: put the object itself" if others else ""
    if not watching:
        raise InvalidParameter(f"no trigger watches bucket {bucket:.100}{_near(bucket, config.buckets)}{beside}")
    wanted: dict[str, tuple[S3Trigger, str]] = {}
    for function, trigger, place in watching:
        if trigger.wanted.matches(name, change.key):
            wanted.setdefault(function.name, (trigger, function.target_at(place)))
    if not wanted:
        told = "; ".join(f"{function.name} wants {_spoken(trigger.wanted)}" for function, trigger, _ in watching)
        raise InvalidParameter(f"no trigger of bucket {bucket} wants {name:.100} of {change.key!r:.200}: {told}{beside}")
    return [_notified(change, record, trigger, target, config) for trigger, target in wanted.values()]


def changed(record: Mapping[str, Any]) -> s3.ObjectChange:
    """The change that a record tells of. Raises KeyError, TypeError, ValueError for what is no record."""
    told = record["s3"]["object"]
    return s3.ObjectChange(
        bucket=str(record["s3"]["bucket"]["name"]),
        key=unquote_plus(told["key"], errors="strict"),
        size=int(told.get("size", 0)),
        etag=str(told.get("eTag", "")),
        sequencer=str(told.get("sequencer", "")),
        at=datetime.fromisoformat(record["eventTime"]),
        version_id=str(told.get("versionId", "")),
    )


def _notified(change: s3.ObjectChange, record: Mapping[str, Any], trigger: S3Trigger, target: str, config: Config) -> Match:
    event = s3.notification(
        change,
        name=record["eventName"],
        region=config.region,
        account=config.account,
        configuration=trigger.configuration(target),
        version=config.buckets[change.bucket].event_version,
        caller=s3.Caller(source_ip=str(record["requestParameters"]["sourceIPAddress"])),
    )
    return Match(Envelope(target, orjson.dumps(event), f"s3:{change.bucket}", shard=lane(change.key)))


def _spoken(wanted: s3.Filter) -> str:
    """A filter in words."""
    places = [f"{word} {value!r}" for word, value in (("prefix", wanted.prefix), ("suffix", wanted.suffix)) if value]
    return " with ".join([", ".join(sorted(wanted.events)), " and ".join(places)] if places else [", ".join(sorted(wanted.events))])


# -- schedules


def _schedule(kind: str, event: Any, config: Config) -> list[Match]:
    """By the name in the resource's ARN. An input of the trigger's takes the event's place, as when it fires."""
    name = _text(event["resources"][0]).rpartition("/")[2]
    found = {
        trigger.named(function.name, place): (function.target_at(place), trigger)
        for function, trigger, place in triggers(config, ScheduleTrigger)
    }
    if name not in found:
        raise InvalidParameter(f"no schedule {name:.100}{_near(name, found)}")
    target, trigger = found[name]
    own = "scheduler" if trigger.scheduler else "schedule"
    if kind != own:
        whose = "EventBridge Scheduler's, for it has a time zone or is an at()" if trigger.scheduler else "an EventBridge rule's"
        raise InvalidParameter(f"schedule {name} is {whose}: send {own}")
    at = datetime.fromisoformat(event["time"]).timestamp()
    firing = scheduled.Firing(name, config.region, config.account, at, str(event["id"]))
    payload = scheduled.payload(firing, trigger.input, scheduler=trigger.scheduler)
    return [Match(Envelope(target, payload, f"schedule:{name}"))]


# -- tables


def _table(_: str, event: Any, config: Config) -> list[Match]:
    """By the table in the stream's ARN. Mapped: invoked now with these records; no cursor moves."""
    tables = {_text(record["eventSourceARN"]).split("/")[1] for record in event["Records"]}
    if len(tables) != 1:
        raise InvalidParameter(f"the records to send are of one table, these are of {len(tables)}")
    (table,) = tables
    functions = [function.target_at(place) for function, trigger, place in triggers(config, TableTrigger) if trigger.table.name == table]
    if not functions:
        raise InvalidParameter(f"no trigger reads table {table:.100}{_near(table, [*config.tables, *config.item_tables])}")
    payload = orjson.dumps(event)
    return [Match(Envelope(function, payload, f"table:{table}"), mapped=True) for function in dict.fromkeys(functions)]


# -- event buses


def _bus(_: str, event: Any, config: Config) -> list[Match]:
    """By the rules of the default bus. It does not pass through the bus: its archive stays as it is."""
    occurrence = Occurrence.of("default", event, datetime.fromisoformat(event["time"]).timestamp())
    of_all = (
        Rule.of(Binding(function, trigger, place, _qualifier(function, place)), config)
        for function, trigger, place in triggers(config, EventTrigger)
    )
    listed = (Rule.ruled(ruling, config) for ruling in config.rules.values() if ruling.enabled and ruling.pattern is not None)
    rules = [rule for rule in (*of_all, *listed) if rule.bus == "default"]
    found = [rule for rule in rules if rule.pattern.matches(event)]
    if not found:
        told = f"none of its {len(rules)} rules matches" if rules else "it has no rules"
        raise InvalidParameter(f"the event sets nothing off on the default bus: {told}")
    try:
        made = [envelope for rule in found for envelope in rule.envelopes(occurrence, at=occurrence.at)]
    except Unfit as error:
        raise InvalidParameter(str(error)) from error
    if not made:
        told = ", ".join(f"{rule.name} → {rule.function or 'nothing'}" for rule in found)
        raise InvalidParameter(f"no rule that matches has a function: {told}; `router buses put` puts events for any target")
    return [Match(envelope._replace(sequencer="")) for envelope in made]


# -- queues


def _queue(_: str, event: Any, config: Config) -> list[Match]:
    """By the queue in the records' ARN. Mapped: invoked now with these records; the queue itself is not touched."""
    arns = {_text(record["eventSourceARN"]) for record in event["Records"]}
    if len(arns) != 1:
        raise InvalidParameter(f"the records to send are of one queue, these are of {len(arns)}")
    queue = min(arns).rpartition(":")[2]
    functions = [function.target_at(place) for function, trigger, place in triggers(config, QueueTrigger) if trigger.queue.name == queue]
    if not functions:
        raise InvalidParameter(f"no trigger reads queue {queue:.100}{_near(queue, config.queues)}")
    payload = orjson.dumps(event)
    return [Match(Envelope(function, payload, f"queue:{queue}"), mapped=True) for function in dict.fromkeys(functions)]


# -- topics


def _topic(_: str, event: Any, config: Config) -> list[Match]:
    """By the topic in the record's ARN and by filter policies: functions get the event as it is. Queues that subscribe get nothing."""
    if len(event["Records"]) != 1:
        raise InvalidParameter(f"an SNS event to send has one record, this one has {len(event['Records'])}")
    topic = _text(event["Records"][0]["Sns"]["TopicArn"]).rpartition(":")[2]
    there = subscribed(config).get(topic, ())
    if not there:
        raise InvalidParameter(f"no function subscribes to topic {topic:.100}{_near(topic, config.topics)}")
    found = [one for one in there if passed_to(one, event["Records"][0])]
    if not found:
        raise InvalidParameter(f"no filter policy of topic {topic} passes the message")
    return [Match(Envelope(one.settings.target, orjson.dumps(event), f"sns:{topic}")) for one in found]


def subscribed(config: Config) -> Mapping[str, Sequence[Subscriber]]:
    """Topic → the functions that subscribe to it, by a trigger or under `topics`."""
    bindings = [Binding(function, one, place, _qualifier(function, place)) for function, one, place in triggers(config, SnsTrigger)]
    drawn = Drawn.of(bindings, config)
    return {topic: [one for one in all_ if one.settings.kind == "function"] for topic, all_ in drawn.subscribers.items()}


def passed_to(subscriber: Subscriber, record: Mapping[str, Any]) -> bool:
    """Whether a subscription's filter policy passes the message of a record."""
    told = record["Sns"]
    attributes = {str(name): Attribute(_text(one["Type"]), _text(one["Value"])) for name, one in told.get("MessageAttributes", {}).items()}
    return subscriber.filter is None or subscriber.filter.passes(_text(told["Message"]), attributes)


# -- log groups


def _logs(_: str, event: Any, config: Config) -> list[Match]:
    """By the group and the filters in the data; which of its events a pattern lets pass was decided before."""
    told = orjson.loads(_unzipped(b64decode(_text(event["awslogs"]["data"]), validate=True)))
    group, named = _text(told["logGroup"]), {_text(name) for name in told["subscriptionFilters"]}
    there = {
        trigger.named(function.name, place): function.target_at(place)
        for function, trigger, place in triggers(config, LogsTrigger)
        if trigger.group == group
    }
    if not there:
        groups = {trigger.group for _, trigger, _ in triggers(config, LogsTrigger)}
        raise InvalidParameter(f"no trigger follows log group {group:.100}{_near(group, [*groups])}")
    targets = [target for name, target in there.items() if name in named]
    if not targets:
        raise InvalidParameter(
            f"log group {group} has no subscription filter {', '.join(sorted(named)):.200}; it has {', '.join(sorted(there))}"
        )
    payload = orjson.dumps(event)
    return [Match(Envelope(target, payload, f"logs:{group}")) for target in targets]


def _unzipped(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(data, LARGEST)
    except zlib.error as error:
        raise ValueError(str(error)) from error


# -- what no trigger takes


def _by_hand(kind: str) -> str:
    return f"`router event {kind} | router invoke FUNCTION -e -` hands it to a function"


def _no_trigger(kind: str, event: Any, config: Config) -> list[Match]:
    del event, config
    raise InvalidParameter(f"{kind} cannot be sent: no trigger takes such events; {_by_hand(kind)}")


def _no_authorizer(kind: str, event: Any, config: Config) -> list[Match]:
    del event, config
    raise InvalidParameter(f"{kind} cannot be sent: an authorizer is asked by its route; send a request to that, or {_by_hand(kind)}")


_KINDS: Final[Mapping[str, Callable[[str, Any, Config], list[Match]]]] = {
    **dict.fromkeys(("s3-put", "s3-copy", "s3-multipart", "s3-delete"), _s3),
    **dict.fromkeys(("schedule", "scheduler"), _schedule),
    "dynamodb": _table,
    **dict.fromkeys(("s3-eventbridge", "eventbridge"), _bus),
    "kinesis": _no_trigger,
    "logs": _logs,
    "sqs": _queue,
    "sns": _topic,
    **dict.fromkeys(("authorizer-token", "authorizer-request"), _no_authorizer),
}


def _qualifier(function: Function, place: int) -> str:
    return function.target_at(place).partition(":")[2]


def triggers(config: Config, kind: type[T]) -> Iterator[tuple[Function, T, int]]:
    """Every enabled trigger of a kind, its function, and its place among all that the function lists."""
    for function in config.functions.values():
        for place, trigger in function.placed():
            if isinstance(trigger, kind):
                yield function, trigger, place


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is not text")
    return value


def _near(word: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f", did you mean {close[0]}?" if close and close[0] != word else ""
