"""AWS Lambda Powertools read our events: parser models as strictly as they can, data classes value by value."""

import base64
import json
from decimal import Decimal
from urllib.parse import unquote_plus

import pytest
from aws_lambda_powertools.utilities import data_classes
from aws_lambda_powertools.utilities.parser import models

from router.events.shapes import SHAPES
from tests.fidelity.consumers.kinds import DYNAMODB_LAX, KINDS, LOGS_LAX, S3_LAX, SNS_LAX
from tests.fidelity.consumers.made import (
    ACCOUNT,
    BYTES,
    ETAG,
    KEY,
    NOTIFICATION,
    QUEUE,
    REGION,
    SEQUENCE,
    STREAM,
    SUBSCRIPTION,
    TEXT,
    TIME,
    UUID,
    made,
)
from tests.fidelity.consumers.sent import sent, strictly

PLACE = {"region": REGION, "account": ACCOUNT}


def test_every_type_that_router_event_prints_is_listed() -> None:
    assert SHAPES.keys() <= KINDS.keys()


@pytest.mark.parametrize("name", SHAPES)
def test_what_router_event_prints_is_an_event(name: str) -> None:
    kind = KINDS[name]
    strictly(kind.model, sent(name), kind.lax)


def test_an_object_was_put() -> None:
    event = sent(
        "s3-put", bucket="inbox", key=KEY, size="1025", etag=ETAG, sequencer="0064F5C3A1B2C3D4E5", time="2026-03-01T12:00:00.25Z", **PLACE
    )
    record = strictly(models.S3Model, event, S3_LAX).Records[0]
    assert (record.eventVersion, record.eventSource, record.eventName) == ("2.1", "aws:s3", "ObjectCreated:Put")
    assert (record.awsRegion, record.eventTime) == ("eu-west-1", TIME)
    assert (record.s3.bucket.name, record.s3.bucket.arn) == ("inbox", "arn:aws:s3:::inbox")
    assert (record.s3.object.size, record.s3.object.eTag, record.s3.object.sequencer) == (1025, ETAG, "0064F5C3A1B2C3D4E5")
    assert record.s3.object.versionId is None
    read = data_classes.S3Event(event)
    assert (read.bucket_name, read.object_key) == ("inbox", KEY)
    assert (read.record.s3.get_object.size, read.record.s3.get_object.etag) == (1025, ETAG)
    assert read.record.s3.configuration_id
    assert read.record.event_time == "2026-03-01T12:00:00.250Z"
    assert read.record.user_identity.principal_id
    assert read.record.request_parameters.source_ip_address == "127.0.0.1"
    assert read.record.response_elements.keys() == {"x-amz-request-id", "x-amz-id-2"}


def test_an_object_was_deleted() -> None:
    event = sent("s3-delete", bucket="inbox", key=KEY, sequencer="0064F5C3A1B2C3D4E6", **PLACE)
    record = strictly(models.S3Model, event, S3_LAX).Records[0]
    assert record.eventName == "ObjectRemoved:Delete"
    assert (record.s3.object.size, record.s3.object.eTag, record.s3.object.sequencer) == (None, None, "0064F5C3A1B2C3D4E6")
    assert data_classes.S3Event(event).object_key == KEY


def test_a_rule_fired() -> None:
    event = sent("schedule", name="nightly", id=UUID, time="2026-03-01T12:00:00Z", **PLACE)
    model = strictly(models.EventBridgeModel, event)
    assert (model.version, model.source, model.detail_type, model.detail) == ("0", "aws.events", "Scheduled Event", {})
    assert (model.account, model.region, model.time) == ("210987654321", "eu-west-1", TIME.replace(microsecond=0))
    assert model.resources == ["arn:aws:events:eu-west-1:210987654321:rule/nightly"]
    read = data_classes.EventBridgeEvent(event)
    assert (read.get_id, read.time, read.replay_name) == (UUID, "2026-03-01T12:00:00Z", None)


def test_a_schedule_fired() -> None:
    event = sent("scheduler", name="nightly", time="2026-03-01T12:00:00Z", **PLACE)
    model = strictly(models.EventBridgeModel, event)
    assert (model.source, model.detail_type, model.detail) == ("aws.scheduler", "Scheduled Event", {})
    assert model.resources == ["arn:aws:scheduler:eu-west-1:210987654321:schedule/default/nightly"]
    assert data_classes.EventBridgeEvent(event).raw_event["detail"] == "{}"


def test_a_row_changed() -> None:
    facts = {
        "table": "orders",
        "key": "id",
        "old": '{"id": 7, "price": 2.5, "note": null}',
        "new": '{"id": 7, "price": 2.75, "note": "\u00fc"}',
    }
    event = sent("dynamodb", time="2026-03-01T12:00:00Z", **facts, **PLACE)
    record = strictly(models.DynamoDBStreamModel, event, DYNAMODB_LAX).Records[0]
    assert (record.eventName, record.eventSource, record.awsRegion) == ("MODIFY", "aws:dynamodb", "eu-west-1")
    assert record.eventSourceARN.startswith("arn:aws:dynamodb:eu-west-1:210987654321:table/orders/stream/")
    assert record.dynamodb.ApproximateCreationDateTime == TIME.replace(microsecond=0)
    assert record.dynamodb.Keys == {"id": Decimal(7)}
    assert record.dynamodb.OldImage == {"id": Decimal(7), "price": Decimal("2.5"), "note": None}
    assert record.dynamodb.NewImage == {"id": Decimal(7), "price": Decimal("2.75"), "note": "\u00fc"}
    read = next(data_classes.DynamoDBStreamEvent(event).records)
    assert read.event_name is not None
    assert read.event_name.name == "MODIFY"
    assert read.dynamodb is not None
    assert (read.dynamodb.keys, read.dynamodb.new_image["price"]) == ({"id": Decimal(7)}, Decimal("2.75"))
    assert read.dynamodb.stream_view_type is not None
    assert read.dynamodb.stream_view_type.name == "NEW_AND_OLD_IMAGES"
    assert read.dynamodb.size_bytes == 2 + 2 + (2 + 2 + 5 + 2 + 4 + 1) + (2 + 2 + 5 + 3 + 4 + 2)


def test_an_object_was_put_and_the_bus_told() -> None:
    event = made("s3-eventbridge-created")
    model = strictly(models.S3EventNotificationEventBridgeModel, event)
    assert (model.source, model.detail_type, model.resources) == ("aws.s3", "Object Created", ["arn:aws:s3:::inbox"])
    assert (model.account, model.region, model.time) == (ACCOUNT, REGION, TIME.replace(microsecond=0))
    detail = model.detail
    assert (detail.bucket.name, detail.object.key, detail.object.size, detail.object.etag) == ("inbox", KEY, 1025, ETAG)
    assert (detail.request_id, detail.requester, detail.source_ip_address) == ("N4N7GDK58NMKJ12R", ACCOUNT, "192.0.2.7")
    assert (detail.reason, detail.deletion_type, detail.version) == ("PutObject", None, "0")
    read = data_classes.S3EventBridgeNotificationEvent(event)
    assert (read.detail.object.size, read.detail.object.etag) == (1025, ETAG)
    assert read.detail.object.key == unquote_plus(KEY)  # the data class decodes what is not encoded on a bus; the model does not
    assert read.detail.object.sequencer == "0064F5C3A1B2C3D4E5"


def test_an_object_was_deleted_and_the_bus_told() -> None:
    model = strictly(models.S3EventNotificationEventBridgeModel, made("s3-eventbridge-deleted"))
    assert (model.detail_type, model.detail.deletion_type, model.detail.reason) == ("Object Deleted", "Permanently Deleted", "DeleteObject")
    assert (model.detail.object.key, model.detail.object.size) == (KEY, None)


def test_an_event_on_a_bus() -> None:
    model = strictly(models.EventBridgeModel, made("eventbridge"))
    assert (model.id, model.source, model.detail_type) == (UUID, "shop", "Order Placed")
    assert model.detail == {"total": 12.5, "items": ["tea"]}
    assert (model.resources, model.replay_name) == ([f"arn:aws:shop:::{ACCOUNT}"], None)
    assert data_classes.EventBridgeEvent(made("eventbridge-replayed")).replay_name == "again"


def test_messages_of_a_queue() -> None:
    event = made("sqs")
    plain, rich = strictly(models.SqsModel, event).Records
    assert (plain.messageId, plain.body, plain.messageAttributes, plain.md5OfMessageAttributes) == (UUID, TEXT, {}, None)
    assert (plain.attributes.SentTimestamp, plain.attributes.ApproximateReceiveCount) == (TIME, "3")
    assert (plain.eventSourceARN, plain.awsRegion) == (QUEUE, REGION)
    assert rich.attributes.MessageGroupId == "group-1"
    assert rich.messageAttributes["size"].dataType == "Number"
    first, second = data_classes.SQSEvent(event).records
    assert first.json_body == json.loads(TEXT)
    assert first.queue_url == f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs"
    assert (first.attributes.sent_timestamp, first.attributes.approximate_first_receive_timestamp) == ("1772366400250", "1772366401000")
    kind, raw = second.message_attributes["kind"], second.message_attributes["raw"]
    assert kind is not None
    assert raw is not None
    assert (kind.string_value, kind.data_type) == ("order", "String")
    assert base64.b64decode(raw.binary_value or "") == BYTES
    assert (second.attributes.message_deduplication_id, second.attributes.sequence_number) == ("dedup-1", "18849496460467696128")
    assert second.attributes.dead_letter_queue_source_arn == f"arn:aws:sqs:{REGION}:{ACCOUNT}:first"
    assert second.attributes.aws_trace_header == "Root=1-5759e988-bd862e3fe1be46a994272793"


def test_a_notification_of_a_topic() -> None:
    event = made("sns")
    record = strictly(models.SnsModel, event, SNS_LAX).Records[0]
    assert (record.EventSource, record.EventVersion, record.EventSubscriptionArn) == ("aws:sns", "1.0", SUBSCRIPTION)
    assert (record.Sns.MessageId, record.Sns.TopicArn, record.Sns.Subject) == (UUID, NOTIFICATION.topic_arn, "hello")
    assert (record.Sns.Message, record.Sns.Timestamp) == (TEXT, TIME)
    read = data_classes.SNSEvent(event)
    assert read.sns_message == TEXT
    assert read.record.sns.message_attributes["kind"].value == "order"
    assert read.record.sns.unsubscribe_url.endswith(SUBSCRIPTION)


def test_records_of_a_stream() -> None:
    event = made("kinesis")
    first, second = strictly(models.KinesisDataStreamModel, event).Records
    assert (first.eventID, first.eventSourceARN) == (f"shardId-000000000000:{SEQUENCE}", STREAM.arn)
    assert (first.kinesis.data, first.kinesis.partitionKey, first.kinesis.sequenceNumber) == (TEXT.encode(), "a", SEQUENCE)
    assert first.kinesis.approximateArrivalTimestamp == TIME.timestamp()
    assert second.kinesis.data == BYTES
    read = list(data_classes.KinesisStreamEvent(event).records)
    assert read[0].kinesis.data_as_json() == json.loads(TEXT)
    assert read[1].kinesis.data_as_bytes() == BYTES
    assert read[0].invoke_identity_arn == STREAM.role_arn


def test_records_of_a_tumbling_window() -> None:
    read = data_classes.KinesisStreamEvent(made("kinesis-window"))
    assert read.window is not None
    assert (read.window.start, read.window.end) == ("2026-03-01T11:59:00Z", "2026-03-01T12:00:00Z")
    assert (read.state, read.shard_id, read.event_source_arn) == ({"count": 7}, "shardId-000000000000", STREAM.arn)
    assert (read.is_final_invoke_for_window, read.is_window_terminated_early) == (True, False)


def test_lines_of_a_log() -> None:
    event = made("logs")
    data = strictly(models.CloudWatchLogsModel, event, LOGS_LAX).awslogs.decoded_data
    assert (data.messageType, data.logGroup, data.subscriptionFilters) == ("DATA_MESSAGE", "/aws/lambda/resize", ["errors"])
    assert (data.logEvents[0].message, data.logEvents[0].timestamp) == (TEXT, TIME)
    read = data_classes.CloudWatchLogsEvent(event).parse_logs_data()
    assert (read.owner, read.log_stream) == (ACCOUNT, "2026/03/01/[$LATEST]3b9d")
    assert (read.log_events[0].message, read.log_events[0].timestamp) == (TEXT, 1_772_366_400_250)
