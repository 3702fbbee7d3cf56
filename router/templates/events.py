"""Events of functions: each becomes a trigger. Pure.

Source: SAM developer guide, "EventSource" of AWS::Serverless::Function; CloudFormation template reference,
AWS::Lambda::EventSourceMapping."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from router.templates.draft import Draft, Item, escaped_all
from router.templates.http import route
from router.templates.props import Props
from router.templates.rules import rule_event, schedule_event, scheduler_event
from router.templates.stores import s3_trigger
from router.templates.words import Refused, shown

_NOT_HERE: Final = {
    "Kinesis": "Kinesis streams are not here; use a queue or a table's stream",
    "MSK": "Kafka is not here; use a queue",
    "SelfManagedKafka": "Kafka is not here; use a queue",
    "MQ": "message brokers are not here; use a queue",
    "DocumentDB": "DocumentDB is not here; use a table's stream",
    "Cognito": "Cognito is not here",
    "IoTRule": "IoT rules are not here",
    "AlexaSkill": "Alexa skills are not here; serve a route",
}


def function_events(item: Item, events: Mapping[str, Any], alias: str, draft: Draft) -> None:
    """Every event of a SAM function, each with a row of its own, when all that it may name is there."""
    for name, event in events.items():
        type_ = str(event.get("Type")) if isinstance(event, dict) else ""
        part = Item(f"{item.logical}.{name}", type_ or "event", item.name, item.raw, item.line)
        draft.later(_event(part, name, event, alias, draft))


def _event(item: Item, name: str, event: Any, alias: str, draft: Draft) -> Callable[[], None]:
    def work() -> None:
        if not isinstance(event, dict) or item.type not in EVENTS:
            raise Refused(_NOT_HERE.get(item.type, f"{shown(item.type)}: no event source that is known here"))
        props = Props(event.get("Properties") or {}, "", item.note)
        EVENTS[item.type](item, props, name, alias, draft)
        item.becomes = item.becomes or f"functions.{item.name}.triggers"

    def attempt() -> None:
        if item.name in draft.sections["functions"]:
            draft.attempt(item, work)
        else:
            draft.attempt(item, _refuse("its function is refused"))

    return attempt


def _refuse(sentence: str) -> Callable[[], None]:
    def work() -> None:
        raise Refused(sentence)

    return work


def _s3(item: Item, props: Props, name: str, alias: str, draft: Draft) -> None:
    del name
    bucket = draft.bucket(props.text("Bucket"))
    trigger = s3_trigger(bucket, props.texts("Events"), props)
    props.done()
    draft.trigger(item.name, "s3", trigger, qualifier=alias)


def _sqs(item: Item, props: Props, name: str, alias: str, draft: Draft) -> None:
    del name
    queue_mapping(props, draft.target(props.take("Queue")).name, item.name, alias, draft)


def queue_mapping(props: Props, queue: str, function: str, alias: str, draft: Draft) -> None:
    """An event source mapping over a queue."""
    value: dict[str, Any] = {"name": queue}
    for theirs, ours in (("BatchSize", "batch_size"), ("MaximumBatchingWindowInSeconds", "batch_window")):
        if (number := props.whole(theirs)) is not None:
            value[ours] = number
    scaling = props.child("ScalingConfig")
    if scaling is not None:
        value["maximum_concurrency"] = scaling.whole("MaximumConcurrency")
        scaling.done()
    _shared(props, value)
    enabled = props.truth("Enabled", default=True)
    props.done(_MAPPING)
    draft.trigger(function, "queue", value if len(value) > 1 else queue, enabled=enabled, qualifier=alias)


_MAPPING: Final = {
    "KmsKeyArn": "the filter lies in config.yaml",
    "MetricsConfig": "metrics are at the console's /metrics",
    "ProvisionedPollerConfig": "pollers follow the load by themselves",
    "LoggingConfig": "see the daemon's log",
}


def _shared(props: Props, value: dict[str, Any]) -> None:
    """What mappings of queues and streams have in common."""
    criteria = props.child("FilterCriteria")
    if criteria is not None:
        filters = []
        for each in criteria.children("Filters"):
            filters.append(escaped_all(each.json("Pattern")))
            each.done()
        criteria.done()
        if filters:
            value["filter"] = filters
    if "ReportBatchItemFailures" in props.texts("FunctionResponseTypes"):
        value["report_batch_item_failures"] = True


def _dynamodb(item: Item, props: Props, name: str, alias: str, draft: Draft) -> None:
    del name
    table_mapping(props, props.text("Stream"), item.name, alias, draft)


def table_mapping(props: Props, stream: str, function: str, alias: str, draft: Draft) -> None:
    """An event source mapping over a table's stream."""
    found = re.fullmatch(r"arn:aws:dynamodb:[^:]*:[^:]*:table/([^/]+)/stream/.+", stream)
    if found is None or found[1] not in draft.sections["tables"]:
        raise Refused(f"stream {shown(stream)} is not here")
    value: dict[str, Any] = {"name": found[1]}
    names = {
        "BatchSize": "batch_size",
        "MaximumBatchingWindowInSeconds": "batch_window",
        "ParallelizationFactor": "parallelization_factor",
        "MaximumRetryAttempts": "maximum_retry_attempts",
        "TumblingWindowInSeconds": "tumbling_window",
    }
    value |= {ours: number for theirs, ours in names.items() if (number := props.whole(theirs)) is not None}
    age = props.whole("MaximumRecordAgeInSeconds")
    if age is not None and age != -1:
        value["maximum_record_age"] = age
    value["starting_position"] = props.text("StartingPosition", "LATEST")
    if (moment := props.number("StartingPositionTimestamp")) is not None:
        value["starting_position_timestamp"] = _iso(moment)
    if props.truth("BisectBatchOnFunctionError"):
        value["bisect_on_error"] = True
    _shared(props, value)
    ends = props.child("DestinationConfig")
    failure = ends.child("OnFailure") if ends is not None else None
    if failure is not None:
        failure.take("Type")
        target = draft.target(failure.take("Destination"))
        value["on_failure"] = {target.kind: target.name}
        failure.done()
    enabled = props.truth("Enabled", default=True)
    props.done(_MAPPING)
    draft.trigger(function, "table", value, enabled=enabled, qualifier=alias)


def _iso(moment: float) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415 - rare

    try:
        return datetime.fromtimestamp(moment, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        raise Refused(f"StartingPositionTimestamp {moment} is no time") from None


def _api(item: Item, props: Props, name: str, alias: str, draft: Draft) -> None:
    del name
    route(item, props, "rest", alias, draft)


def _http_api(item: Item, props: Props, name: str, alias: str, draft: Draft) -> None:
    del name
    route(item, props, "http", alias, draft)


EVENTS: Final[Mapping[str, Callable[[Item, Props, str, str, Draft], None]]] = {
    "Api": _api,
    "HttpApi": _http_api,
    "S3": _s3,
    "SQS": _sqs,
    "DynamoDB": _dynamodb,
    "Schedule": schedule_event,
    "ScheduleV2": scheduler_event,
    "EventBridgeRule": rule_event,
    "CloudWatchEvent": rule_event,
}
