"""AWS Lambda Powertools read our events: parser models as strictly as they can, data classes value by value."""

from datetime import UTC, datetime
from decimal import Decimal

from aws_lambda_powertools.utilities import data_classes
from aws_lambda_powertools.utilities.parser import models

from tests.fidelity.consumers.sent import AT, sent, strictly

EPOCH = "AWS sends a number, the model has a datetime"
TIME = datetime.fromtimestamp(AT, UTC)
KEY = "in/Gr\u00fc\u00dfe & a+b @1.csv"
ETAG = "0cc175b9c0f1b6a831c399e269772661"
PLACE = {"region": "eu-west-1", "account": "210987654321"}
S3_LAX = {"Records.eventTime": "the model converts before it checks"}
DYNAMODB_LAX = {"Records.eventVersion": "AWS sends text, the model has a float", "Records.dynamodb.ApproximateCreationDateTime": EPOCH}


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
    event = sent("schedule", name="nightly", id="7bf73129-1428-4cd3-a780-95db273d1602", time="2026-03-01T12:00:00Z", **PLACE)
    model = strictly(models.EventBridgeModel, event)
    assert (model.version, model.source, model.detail_type, model.detail) == ("0", "aws.events", "Scheduled Event", {})
    assert (model.account, model.region, model.time) == ("210987654321", "eu-west-1", TIME.replace(microsecond=0))
    assert model.resources == ["arn:aws:events:eu-west-1:210987654321:rule/nightly"]
    read = data_classes.EventBridgeEvent(event)
    assert (read.get_id, read.time, read.replay_name) == ("7bf73129-1428-4cd3-a780-95db273d1602", "2026-03-01T12:00:00Z", None)


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
