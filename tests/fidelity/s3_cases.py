"""S3 notifications, to a function, in a queue and through EventBridge."""

import json
from datetime import UTC, datetime
from typing import Any

from router.events import s3, s3_eventbridge, sqs
from router.events.eventbridge import Place
from tests.fidelity.case import Case, flawed
from tests.fidelity.views import parsed_bodies

KIND = "S3 notification"
BRIDGED = "S3 through EventBridge"
SOMEBODY = s3.Caller(principal="AWS:AIDAJDPLRKLG7UEXAMPLE", source_ip="203.0.113.9", owner="A3NL1KOZZKExample".upper())
AT = datetime(2025, 1, 21, 18, 19, 46, 12_000, tzinfo=UTC)
SEQUENCER = s3.sequencer(int(AT.timestamp() * 1e9))


def recorded(name: str, key: str = "test-key", size: int = 0, etag: str = "", version_id: str = "") -> dict[str, Any]:
    """The record of one change in a bucket of a recording; run-specific facts are ours."""
    change = s3.ObjectChange("bucket-6ba1", key, size, etag, SEQUENCER, AT, version_id)
    event = s3.notification(change, name=name, region="us-east-1", account="111111111111", configuration="config-1", caller=SOMEBODY)
    record: dict[str, Any] = event["Records"][0]
    return record


def _powertools(name: str) -> dict[str, Any]:
    change = s3.ObjectChange(
        bucket="lambda-artifacts-deafc19498e3f2df",
        key="b21b84d653bb07b05b1e6b33684dc11b",
        size=1305107,
        etag="b21b84d653bb07b05b1e6b33684dc11b",
        sequencer="0C0F6F405D6ED209E1",
        at=datetime(2019, 9, 3, 19, 37, 27, 192_000, tzinfo=UTC),
    )
    caller = s3.Caller(
        principal="AWS:AIDAINPONIXQXHT3IKHL2",
        source_ip="205.255.255.255",
        request_id="D82B88E5F771F645",
        host_id="vlR7PnpV2Ce81l0PRw6jlUpck7Jo5ZsQjryTjKlc5aLWGVHPZLj5NeC6qMa0emYBDXOo6QBU0Wo=",
        owner="A3I5XTEXAMAI3E",
    )
    configuration = "828aa6fc-f7b5-4305-8584-487c791949c1"
    return s3.notification(change, name=name, region="us-east-2", account="123456789012", configuration=configuration, caller=caller)


def _with_space() -> dict[str, Any]:
    at = datetime(1970, 1, 1, 0, 0, 0, 123_000, tzinfo=UTC)
    change = s3.ObjectChange("sourcebucket", "Happy Face.jpg", 1024, "d41d8cd98f00b204e9800998ecf8427e", "Happy Sequencer", at, "version")
    host = "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD"
    caller = s3.Caller("EXAMPLE", "127.0.0.1", "C3D13FE58DE4C810", host, "EXAMPLE")
    return s3.notification(
        change,
        name="ObjectCreated:Put",
        region="us-east-1",
        account="123456789012",
        configuration="testConfigRule",
        version="2.0",
        caller=caller,
    )


def _restored() -> dict[str, Any]:
    at = datetime(2023, 5, 10, 15, 0, 0, 123_000, tzinfo=UTC)
    etag, sequencer = "0123456789abcdef0123456789abcdef", "0A1B2C3D4E5F678901"
    change = s3.ObjectChange("example-bucket", "glacier-test.txt", 1024, etag, sequencer, at, "abcdeH0Xp66ep__QDjR76LK7Gc9X4wKO")
    host = "EXAMPLE123/5678abcdefghijklambdaisawesome/mnopqrstuvwxyzABCDEFGH"
    return s3.notification(
        change,
        name=s3.RESTORED,
        region="us-west-2",
        account="123456789012",
        configuration="testConfigRule",
        caller=s3.Caller("EXAMPLE", "127.0.0.1", "EXAMPLE123456789", host, "EXAMPLE"),
        restored=s3.Restored(datetime(2023, 5, 17, 15, 0, 0, 456_000, tzinfo=UTC), "STANDARD"),
    )


def _in_queue() -> dict[str, Any]:
    at = datetime(2023, 4, 12, 20, 43, 38, 21_000, tzinfo=UTC)
    etag, version = "2e3ad1e983318bbd8e73b080e2997980", "yd3d4HaWOT2zguDLvIQLU6ptDTwKBnQV"
    change = s3.ObjectChange("xxx", "test.pdf", 104681, etag, "00643717F9F8B85354", at, version)
    host = "6ASrUfj5xpn859fIq+6FXflOex/SKl/rjfiMd7wRzMg/zkHKR22PDpnh7KD3uq//cuOTbdX4DInN5eIs+cR0dY1z2Mc5NDP/"
    caller = s3.Caller("A1YQ72UWCM96UF", "93.108.161.96", "YMSSR8BZJ2Y99K6P", host, "A1YQ72UWCM96UF")
    inner = s3.notification(
        change, name="ObjectCreated:Put", region="us-east-1", account="123456789012", configuration="SNS", caller=caller
    )
    message = sqs.Message(
        id="ca3e7a89-c358-40e5-8aa0-5da01403c267",
        handle=(
            "AQEBE7XoI7IQRLF7SrpiW9W4BanmOWe8UtVDbv6/CEZYKf/OktSNIb4j689tQfR4k44V/LY20lZ5VpxYt2GTYCsSLKTcBalTJaRX9CKu/hVqy/23sSNiKxnP56D+VLSn+"
            "hU275+AP1h4pUL0d9gLdRB2haX8xiM+LcGfis5Jl8BBXtoxKRF60O87O9/NvCmmXLeqkJuexfyEZNyed0fFCRXFXSjbmThG0OIQgcrGI8glBRGPA8htns58VtXFsSaPYNo"
            "qP3p5n6+ewKKVLD0lfm+0DlnLKRa+mjvFBaSer9KK1ff+Aq6zJ6HynPwADj+aF70Hwimc2zImYe51SLEF/E2csYlMNZYI/2qXW0m9R7wJ/XDTV4g2+h+BMTxsKnJQ6NQd"
        ),
        body=json.dumps(inner, separators=(",", ":")),
        sent=1681332219270,
        first_received=1681332239270,
        sender="AIDAJHIPRHEMV73VRJEBU",
    )
    return sqs.event([message], queue_arn="arn:aws:sqs:us-east-1:123456789012:SQS", region="us-east-1")


def _bridged(name: str) -> dict[str, Any]:
    change = s3.ObjectChange("bucket-6ba1", "test-key", 4, "8d777f385d3dfec8815d20f7496026dc", SEQUENCER, AT)
    request = s3_eventbridge.Request("N4N7GDK58NMKJ12R", "111111111111", "203.0.113.9")
    return s3_eventbridge.event(
        change, name, request, event_id="17793124-05d4-b198-2fde-7ededc63b103", place=Place("us-east-1", "111111111111")
    )


def _bridged_created() -> dict[str, Any]:
    at = datetime(2023, 3, 8, 17, 50, 14, 584_000, tzinfo=UTC)
    change = s3.ObjectChange("example-bucket", "IMG_m7fzo3.jpg", 184662, "4e68adba0abe2dc8653dc3354e14c01d", "006408CAD69598B05E", at)
    request = s3_eventbridge.Request("57H08PA84AB1JZW0", "123456789012", "34.252.34.74")
    place = Place("eu-west-1", "123456789012")
    return s3_eventbridge.event(change, s3.CREATED, request, event_id="f5f1e65c-dc3a-93ca-6c1e-b1647eac7963", place=place)


VERSIONED = (
    ("ObjectCreated:Put", 13, "6869c34ca384e0ed836d49214f881e87"),
    ("ObjectCreated:Put", 4, "8d777f385d3dfec8815d20f7496026dc"),
    (s3.REMOVED, 0, ""),
    (s3.MARKED, 0, ""),
)

CASES = [
    Case(KIND, "s3_object_created_put", lambda: _powertools(s3.CREATED)),
    Case(KIND, "s3_object_removed_delete", lambda: _powertools(s3.REMOVED)),
    Case(
        KIND,
        "s3_object_created_put_key_percent20",
        _with_space,
        deviations=[
            flawed(
                "Records.*.s3.object.key", "%20 for a space; AWS sends + (recorded: a%40b, and the guide's advice to call unquote_plus)"
            ),
            flawed("Records.*.s3.bucket.arn", "names another bucket than s3.bucket.name"),
        ],
    ),
    Case(
        KIND,
        "s3_object_restore_completed",
        _restored,
        deviations=[
            flawed("Records.*.eventName", "carries the s3: prefix that no recorded record has"),
            flawed("Records.*.s3.object.key", "encodes a hyphen"),
            flawed("Records.*.s3.object.urlDecodedKey", "added by the client library"),
            flawed("Records.*.restoreEventData.*", "stands beside s3; the guide puts it under glacierEventData"),
        ],
    ),
    Case(KIND, "s3_template_key_encoding", lambda: recorded("ObjectCreated:Put", "a@b", 9, "437b930db84b8079c2dd804a71936b5f"), (0,)),
    Case(
        KIND,
        "s3_template_multipart_complete",
        lambda: recorded("ObjectCreated:CompleteMultipartUpload", "test-key", 6144, "8eabe9d6b43316e840b079170916c079-1"),
        (0,),
    ),
    Case(KIND, "s3_template_tagging_put", lambda: recorded("ObjectTagging:Put", "k", 4, "f3e6da48d914f3f04f6bd9cb092c044d"), (0,)),
    *(
        Case(
            KIND,
            "s3_template_versioned_bucket",
            lambda name=name, size=size, etag=etag: recorded(name, "test-key", size, etag, "xPA4vj3p9yC81rn_Sd52XKzd9NQG0cxo"),
            (index,),
        )
        for index, (name, size, etag) in enumerate(VERSIONED)
    ),
    Case(
        KIND,
        "s3_template_filter_config_and_event",
        lambda: recorded("ObjectCreated:Put", "testupload/dir1/testfile.txt", 32, "f527a5c9f427867aeaf091c134949aa0"),
        ("message",),
    ),
    Case(
        KIND,
        "s3_notification_inside_sqs",
        _in_queue,
        view=parsed_bodies,
        deviations=[flawed("Records.*.md5OfBody", "of the body before the names in it were replaced")],
    ),
    Case(BRIDGED, "s3_eventbridge_object_created", _bridged_created),
    Case(BRIDGED, "s3_template_eventbridge_created_deleted", lambda: _bridged(s3.CREATED), ("object_created",)),
    Case(BRIDGED, "s3_template_eventbridge_created_deleted", lambda: _bridged(s3.REMOVED), ("object_deleted",)),
]
