"""Event source mappings in Lambda's words and in ours."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.lambda_.mapping_rules import document, source_of, taken, trigger
from router.api.aws.lambda_.place import Place
from router.api.aws.service import AwsError

PLACE = Place("us-east-1", "123456789012")
QUEUE = "arn:aws:sqs:us-east-1:123456789012:jobs"
STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2016-12-01T00:00:00.000"
ABOUT = {"id": "u", "function_arn": "a", "modified": 5.0}


def said(members: dict[str, Any], kind: str = "queue") -> str:
    with pytest.raises(AwsError) as caught:
        trigger(members, kind, "x", PLACE)
    return str(caught.value)


def test_a_queue() -> None:
    members = {
        "EventSourceArn": QUEUE,
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 5,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 4},
        "FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]},
        "Enabled": False,
    }
    assert source_of(members, PLACE) == ("queue", "jobs")
    assert trigger(members, "queue", "jobs", PLACE) == {
        "name": "jobs",
        "batch_size": 100,
        "batch_window": 5,
        "report_batch_item_failures": True,
        "maximum_concurrency": 4,
        "filter": [{"body": {"a": [1]}}],
        "enabled": False,
    }
    found = document(members, "queue", ABOUT, PLACE)
    assert (found["State"], found["StateTransitionReason"], found["BatchSize"]) == ("Disabled", "USER_INITIATED", 100)
    assert "StartingPosition" not in found


def test_a_stream() -> None:
    members = {
        "EventSourceArn": STREAM,
        "StartingPosition": "AT_TIMESTAMP",
        "StartingPositionTimestamp": 1480550400.0,
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 0,
        "MaximumRecordAgeInSeconds": -1,
        "ParallelizationFactor": 2,
        "DestinationConfig": {"OnFailure": {"Destination": QUEUE}},
    }
    assert source_of(members, PLACE) == ("table", "orders")
    assert trigger(members, "table", "orders", PLACE) == {
        "name": "orders",
        "starting_position": "AT_TIMESTAMP",
        "starting_position_timestamp": "2016-12-01T00:00:00.000Z",
        "bisect_on_error": True,
        "maximum_retry_attempts": 0,
        "parallelization_factor": 2,
        "on_failure": {"queue": "jobs"},
    }
    found = document({"EventSourceArn": STREAM, "StartingPosition": "LATEST"}, "table", ABOUT, PLACE)
    assert (found["MaximumRetryAttempts"], found["MaximumRecordAgeInSeconds"], found["TumblingWindowInSeconds"]) == (-1, -1, 0)
    assert (found["LastProcessingResult"], found["State"], found["BatchSize"]) == ("No records processed", "Enabled", 100)


@pytest.mark.parametrize(
    ("members", "kind", "part"),
    [
        ({"BatchSize": 11}, "queue", "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"),
        ({"ParallelizationFactor": 2}, "queue", "ParallelizationFactor is not valid for SQS"),
        ({}, "table", "Value null at 'startingPosition'"),
        ({"StartingPosition": "LATEST", "DestinationConfig": {"OnSuccess": {"Destination": QUEUE}}}, "table", "OnSuccess"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "{"}]}}, "queue", "Invalid filter pattern definition."),
        ({"FilterCriteria": {"Filters": [{"Pattern": "[" * 100_000}]}}, "queue", "Invalid filter pattern definition."),
        ({"DestinationConfig": {"OnFailure": {"Destination": QUEUE}}}, "queue", "DestinationConfig is not valid for SQS"),
        ({"StartingPosition": "LATEST", "StartingPositionTimestamp": 1.0}, "queue", "StartingPosition is not valid for SQS event sources."),
        (
            {"StartingPosition": "LATEST", "StartingPositionTimestamp": 1.0},
            "table",
            "Timestamp only valid with StartingPosition AT_TIMESTAMP",
        ),
        ({"StartingPositionTimestamp": 1.0}, "queue", "StartingPositionTimestamp is not valid for SQS"),
        ({"StartingPosition": "LATEST", "ScalingConfig": {"MaximumConcurrency": 2}}, "table", "ScalingConfig is not valid for DynamoDB"),
    ],
)
def test_what_cannot_be(members: dict[str, Any], kind: str, part: str) -> None:
    assert part in said(members, kind)


def test_a_source_that_has_its_mapping_is_told_in_the_words_of_its_service() -> None:
    said = f'An event source mapping with SQS arn (" {QUEUE} ") and function (" f ") already exists.'
    assert taken(QUEUE, "queue", "f", "u") == f"{said} Please update or delete the existing mapping with UUID u"
    said = f'The event source arn (" {STREAM} ") and function (" f ") provided mapping already exists.'
    assert taken(STREAM, "table", "f", "u") == f"{said} Please update or delete the existing mapping with UUID u"


def test_structures_of_nothing_ask_for_nothing() -> None:
    assert trigger({"DestinationConfig": {"OnFailure": {}}}, "queue", "x", PLACE) == {"name": "x"}
    assert "maximum_concurrency" not in trigger({"StartingPosition": "LATEST", "ScalingConfig": {}}, "table", "x", PLACE)


@pytest.mark.parametrize(
    "members", [{"EventSourceArn": "x"}, {}, {"EventSourceArn": QUEUE, "Topics": ["t"]}, {"EventSourceArn": QUEUE, "KMSKeyArn": "k"}]
)
def test_what_is_not_polled_here(members: dict[str, Any]) -> None:
    with pytest.raises(AwsError):
        source_of(members, PLACE)


@given(st.text())
def test_any_text_is_a_pattern_or_is_refused(pattern: str) -> None:
    try:
        found = trigger({"FilterCriteria": {"Filters": [{"Pattern": pattern}]}}, "queue", "x", PLACE)
    except AwsError as error:
        assert str(error) == "Invalid filter pattern definition."  # noqa: PT017 - either is right
    else:
        assert isinstance(found["filter"], list)
