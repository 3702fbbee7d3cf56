"""What S3 tells EventBridge, by the notification's name; whole events are compared in tests/fidelity."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events import s3, s3_eventbridge
from router.events.eventbridge import Place

AT = datetime(2021, 11, 12, tzinfo=UTC)
CHANGE = s3.ObjectChange("b-1", "in/a b@c.txt", 5, "etag", "00617F08299329D189", AT, "v-1")
REQUEST = s3_eventbridge.Request("N4N7GDK58NMKJ12R", "123456789012", "1.2.3.4")
ID = "17793124-05d4-b198-2fde-7ededc63b103"


def told(name: str, change: s3.ObjectChange = CHANGE, request: s3_eventbridge.Request = REQUEST, **more: Any) -> dict[str, Any]:
    return s3_eventbridge.event(change, name, request, event_id=ID, place=Place("ca-central-1", "111122223333"), **more)


@pytest.mark.parametrize(
    ("name", "detail_type", "fields", "more"),
    [
        ("ObjectCreated:Put", "Object Created", "key size etag version-id sequencer", {"reason": "PutObject"}),
        ("ObjectCreated:Post", "Object Created", "key size etag version-id sequencer", {"reason": "POST Object"}),
        ("ObjectCreated:Copy", "Object Created", "key size etag version-id sequencer", {"reason": "CopyObject"}),
        (
            "ObjectCreated:CompleteMultipartUpload",
            "Object Created",
            "key size etag version-id sequencer",
            {"reason": "CompleteMultipartUpload"},
        ),
        (
            "ObjectRemoved:Delete",
            "Object Deleted",
            "key version-id sequencer",
            {"reason": "DeleteObject", "deletion-type": "Permanently Deleted"},
        ),
        (
            "ObjectRemoved:DeleteMarkerCreated",
            "Object Deleted",
            "key etag version-id sequencer",
            {"reason": "DeleteObject", "deletion-type": "Delete Marker Created"},
        ),
        (
            "LifecycleExpiration:Delete",
            "Object Deleted",
            "key version-id sequencer",
            {"reason": "Lifecycle Expiration", "deletion-type": "Permanently Deleted"},
        ),
        ("ObjectTagging:Put", "Object Tags Added", "key etag version-id", {}),
        ("ObjectTagging:Delete", "Object Tags Deleted", "key etag version-id", {}),
        ("ObjectAcl:Put", "Object ACL Updated", "key etag version-id", {}),
        ("ObjectRestore:Post", "Object Restore Initiated", "key size etag version-id", {}),
    ],
)
def test_the_name_decides_type_reason_and_what_is_said_of_the_object(
    name: str, detail_type: str, fields: str, more: dict[str, str]
) -> None:
    made = told(name)
    assert (made["detail-type"], made["source"], made["resources"]) == (detail_type, "aws.s3", ["arn:aws:s3:::b-1"])
    assert list(made["detail"]["object"]) == fields.split()
    common = {"version", "bucket", "object", "request-id", "requester", "source-ip-address"}
    assert {key: value for key, value in made["detail"].items() if key not in common} == more


def test_a_restore_says_where_the_copy_came_from_and_when_it_ends() -> None:
    restored = s3.Restored(datetime(2021, 11, 13, tzinfo=UTC), "GLACIER")
    request = s3_eventbridge.Request("N4N7GDK58NMKJ12R", s3_eventbridge.SERVICE)
    done = told(s3.RESTORED, request=request, restored=restored)["detail"]
    assert (done["restore-expiry-time"], done["source-storage-class"]) == ("2021-11-13T00:00:00Z", "GLACIER")
    assert "source-ip-address" not in done, "S3 did it by itself"
    begun = told("ObjectRestore:Post", restored=restored)["detail"]
    assert begun["source-storage-class"] == "GLACIER"
    assert "restore-expiry-time" not in begun


def test_a_bucket_without_versions_says_nothing_of_them() -> None:
    unversioned = s3.ObjectChange("b-1", "k", 5, "etag", "00", AT)
    assert "version-id" not in told(s3.CREATED, unversioned)["detail"]["object"]


@given(st.text(min_size=1))
def test_the_key_is_not_encoded(key: str) -> None:
    assert told(s3.CREATED, s3.ObjectChange("b-1", key, 5, "e", "00", AT))["detail"]["object"]["key"] == key


def test_what_has_no_event_and_what_has_no_zone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no EventBridge event is known for LifecycleTransition; there are LifecycleExpiration"):
        told("LifecycleTransition")
    with pytest.raises(ValueError, match="time zone"):
        told(s3.CREATED, s3.ObjectChange("b-1", "k", 5, "e", "00", AT.replace(tzinfo=None)))
