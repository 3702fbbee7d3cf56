"""Event source mappings of a template: over queues and over tables' streams. Pure.

Source: CloudFormation template reference, AWS::Lambda::EventSourceMapping; SAM developer guide, event sources SQS and DynamoDB."""

import re
from datetime import UTC, datetime
from typing import Any, Final

from router.templates.draft import Draft
from router.templates.props import Props
from router.templates.words import Refused, shown

_MAPPING: Final = {
    "KmsKeyArn": "the filter lies in config.yaml",
    "MetricsConfig": "metrics are at the console's /metrics",
    "ProvisionedPollerConfig": "pollers follow the load by themselves",
    "LoggingConfig": "see the daemon's log",
}


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


def _shared(props: Props, value: dict[str, Any]) -> None:
    """What mappings of queues and streams have in common."""
    criteria = props.child("FilterCriteria")
    if criteria is not None:
        filters = []
        for each in criteria.children("Filters"):
            filters.append(each.json("Pattern"))
            each.done()
        criteria.done()
        if filters:
            value["filter"] = filters
    if "ReportBatchItemFailures" in props.texts("FunctionResponseTypes"):
        value["report_batch_item_failures"] = True


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
    try:
        return datetime.fromtimestamp(moment, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        raise Refused(f"StartingPositionTimestamp {moment} is no time") from None
