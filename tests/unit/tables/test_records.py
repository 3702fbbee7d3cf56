"""Records of streams against AWS's own samples."""

import json
from pathlib import Path
from typing import Any

import pytest

from router.items.keys import Attribute, Schema
from router.items.values import Item
from router.tables.codec import plain
from router.tables.records import decoded, record, seq_of, sequence

GOLDEN = Path(__file__).parents[2] / "golden"
SAMPLES = json.loads((GOLDEN / "dynamodb_streams_insert_modify.json").read_text())["Records"]


@pytest.mark.parametrize("wanted", SAMPLES)
def test_a_record_is_as_aws_sends_it(wanted: dict[str, Any]) -> None:
    body = wanted["dynamodb"]
    schema = Schema(*(Attribute(name, next(iter(value))) for name, value in body["Keys"].items()))
    old, new = (plain(body[side]) if side in body else None for side in ("OldImage", "NewImage"))
    made = record(
        old,
        new,
        schema,
        view=body["StreamViewType"],
        seq=1,
        at=body.get("ApproximateCreationDateTime", 0),
        event=wanted["eventID"],
        region=wanted["awsRegion"],
        arn=wanted["eventSourceARN"],
    )
    told = dict(decoded(made))
    told["dynamodb"] = told["dynamodb"] | {"SequenceNumber": body["SequenceNumber"]}
    body.setdefault("ApproximateCreationDateTime", 0)  # one sample is older than that, and than version 1.1
    assert told == wanted | {"eventVersion": "1.1"}


def test_time_to_live_signs_its_records() -> None:
    schema = Schema(Attribute("id", "S"))
    old: Item = {"id": {"S": "a"}}
    made = record(old, None, schema, view="KEYS_ONLY", seq=1, at=0, event="0" * 32, region="r", arn="a", expired=True)
    assert decoded(made)["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert set(decoded(made)["dynamodb"]) == {"ApproximateCreationDateTime", "Keys", "SequenceNumber", "SizeBytes", "StreamViewType"}


def test_sequence_numbers_lead_back_to_their_records() -> None:
    assert [seq_of(int(sequence(seq))) for seq in (0, 1, 10**12)] == [0, 1, 10**12]
    assert seq_of(0) < 1
