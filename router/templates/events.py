"""Events of functions: each becomes a trigger. Pure.

Source: SAM developer guide, "EventSource" of AWS::Serverless::Function."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from router.templates import log_filters, managed_policies, topics
from router.templates.draft import Draft, Item
from router.templates.http import route
from router.templates.mappings import queue_mapping, table_mapping
from router.templates.notifications import s3_trigger
from router.templates.props import Props
from router.templates.rules import rule_event, schedule_event, scheduler_event
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
        if odd := [key for key in event if key not in {"Type", "Properties"}]:
            raise Refused(f"{shown(odd[0])}: beside Type an event has Properties alone")
        props = Props(event.get("Properties") or {}, "", item.note)
        EVENTS[item.type](item, props, name, alias, draft)
        item.becomes = item.becomes or f"functions.{item.name}.triggers"

    def attempt() -> None:
        draft.attempt(item, _refuse("its function is refused") if item.logical.partition(".")[0] in draft.refused else work)

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
    draft.allow(item.name, managed_policies.statements("AWSLambdaSQSQueueExecutionRole"))


def _dynamodb(item: Item, props: Props, name: str, alias: str, draft: Draft) -> None:
    del name
    table_mapping(props, props.text("Stream"), item.name, alias, draft)
    draft.allow(item.name, managed_policies.statements("AWSLambdaDynamoDBExecutionRole"))


def _sns(item: Item, props: Props, name: str, alias: str, draft: Draft) -> None:
    topics.event(item, props, name, alias, draft)


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
    "SNS": _sns,
    "DynamoDB": _dynamodb,
    "Schedule": schedule_event,
    "ScheduleV2": scheduler_event,
    "EventBridgeRule": rule_event,
    "CloudWatchEvent": rule_event,
    "CloudWatchLogs": log_filters.event,
}
