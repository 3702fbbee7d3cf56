"""DynamoDB stream records against AWS's samples, and what becomes of SQLite's values."""

import base64
import json
import math
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.dynamodb import (
    BinarySet,
    Change,
    NumberSet,
    Stream,
    StringSet,
    attribute,
    built,
    number_size,
    number_text,
    record,
    split,
    typed,
)

GOLDEN = Path(__file__).parents[2] / "golden"
ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/T/stream/2016-12-01T00:00:00.000"

VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | st.binary()
ROWS = st.dictionaries(st.text(min_size=1), VALUES, min_size=1)


def stream(view: Any = "NEW_AND_OLD_IMAGES", keys: tuple[str, ...] = ("Id",)) -> Stream:
    return Stream("s", ARN, "us-east-1", view, keys)


def plain(image: dict[str, Any]) -> dict[str, Any]:
    """A sample's image as SQLite would hold it."""
    read = {"S": str, "N": int, "B": base64.b64decode}
    return {name: read[kind](value) for name, typed_value in image.items() for kind, value in typed_value.items()}


def change_of(sample: dict[str, Any]) -> Change:
    body = sample["dynamodb"]
    old, new = body.get("OldImage"), body.get("NewImage")
    at = body.get("ApproximateCreationDateTime", 0)  # the second sample leaves it out, a recording has a token
    return Change(1, 2, at + 0.9 if isinstance(at, float) else 1.5, plain(old) if old else None, plain(new) if new else None)


@pytest.mark.parametrize("index", [0, 1])
def test_a_record_is_the_sample_of_aws(index: int) -> None:
    sample = json.loads((GOLDEN / "dynamodb_streams_insert_modify.json").read_text())["Records"][index]
    made = record(change_of(sample), stream())
    ours = {"eventID", "eventVersion", "awsRegion", "eventSourceARN"}  # the sample's are placeholders
    assert {name: value for name, value in made.items() if name not in ours | {"dynamodb"}} == {
        name: value for name, value in sample.items() if name not in ours | {"dynamodb"}
    }
    assert made.keys() == sample.keys()
    wild = {"SequenceNumber": 0} | ({} if index == 0 else {"ApproximateCreationDateTime": 0})
    assert made["dynamodb"] | wild == sample["dynamodb"] | wild


def test_a_recording_with_a_binary_value_and_the_new_image_alone() -> None:
    sample = json.loads((GOLDEN / "dynamodb_streams_template_insert_new_image.json").read_text())[0]["Records"][0]
    made = record(change_of(sample), stream("NEW_IMAGE", ("my_partition_key",)))
    wild = {"SequenceNumber": 0, "ApproximateCreationDateTime": 0}
    assert made["dynamodb"] | wild == sample["dynamodb"] | wild
    assert made.keys() == sample.keys()
    assert made["eventVersion"] == sample["eventVersion"]


def test_the_shape_of_identifiers_is_that_of_the_sample() -> None:
    sample = json.loads((GOLDEN / "dynamodb_streams_all_attribute_types_and_ttl_identity.json").read_text())["Records"][1]
    made = record(Change(7, 1, 0.0, None, {"Id": 1}), stream())
    for shape, of in (
        (r"[0-9a-f]{32}", lambda r: r["eventID"]),
        (r"[0-9]{21,40}", lambda r: r["dynamodb"]["SequenceNumber"]),
        (r"arn:aws:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[^/]+/stream/[0-9T:.-]{23}", lambda r: r["eventSourceARN"]),
    ):
        assert re.fullmatch(shape, of(sample))
        assert re.fullmatch(shape, of(made))
    assert type(made["dynamodb"]["ApproximateCreationDateTime"]) is type(sample["dynamodb"]["ApproximateCreationDateTime"])


@pytest.mark.parametrize(
    ("view", "images"),
    [
        ("KEYS_ONLY", set()),
        ("NEW_IMAGE", {"NewImage"}),
        ("OLD_IMAGE", {"OldImage"}),
        ("NEW_AND_OLD_IMAGES", {"NewImage", "OldImage"}),
    ],
)
def test_a_view_shows_its_images_and_an_absent_one_is_left_out(view: str, images: set[str]) -> None:
    row = {"Id": 1, "x": "y"}
    assert record(Change(1, 1, 0, row, row), stream(view))["dynamodb"].keys() & {"NewImage", "OldImage"} == images
    assert record(Change(1, 1, 0, None, row), stream(view))["dynamodb"].keys() & {"NewImage", "OldImage"} == images - {"OldImage"}
    assert record(Change(1, 1, 0, row, None), stream(view))["dynamodb"].keys() & {"NewImage", "OldImage"} == images - {"NewImage"}


def test_the_name_follows_the_images() -> None:
    row = {"Id": 1}
    names = [record(Change(1, 1, 0, *sides), stream())["eventName"] for sides in ((None, row), (row, row), (row, None))]
    assert names == ["INSERT", "MODIFY", "REMOVE"]


@pytest.mark.parametrize(
    ("value", "typed_value", "size"),
    [
        (None, {"NULL": True}, 1),
        (0, {"N": "0"}, 1),
        (101, {"N": "101"}, 3),
        (100, {"N": "100"}, 2),
        (-7, {"N": "-7"}, 3),
        (2**63 - 1, {"N": "9223372036854775807"}, 11),
        (1.0, {"N": "1"}, 2),
        (-0.0, {"N": "0"}, 1),
        (123.45, {"N": "123.45"}, 4),
        (0.1, {"N": "0.1"}, 2),
        (1e22, {"N": "1" + "0" * 22}, 2),
        (1e-7, {"N": "0.0000001"}, 2),
        (math.inf, {"S": "Infinity"}, 8),
        (-math.inf, {"S": "-Infinity"}, 9),
        ("", {"S": ""}, 0),
        ("é\0", {"S": "é\0"}, 3),
        (b"", {"B": ""}, 0),
        (b"\xff\0", {"B": "/wA="}, 2),
    ],
)
def test_what_becomes_of_a_value(value: Any, typed_value: dict[str, Any], size: int) -> None:
    assert attribute(value) == (typed_value, size)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1))
def test_a_number_reads_back_as_itself_without_an_exponent(value: float) -> None:
    text = number_text(value)
    assert re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?", text)
    assert text != "-0"
    assert (int(text) if isinstance(value, int) else float(text)) == value


@given(st.integers(-(10**17), 10**17), st.integers(-30, 30))
def test_a_number_has_a_byte_for_two_significant_digits(digits: int, exponent: int) -> None:
    number = Decimal(digits).scaleb(exponent)
    text = format(number, "f")
    significant = len("".join(map(str, number.normalize().as_tuple().digits))) if number else 0
    assert number_size(text) == math.ceil(significant / 2) + 1 + (digits < 0)


@given(ROWS)
def test_a_row_is_kept_whole_and_its_size_is_the_sum(row: dict[str, Any]) -> None:
    values, size = typed(row)
    assert values.keys() == row.keys()
    assert size == sum(attribute(value)[1] + len(name.encode()) for name, value in row.items())
    for name, value in row.items():
        ((kind, found),) = values[name].items()
        match value:
            case None:
                assert (kind, found) == ("NULL", True)
            case str():
                assert (kind, found) == ("S", value)
            case bytes():
                assert (kind, base64.b64decode(found)) == ("B", value)
            case _ if math.isinf(value):
                assert (kind, float(found)) == ("S", value)
            case _:
                assert kind == "N"


@given(st.lists(st.integers(0, 2**64), min_size=2, max_size=2, unique=True))
def test_sequence_numbers_sort_as_text_like_their_numbers(numbers: list[int]) -> None:
    texts = [record(Change(n, 0, 0, None, {"Id": n}), stream())["dynamodb"]["SequenceNumber"] for n in numbers]
    assert (texts[0] < texts[1]) == (numbers[0] < numbers[1])
    assert all(21 <= len(text) <= 40 for text in texts)


def test_an_event_id_is_kept_by_a_redelivery_and_shared_with_no_other_change() -> None:
    def made(number: int = 4, mark: int = 5, identity: str = "s") -> str:
        row = {"Id": 1}
        return str(record(Change(number, mark, 9.0, row, row), Stream(identity, ARN, "us-east-1", "KEYS_ONLY", ("Id",)))["eventID"])

    assert made() == made()
    assert len({made(), made(number=5), made(mark=6), made(identity="t")}) == 4


@given(ROWS, ROWS)
def test_a_change_of_the_key_is_a_remove_and_an_insert(old: dict[str, Any], new: dict[str, Any]) -> None:
    key = next(iter(old))
    new[key] = new.get(key)
    change = Change(8, 1, 2.0, old, new)
    halves = split(change, (key,))
    if attribute(old[key]) == attribute(new[key]):
        assert halves == (change,)
    else:
        assert [(half.number, half.old, half.new) for half in halves] == [(8, old, None), (9, None, new)]


@pytest.mark.parametrize("sides", [(None, {"Id": 1}), ({"Id": 1}, None)])
def test_a_new_or_removed_row_is_never_split(sides: Any) -> None:
    change = Change(8, 1, 2.0, *sides)
    assert split(change, ("Id",)) == (change,)


# -- the types that SQLite has not


@pytest.mark.parametrize(
    ("value", "made", "size"),
    [
        (True, {"BOOL": True}, 1),
        (False, {"BOOL": False}, 1),
        (Decimal("123.450"), {"N": "123.45"}, 4),
        (Decimal("-1E+3"), {"N": "-1000"}, 3),
        (StringSet(("Giraffe", "Zebra")), {"SS": ["Giraffe", "Zebra"]}, 12),
        (NumberSet((1234, Decimal("567.8"))), {"NS": ["1234", "567.8"]}, 6),
        (BinarySet((b"ab", b"c")), {"BS": ["YWI=", "Yw=="]}, 3),
        ([], {"L": []}, 3),
        (["a", 1, None, True], {"L": [{"S": "a"}, {"N": "1"}, {"NULL": True}, {"BOOL": True}]}, 1 + 2 + 1 + 1 + 3 + 4),
        ({}, {"M": {}}, 3),
        ({"Name": "Joe", "Age": 35}, {"M": {"Name": {"S": "Joe"}, "Age": {"N": "35"}}}, 4 + 3 + 3 + 2 + 3 + 2),
        ({"a": [{"b": StringSet(("c",))}]}, {"M": {"a": {"L": [{"M": {"b": {"SS": ["c"]}}}]}}}, 1 + (1 + 1 + 3 + 1) + 3 + 1 + 3 + 1),
    ],
)
def test_all_types_of_attribute_values_and_their_sizes(value: Any, made: dict[str, Any], size: int) -> None:
    assert attribute(value) == (made, size)


TREES = st.recursive(
    VALUES | st.booleans() | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1), TREES, min_size=1))
def test_any_item_is_json_of_one_key_values_and_has_a_size(item: dict[str, Any]) -> None:
    values, size = typed(item)
    assert json.loads(json.dumps(values)) == values
    assert values.keys() == item.keys()
    assert all(len(value) == 1 for value in values.values())
    assert size >= sum(len(name.encode()) for name in item)


def test_only_what_time_to_live_removed_carries_its_identity() -> None:
    gone = Change(1, 0, 5.5, {"Id": 1}, None)
    by_hand = built(gone, stream(), event="e" * 32, sequence="1" * 21)
    by_itself = built(gone, stream(), event="e" * 32, sequence="1" * 21, expired=True)
    assert "userIdentity" not in by_hand
    assert by_itself == by_hand | {"userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}
    assert (by_hand["eventID"], by_hand["dynamodb"]["SequenceNumber"]) == ("e" * 32, "1" * 21)
