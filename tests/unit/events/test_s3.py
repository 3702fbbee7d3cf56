"""The shape of S3 notifications against AWS's samples; keys and sequencers as properties."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config import resources
from router.config.types import Bucket
from router.events import s3
from router.events.s3 import Filter, ObjectChange

GOLDEN = Path(__file__).parents[2] / "golden"
AT = datetime(2019, 9, 3, 19, 37, 27, 192_999, tzinfo=UTC)
CHANGE = ObjectChange("uploads", "in/photo.jpg", 1305107, "b21b84d653bb07b05b1e6b33684dc11b", "005D6ED209E1000000", AT)


def record(change: ObjectChange = CHANGE, name: str = s3.CREATED, **more: Any) -> dict[str, Any]:
    facts = {"region": "eu-west-1", "account": "123456789012", "configuration": "c-1"} | more
    event = s3.notification(change, name=name, **facts)
    (only,) = event["Records"]
    assert list(event) == ["Records"]
    return only


def shape(value: Any) -> Any:
    """Keys and types, values left out."""
    return {key: shape(one) for key, one in value.items()} if isinstance(value, dict) else type(value).__name__


@pytest.mark.parametrize(("name", "sample"), [(s3.CREATED, "s3_object_created_put.json"), (s3.REMOVED, "s3_object_removed_delete.json")])
def test_a_record_has_the_keys_and_types_of_the_recorded_one(name: str, sample: str) -> None:
    golden = json.loads((GOLDEN / sample).read_text())["Records"][0]
    assert shape(record(name=name)) == shape(golden)
    assert record(name=name)["eventName"] == golden["eventName"]
    assert len(record()["responseElements"]["x-amz-request-id"]) == len(golden["responseElements"]["x-amz-request-id"])
    assert len(record()["responseElements"]["x-amz-id-2"]) == len(golden["responseElements"]["x-amz-id-2"])


def test_constant_fields_are_those_of_the_recorded_one() -> None:
    golden = json.loads((GOLDEN / "s3_object_created_put.json").read_text())["Records"][0]
    mine = record()
    assert [mine[key] for key in ("eventVersion", "eventSource")] == [golden[key] for key in ("eventVersion", "eventSource")]
    assert mine["s3"]["s3SchemaVersion"] == golden["s3"]["s3SchemaVersion"]
    assert mine["eventTime"] == golden["eventTime"] == "2019-09-03T19:37:27.192Z"
    assert mine["s3"]["object"] == {
        "key": "in/photo.jpg",
        "size": 1305107,
        "eTag": "b21b84d653bb07b05b1e6b33684dc11b",
        "sequencer": "005D6ED209E1000000",
    }
    assert mine["awsRegion"] == "eu-west-1"
    assert mine["requestParameters"] == {"sourceIPAddress": "127.0.0.1"}
    assert mine["s3"]["configurationId"] == "c-1"
    assert mine["s3"]["bucket"]["arn"] == "arn:aws:s3:::uploads"


def test_a_key_is_encoded_as_aws_recorded_it() -> None:
    golden = json.loads((GOLDEN / "s3_template_key_encoding.json").read_text())[0]
    assert s3.encoded("a@b") == golden["s3"]["object"]["key"] == "a%40b"


@pytest.mark.parametrize(
    ("key", "encoded"),
    [
        ("a b", "a+b"),
        ("a+b", "a%2Bb"),
        ("in/ü.txt", "in/%C3%BC.txt"),
        ("a%2e%2e/b", "a%252e%252e/b"),
        ("a\nb", "a%0Ab"),
        ("-a_b.c", "-a_b.c"),
    ],
)
def test_a_key_is_form_data_with_its_slashes(key: str, encoded: str) -> None:
    assert s3.encoded(key) == encoded


@given(key=st.text(min_size=1))
def test_a_handler_gets_the_key_back(key: str) -> None:
    """unquote_plus, as AWS's own samples call it, restores any key."""
    told = record(ObjectChange("b", key, 1, "", "00", AT))["s3"]["object"]["key"]
    assert unquote_plus(told) == key
    assert told.isascii()


def test_a_time_elsewhere_is_told_in_utc_and_a_naive_one_is_refused() -> None:
    east = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert record(ObjectChange("b", "k", 1, "", "00", east))["eventTime"] == "2019-09-03T19:37:27.192Z"
    with pytest.raises(ValueError, match="time zone"):
        record(ObjectChange("b", "k", 1, "", "00", AT.replace(tzinfo=None)))


def test_telling_a_change_again_tells_the_same_and_another_change_another_request_id() -> None:
    again, other = record(), record(ObjectChange("uploads", "in/photo.jpg", 1, "", "005D6ED209E1000001", AT))
    assert again == record()
    assert again["responseElements"] != other["responseElements"]
    assert again["userIdentity"] == other["userIdentity"]
    assert record(account="999999999999")["userIdentity"] != again["userIdentity"]


# -- sequencers


def test_a_sequencer_has_the_form_of_the_recorded_ones() -> None:
    at = datetime(2023, 3, 8, 17, 50, 14, tzinfo=UTC)
    mine = s3.sequencer(int(at.timestamp()) * 10**9)
    assert mine[:10] == "006408CAD6"  # the recorded 006408CAD69598B05E is of that second
    assert mine == "006408CAD600000000"


@given(at=st.integers(0, 4_000_000_000 * 10**9), previous=st.integers(0, 4_000_000_000 * 10**9), stir=st.integers(0, 65536))
def test_a_sequencer_is_greater_than_the_one_before(at: int, previous: int, stir: int) -> None:
    before = s3.sequencer(previous)
    after = s3.sequencer(at, before, stir)
    assert len(after) == len(before) == 18
    assert after == after.upper()
    assert after > before
    assert s3.sequencer(at, before, stir) == after  # the same facts give the same sequencer
    if s3.sequencer(at) > before:
        assert after == s3.sequencer(at)
    else:
        assert int(after, 16) == int(before, 16) + 1 + stir


@given(at=st.integers(0, 4_000_000_000 * 10**9), later=st.integers(1, 10**12))
def test_a_nanosecond_later_is_a_later_sequencer(at: int, later: int) -> None:
    assert s3.sequencer(at + later) > s3.sequencer(at)


# -- names and filters

ALL_CREATED = {f"ObjectCreated:{how}" for how in ("Put", "Post", "Copy", "CompleteMultipartUpload")}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("s3:ObjectCreated:*", ALL_CREATED),
        ("ObjectCreated:*", ALL_CREATED),
        ("s3:ObjectCreated:Put", {s3.CREATED}),
        ("s3:ObjectRemoved:*", {s3.REMOVED, s3.MARKED}),
        ("ObjectRemoved:Delete", {s3.REMOVED}),
        ("s3:ObjectCreated:Copy", {s3.COPIED}),
        ("s3:ObjectTagging:*", {s3.TAGGED, s3.UNTAGGED}),
    ],
)
def test_event_names_in_aws_spelling(pattern: str, names: set[str]) -> None:
    assert s3.event_names(pattern) == names


@pytest.mark.parametrize(
    "pattern",
    ["s3:ObjectAcl:Put", "s3:ObjectRestore:*", "s3:ObjectRemoved:DeleteMarkerCreated", "s3:LifecycleTransition", "s3:TestEvent"],
)
def test_an_event_that_nothing_here_causes_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="nothing here causes"):
        s3.event_names(pattern)


def test_an_unknown_event_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ValueError, match=r"unknown S3 event 's3:ObjectCreate:\*', did you mean s3:ObjectCreated:\*\?"):
        s3.event_names("s3:ObjectCreate:*")
    with pytest.raises(ValueError, match="unknown S3 event"):
        s3.event_names("s3:ObjectAcl:*")  # AWS has no such wildcard


def test_a_filter_wants_event_prefix_and_suffix() -> None:
    wanted = Filter(frozenset({s3.CREATED}), "in/", ".jpg")
    assert wanted.matches(s3.CREATED, "in/a b.jpg")
    assert not wanted.matches(s3.REMOVED, "in/a b.jpg")
    assert not wanted.matches(s3.CREATED, "out/a.jpg")
    assert not wanted.matches(s3.CREATED, "in/a.png")
    assert Filter(frozenset({s3.CREATED}), "ü ").matches(s3.CREATED, "ü x")  # the decoded key


def test_a_configuration_id_stays_and_differs_by_trigger() -> None:
    wanted = Filter(frozenset({s3.CREATED}), "in/")
    assert s3.configuration_id("f", "b", wanted) == s3.configuration_id("f", "b", Filter(frozenset({s3.CREATED}), "in/"))
    others = {s3.configuration_id(*key) for key in (("f", "b", wanted), ("g", "b", wanted), ("f", "c", wanted))}
    assert len(others | {s3.configuration_id("f", "b", Filter(frozenset({s3.CREATED}), "", "in/"))}) == 4


# -- what a record says, by its name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ObjectCreated:Put", ["key", "size", "eTag", "versionId", "sequencer"]),
        ("ObjectCreated:Copy", ["key", "size", "eTag", "versionId", "sequencer"]),
        ("ObjectRestore:Completed", ["key", "size", "eTag", "versionId", "sequencer"]),
        ("ObjectRemoved:Delete", ["key", "versionId", "sequencer"]),
        ("ObjectRemoved:DeleteMarkerCreated", ["key", "eTag", "versionId", "sequencer"]),
        ("ObjectTagging:Put", ["key", "eTag", "versionId"]),
        ("ObjectTagging:Delete", ["key", "eTag", "versionId"]),
        ("ObjectAcl:Put", ["key", "eTag", "versionId"]),
    ],
)
def test_the_name_decides_what_is_said_of_the_object(name: str, told: list[str]) -> None:
    versioned = ObjectChange("b", "k", 1, "e", "00", AT, "v1")
    assert list(record(versioned, name=name)["s3"]["object"]) == told
    unversioned = record(ObjectChange("b", "k", 1, "e", "00", AT), name=name)["s3"]["object"]
    assert list(unversioned) == [field for field in told if field != "versionId"], "absent, not null"


def test_a_delete_marker_has_the_etag_of_nothing() -> None:
    assert record(ObjectChange("b", "k", 7, "e", "00", AT, "v"), name=s3.MARKED)["s3"]["object"]["eTag"] == hashlib.md5(b"").hexdigest()


@pytest.mark.parametrize("name", ["LifecycleTransition", "IntelligentTiering", "Replication:OperationNotTracked", "TestEvent", "Nonsense"])
def test_a_record_nobody_has_seen_is_not_made_up(name: str) -> None:
    with pytest.raises(ValueError, match="is not known"):
        record(name=name)


@pytest.mark.parametrize(
    ("name", "version", "told"),
    [
        ("ObjectCreated:Put", "2.1", "2.1"),
        ("ObjectRemoved:Delete", "2.1", "2.1"),
        ("ObjectRestore:Completed", "2.1", "2.1"),
        ("ObjectRestore:Delete", "2.1", "2.3"),
        ("ObjectTagging:Put", "2.1", "2.3"),
        ("ObjectAcl:Put", "2.1", "2.3"),
        ("ObjectTagging:Put", "2.6", "2.6"),
        ("ObjectCreated:Put", "2.0", "2.0"),
    ],
)
def test_the_recorded_version_differs_by_type_and_any_other_is_one_for_all(name: str, version: str, told: str) -> None:
    assert record(name=name, version=version)["eventVersion"] == told


def test_the_config_offers_the_versions_there_are() -> None:
    assert resources.EVENT_VERSIONS == s3.VERSIONS
    assert Bucket("b", Path()).event_version == s3.RECORDED


def test_what_the_caller_says_of_himself_is_told() -> None:
    caller = s3.Caller("AWS:AROA:me", "203.0.113.9", "R" * 16, "host", "OWNER")
    told = record(caller=caller)
    assert told["userIdentity"] == {"principalId": "AWS:AROA:me"}
    assert told["requestParameters"] == {"sourceIPAddress": "203.0.113.9"}
    assert told["responseElements"] == {"x-amz-request-id": "R" * 16, "x-amz-id-2": "host"}
    assert told["s3"]["bucket"]["ownerIdentity"] == {"principalId": "OWNER"}


def test_a_completed_restore_says_when_the_copy_ends_beside_the_object() -> None:
    restored = s3.Restored(datetime(2023, 5, 17, 15, tzinfo=UTC), "GLACIER")
    told = record(name=s3.RESTORED, restored=restored)
    assert told["glacierEventData"] == {
        "restoreEventData": {"lifecycleRestorationExpiryTime": "2023-05-17T15:00:00.000Z", "lifecycleRestoreStorageClass": "GLACIER"},
    }
    assert "glacierEventData" not in record(name=s3.RESTORED)
    assert told["userIdentity"]["principalId"] == f"AmazonCustomer:{told['s3']['bucket']['ownerIdentity']['principalId']}"


def test_a_saved_configuration_is_announced_without_records() -> None:
    told = s3.configuration_saved("uploads", AT, request_id="D82B88E5F771F645", host_id="h")
    assert told == {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": "2019-09-03T19:37:27.192Z",
        "Bucket": "uploads",
        "RequestId": "D82B88E5F771F645",
        "HostId": "h",
    }
