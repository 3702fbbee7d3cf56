"""DynamoDB streams and Kinesis."""

from base64 import b64decode
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from router.events import dynamodb, kinesis
from tests.fidelity.case import Case, flawed

HELLO = b"Hello, this is a test."


def _dynamodb(*records: Mapping[str, Any]) -> dict[str, Any]:
    return {"Records": list(records)}


def _example(new: dynamodb.Row, event: str, *, expired: bool) -> dict[str, Any]:
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/Example-Table/stream/2016-12-01T00:00:00.000"
    stream = dynamodb.Stream("example", arn, "us-east-1", "NEW_AND_OLD_IMAGES", ("val", "key"))
    change = dynamodb.Change(1, 0, 1480642020, None, new)
    return dynamodb.built(change, stream, event=event, sequence="1405400000000002063282832", expired=expired)


def _all_types() -> dict[str, Any]:
    one, other = b64decode("AAEqQQ=="), b64decode("QSoBAA==")
    small: dict[str, dynamodb.Value] = {
        "val": "data",
        "asdf1": one,
        "asdf2": dynamodb.BinarySet((one, other)),
        "key": "binary",
    }
    large: dict[str, dynamodb.Value] = {
        "val": "data",
        "asdf1": one,
        "b2": b64decode("test"),
        "asdf2": dynamodb.BinarySet((one, other, one)),
        "key": "binary",
        "Binary": one,
        "Boolean": True,
        "BinarySet": dynamodb.BinarySet((one, one)),
        "List": ["Cookies", "Coffee", Decimal("3.14159")],
        "Map": {"Name": "Joe", "Age": 35},
        "FloatNumber": 123.45,
        "IntegerNumber": 123,
        "NumberSet": dynamodb.NumberSet((1234, Decimal("567.8"))),
        "Null": None,
        "String": "Hello",
        "StringSet": dynamodb.StringSet(("Giraffe", "Zebra")),
        "EmptyStringSet": dynamodb.StringSet(),
    }
    return _dynamodb(
        _example(small, "f07f8ca4b0b26cb9c4e5e77e69f274ee", expired=True),
        _example(large, "f07f8ca4b0b26cb9c4e5e77e42f274ee", expired=False),
    )


def _insert_modify() -> dict[str, Any]:
    old: dynamodb.Row = {"Message": "New item!", "Id": 101}
    new: dynamodb.Row = {"Message": "This item has changed", "Id": 101}
    streams = [dynamodb.Stream("s", arn, "us-west-2", "NEW_AND_OLD_IMAGES", ("Id",)) for arn in ("eventsource_arn", "source_arn")]
    return _dynamodb(
        dynamodb.built(dynamodb.Change(1, 0, 1693997155, None, old), streams[0], event="1", sequence="111"),
        dynamodb.built(dynamodb.Change(2, 0, 1693997155, old, new), streams[1], event="2", sequence="222"),
    )


def _new_image() -> dict[str, Any]:
    arn = "arn:aws:dynamodb:us-east-1:111111111111:table/table-1/stream/2025-11-25T10-11-12.345"
    stream = dynamodb.Stream("recorded", arn, "us-east-1", "NEW_IMAGE", ("my_partition_key",))
    item: dynamodb.Row = {"my_partition_key": "hello world", "binary_key": b"foobar"}
    return _dynamodb(dynamodb.record(dynamodb.Change(1, 0, 1_764_065_472.5, None, item), stream))


def _kinesis_stream(region: str, role: str) -> kinesis.Stream:
    return kinesis.Stream(
        f"arn:aws:kinesis:{region}:123456789012:stream/lambda-stream",
        region,
        f"arn:aws:iam::123456789012:role/{role}",
        "shardId-000000000006",
    )


def _two_records() -> dict[str, Any]:
    records = [
        kinesis.Datum("49590338271490256608559692538361571095921575989136588898", "1", HELLO, 1545084650.987),
        kinesis.Datum("49590338271490256608559692540925702759324208523137515618", "1", b"This is only a test.", 1545084711.166),
    ]
    return kinesis.event(records, _kinesis_stream("us-east-2", "lambda-role"))


def _window() -> dict[str, Any]:
    record = kinesis.Datum("49590338271490256608559692538361571095921575989136588898", "1", HELLO, 1607497475.0)
    window = kinesis.Window(1607497440, 1607497560, {"1": "state 1", "2": "state 2"})
    return kinesis.event([record], _kinesis_stream("us-east-1", "lambda-kinesis-role"), window)


def _recorded_records() -> dict[str, Any]:
    arn = "arn:aws:kinesis:us-east-1:111111111111:stream/stream-1"
    stream = kinesis.Stream(arn, "us-east-1", "arn:aws:iam::111111111111:role/role-1", "shardId-000000000000")
    first = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898
    records = [kinesis.Datum(str(first + index), f"test_{index}", b"hello", 1_764_065_472.123 + index) for index in range(10)]
    return kinesis.event(records, stream)


CASES = [
    Case(
        "DynamoDB stream",
        "dynamodb_streams_all_attribute_types_and_ttl_identity",
        _all_types,
        deviations=[flawed("Records.1.dynamodb.SizeBytes", "that of the first record, although the image is five times as large")],
    ),
    Case(
        "DynamoDB stream",
        "dynamodb_streams_insert_modify",
        _insert_modify,
        deviations=[
            flawed("Records.*.eventVersion", "1.0, of 2015; every recording has 1.1"),
            flawed("Records.1.dynamodb.ApproximateCreationDateTime", "absent; every recording has it"),
        ],
    ),
    Case("DynamoDB stream", "dynamodb_streams_template_insert_new_image", _new_image, (0,)),
    Case("Kinesis", "kinesis_two_records", _two_records),
    Case("Kinesis", "kinesis_tumbling_window", _window),
    Case("Kinesis", "kinesis_template_records", _recorded_records),
]
