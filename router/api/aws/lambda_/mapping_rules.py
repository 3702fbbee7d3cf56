"""Event source mappings between Lambda's words and those of the triggers `queue` and `table`. Pure."""

import json
from collections.abc import Mapping
from typing import Any, Final

from router.api.aws.lambda_.place import Place, invalid, text
from router.api.aws.lambda_.settings import destinations
from router.events import arns
from router.events.filters import Filters
from router.events.patterns_values import InvalidPattern
from router.names import iso_ms

WITHOUT_WINDOW: Final = 10
_STREAM: Final = {  # member → key; of streams alone
    "StartingPosition": "starting_position",
    "ParallelizationFactor": "parallelization_factor",
    "BisectBatchOnFunctionError": "bisect_on_error",
    "MaximumRetryAttempts": "maximum_retry_attempts",
    "MaximumRecordAgeInSeconds": "maximum_record_age",
    "TumblingWindowInSeconds": "tumbling_window",
}
_STREAM_TOO: Final = ("StartingPositionTimestamp", "DestinationConfig")
_BOTH: Final = {"BatchSize": "batch_size", "MaximumBatchingWindowInSeconds": "batch_window"}
_REFUSED: Final = (
    *("Topics", "Queues", "SourceAccessConfigurations", "SelfManagedEventSource", "AmazonManagedKafkaEventSourceConfig"),
    *("SelfManagedKafkaEventSourceConfig", "DocumentDBEventSourceConfig", "KMSKeyArn", "ProvisionedPollerConfig", "MetricsConfig"),
    "LoggingConfig",
)
_FOR_EVER: Final = -1
_PARTIAL: Final = "ReportBatchItemFailures"


def refuse(members: Mapping[str, Any]) -> None:
    """Raise AwsError for what is not done here."""
    for name in _REFUSED:
        if members.get(name):
            raise invalid(f"{name} is not supported: functions poll queues of SQS and streams of DynamoDB tables here")


def source_of(members: Mapping[str, Any], place: Place) -> tuple[str, str]:
    """Kind and name of what is polled. Raises AwsError."""
    refuse(members)
    arn = text(members, "EventSourceArn")
    found = arns.event_source(arn, region=place.region, account=place.account)
    if found is None:
        raise invalid(f"Unrecognized event source: {arn:.200} is neither a queue nor a table's stream here")
    return found


def taken(arn: str, kind: str, function: str, mapping_id: str) -> str:
    """What is said when a source has a mapping to the function."""
    if kind == "queue":
        said = f'An event source mapping with SQS arn (" {arn} ") and function (" {function} ") already exists.'
    else:
        said = f'The event source arn (" {arn} ") and function (" {function} ") provided mapping already exists.'
    return f"{said} Please update or delete the existing mapping with UUID {mapping_id}"


def trigger(members: Mapping[str, Any], kind: str, name: str, place: Place) -> dict[str, Any]:
    """The value of the trigger. Raises AwsError."""
    found: dict[str, Any] = {"name": name}
    for member, key in _BOTH.items():
        if members.get(member) is not None:
            found[key] = members[member]
    _check_size(members, kind)
    found |= _of_stream(members, place) if kind == "table" else _of_queue(members)
    if _PARTIAL in (members.get("FunctionResponseTypes") or ()):
        found["report_batch_item_failures"] = True
    if patterns := _patterns(members, kind):
        found["filter"] = patterns
    if members.get("Enabled") is False:
        found["enabled"] = False
    return found


def document(members: Mapping[str, Any], kind: str, about: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """EventSourceMappingConfiguration; *members*: as they were given at last."""
    found: dict[str, Any] = {
        "UUID": about["id"],
        "EventSourceMappingArn": place.mapping_arn(str(about["id"])),
        "EventSourceArn": text(members, "EventSourceArn"),
        "FunctionArn": about["function_arn"],
        "BatchSize": members.get("BatchSize") or (10 if kind == "queue" else 100),
        "MaximumBatchingWindowInSeconds": members.get("MaximumBatchingWindowInSeconds") or 0,
        "FunctionResponseTypes": list(members.get("FunctionResponseTypes") or ()),
        "LastModified": float(about.get("modified") or 0),
        "State": "Disabled" if members.get("Enabled") is False else "Enabled",
        "StateTransitionReason": "USER_INITIATED" if kind == "queue" else "User action",
    }
    if (members.get("FilterCriteria") or {}).get("Filters"):
        found["FilterCriteria"] = {"Filters": [dict(one) for one in members["FilterCriteria"]["Filters"]]}
    if kind == "queue":
        if (members.get("ScalingConfig") or {}).get("MaximumConcurrency") is not None:
            found["ScalingConfig"] = dict(members["ScalingConfig"])
        return found
    found |= {
        "StartingPosition": text(members, "StartingPosition") or "TRIM_HORIZON",
        "ParallelizationFactor": members.get("ParallelizationFactor") or 1,
        "BisectBatchOnFunctionError": bool(members.get("BisectBatchOnFunctionError")),
        "MaximumRetryAttempts": _or(members.get("MaximumRetryAttempts"), _FOR_EVER),
        "MaximumRecordAgeInSeconds": _or(members.get("MaximumRecordAgeInSeconds"), _FOR_EVER),
        "TumblingWindowInSeconds": members.get("TumblingWindowInSeconds") or 0,
        "DestinationConfig": dict(members.get("DestinationConfig") or {"OnFailure": {}}),
        "LastProcessingResult": "No records processed",
    }
    if members.get("StartingPositionTimestamp") is not None:
        found["StartingPositionTimestamp"] = members["StartingPositionTimestamp"]
    return found


def _of_queue(members: Mapping[str, Any]) -> dict[str, Any]:
    wrong = [member for member in _STREAM if members.get(member) is not None]
    wrong += [member for member in _STREAM_TOO if _named(members.get(member))]
    if wrong:
        raise invalid(f"{wrong[0]} is not valid for SQS event sources.")
    most = (members.get("ScalingConfig") or {}).get("MaximumConcurrency")
    return {} if most is None else {"maximum_concurrency": most}


def _of_stream(members: Mapping[str, Any], place: Place) -> dict[str, Any]:
    if not members.get("StartingPosition"):
        raise invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null."
        )
    if members.get("StartingPositionTimestamp") is not None and members["StartingPosition"] != "AT_TIMESTAMP":
        raise invalid("Timestamp only valid with StartingPosition AT_TIMESTAMP")
    if _named(members.get("ScalingConfig")):
        raise invalid("ScalingConfig is not valid for DynamoDB event source mappings.")
    found = {key: members[member] for member, key in _STREAM.items() if members.get(member) is not None}
    if found.get("maximum_record_age") == _FOR_EVER:
        del found["maximum_record_age"]
    if members.get("StartingPositionTimestamp") is not None:
        found["starting_position_timestamp"] = iso_ms(float(members["StartingPositionTimestamp"]))
    sent = destinations(members.get("DestinationConfig") or {}, place)
    if "on_success" in sent:
        raise invalid("OnSuccess destinations are not supported for event source mappings")
    return found | sent


def _check_size(members: Mapping[str, Any], kind: str) -> None:
    size, window = members.get("BatchSize") or 0, members.get("MaximumBatchingWindowInSeconds") or 0
    if kind == "queue" and size > WITHOUT_WINDOW and window < 1:
        raise invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")


def _patterns(members: Mapping[str, Any], kind: str) -> list[Any]:
    """The filters' patterns. Raises AwsError."""
    found = []
    for one in (members.get("FilterCriteria") or {}).get("Filters") or ():
        try:
            pattern = json.loads(text(one, "Pattern"))
            Filters.of([pattern], "body" if kind == "queue" else "")
        except (ValueError, RecursionError, InvalidPattern):
            raise invalid("Invalid filter pattern definition.") from None
        found.append(pattern)
    return found


def _named(value: Any) -> bool:
    """Whether anything is asked for: SDKs and tools send structures of nothing."""
    return any(map(_named, value.values())) if isinstance(value, Mapping) else value not in (None, "")


def _or(value: Any, default: int) -> Any:
    return default if value is None else value
