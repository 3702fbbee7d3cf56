"""Events of our builders as a handler gets them, made of facts that a consumer can be asked for afterwards."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from router.events import cloudwatch_logs, eventbridge, kinesis, s3, s3_eventbridge, sns, sqs

AT: Final = 1_772_366_400.25  # 2026-03-01T12:00:00.250Z, epoch seconds
TIME: Final = datetime.fromtimestamp(AT, UTC)
REGION: Final = "eu-west-1"
ACCOUNT: Final = "210987654321"
PLACE: Final = eventbridge.Place(REGION, ACCOUNT)
KEY: Final = "in/Gr\u00fc\u00dfe & a+b @1.csv"
ETAG: Final = "0cc175b9c0f1b6a831c399e269772661"
TEXT: Final = '{"text": "Gr\u00fc\u00dfe, \u4e16\u754c"}'
BYTES: Final = bytes(range(256))
UUID: Final = "7bf73129-1428-4cd3-a780-95db273d1602"

CHANGE: Final = s3.ObjectChange("inbox", KEY, 1025, ETAG, "0064F5C3A1B2C3D4E5", TIME)
REQUEST: Final = s3_eventbridge.Request("N4N7GDK58NMKJ12R", ACCOUNT, "192.0.2.7")

QUEUE: Final = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
PLAIN: Final = sqs.Message(
    UUID, "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a", TEXT, 1_772_366_400_250, 1_772_366_401_000, "AIDAIENQZJOLO23YVJ4VO", receives=3
)
RICH: Final = sqs.Message(
    "059f36b4-87a3-44ab-83d2-661975830a7d",
    "AQEBzWwaftRI0KuVm4tP",
    "plain",
    1_772_366_400_250,
    1_772_366_401_000,
    "AIDAIENQZJOLO23YVJ4VO",
    attributes={"kind": sqs.Attribute("String", "order"), "size": sqs.Attribute("Number", "7"), "raw": sqs.Attribute("Binary", BYTES)},
    group="group-1",
    fifo=sqs.Fifo("dedup-1", "18849496460467696128"),
    dead_letter_source=f"arn:aws:sqs:{REGION}:{ACCOUNT}:first",
    trace="Root=1-5759e988-bd862e3fe1be46a994272793",
)
NOTIFICATION: Final = sns.Notification(
    UUID,
    f"arn:aws:sns:{REGION}:{ACCOUNT}:news",
    TEXT,
    AT,
    "hello",
    {"kind": sns.Attribute("String", "order"), "raw": sns.Attribute("Binary", "AAEC")},
)
SIGNED: Final = sns.Signed("EXAMPLEw6JRN==", f"https://sns.{REGION}.amazonaws.com/SimpleNotificationService-1.pem")
SUBSCRIPTION: Final = f"{NOTIFICATION.topic_arn}:{UUID}"
STREAM: Final = kinesis.Stream(
    f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/clicks", REGION, f"arn:aws:iam::{ACCOUNT}:role/reader", "shardId-000000000000"
)
SEQUENCE: Final = "49590338271490256608559692538361571095921575989136588898"
DATA: Final = (kinesis.Datum(SEQUENCE, "a", TEXT.encode(), AT), kinesis.Datum(f"{int(SEQUENCE) + 1}", "b", BYTES, AT))
WINDOW: Final = kinesis.Window(AT - 60.25, AT - 0.25, {"count": 7}, final=True)
LINES: Final = cloudwatch_logs.Batch(
    ACCOUNT,
    "/aws/lambda/resize",
    "2026/03/01/[$LATEST]3b9d",
    ["errors"],
    [cloudwatch_logs.Line("31953106606966983378809025079804211143289615424298221568", 1_772_366_400_250, TEXT)],
)
ENTRY: Final = eventbridge.Entry("shop", "Order Placed", '{"total": 12.5, "items": ["tea"]}', [f"arn:aws:shop:::{ACCOUNT}"])

EVENTS: Final[dict[str, Callable[[], Any]]] = {
    "s3-eventbridge-created": lambda: s3_eventbridge.event(CHANGE, "ObjectCreated:Put", REQUEST, event_id=UUID, place=PLACE),
    "s3-eventbridge-deleted": lambda: s3_eventbridge.event(CHANGE, s3.REMOVED, REQUEST, event_id=UUID, place=PLACE),
    "eventbridge": lambda: eventbridge.event(ENTRY, event_id=UUID, at=AT, place=PLACE),
    "eventbridge-replayed": lambda: eventbridge.event(ENTRY, event_id=UUID, at=AT, place=PLACE, replay="again"),
    "sqs": lambda: sqs.event([PLAIN, RICH], queue_arn=QUEUE, region=REGION),
    "sns": lambda: sns.event(NOTIFICATION, subscription_arn=SUBSCRIPTION, signed=SIGNED, endpoint=f"https://sns.{REGION}.amazonaws.com"),
    "kinesis": lambda: kinesis.event(DATA, STREAM),
    "kinesis-window": lambda: kinesis.event(DATA, STREAM, WINDOW),
    "logs": lambda: cloudwatch_logs.event(LINES),
}


def made(name: str) -> Any:
    """One of EVENTS, through JSON as on the way to a handler."""
    return json.loads(json.dumps(EVENTS[name]()))
