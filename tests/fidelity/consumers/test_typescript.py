"""The types that TypeScript handlers are written against fit our events, key for key."""

from pathlib import Path

import pytest

from tests.fidelity.consumers import conftest
from tests.fidelity.consumers.made import made
from tests.fidelity.consumers.sent import sent
from tests.fidelity.consumers.site import Site
from tests.fidelity.consumers.typescript import Literal, Odd, check, source

pytestmark = pytest.mark.server

DELETED = ["Records", 0, "s3", "object"]
UNVERSIONED = Odd(["detail", "object", "version-id"], "AWS leaves it out where the bucket has no versions", "")
WINDOW = [
    Odd(["shardId"], "documented, unknown to the types"),
    Odd(["eventSourceARN"], "documented, unknown to the types"),
]
CONTEXT = "requestContext"
V1 = [
    Odd([CONTEXT, "identity", "apiKey"], "AWS leaves it out where no key is asked for", None),
    Odd([CONTEXT, "identity", "apiKeyId"], "AWS leaves it out where no key is asked for", None),
    Odd([CONTEXT, "identity", "clientCert"], "AWS leaves it out where no certificate is asked for", None),
]
REST = [
    *V1,
    Odd([CONTEXT, "authorizer"], "AWS leaves it out where there is none, the types have undefined or null", None),
    Odd([CONTEXT, "deploymentId"], "recorded from AWS, unknown to the types"),
]
HTTP1 = [
    *V1,
    Odd(["version"], "HTTP APIs send it, REST APIs do not; the types are those of REST APIs"),
    Odd([CONTEXT, "resourceId"], "null in HTTP APIs: they have no resources", ""),
]


def literals(site: Site) -> list[Literal]:
    """Every type of event that the types know."""
    return [
        Literal("put", "S3Event", sent("s3-put")),
        Literal(
            "deleted",
            "S3Event",
            sent("s3-delete"),
            [Odd([*DELETED, "size"], "AWS leaves it out", 0), Odd([*DELETED, "eTag"], "AWS leaves it out", "")],
        ),
        Literal("putOnBus", "S3ObjectCreatedNotificationEvent", made("s3-eventbridge-created"), [UNVERSIONED]),
        Literal(
            "deletedOnBus",
            "S3ObjectDeletedNotificationEvent",
            made("s3-eventbridge-deleted"),
            [UNVERSIONED, Odd(["detail", "object", "etag"], "AWS leaves it out", "")],
        ),
        Literal("onBus", "EventBridgeEvent<string, { total: number, items: string[] }>", made("eventbridge")),
        Literal("onBusAgain", "EventBridgeEvent<string, { total: number, items: string[] }>", made("eventbridge-replayed")),
        Literal("messages", "SQSEvent", made("sqs")),
        Literal("notification", "SNSEvent", made("sns")),
        Literal("records", "KinesisStreamEvent", made("kinesis")),
        Literal("recordsInWindow", "KinesisStreamTumblingWindowEvent", made("kinesis-window"), WINDOW),
        Literal("lines", "CloudWatchLogsEvent", made("logs")),
        Literal("rule", "ScheduledEvent", sent("schedule")),
        Literal("changed", "DynamoDBStreamEvent", sent("dynamodb")),
        Literal("http", "APIGatewayProxyEventV2", site.told("http", "POST", "/a/b?c=d", [("Cookie", "a=1")], b"{}")),
        Literal("httpBare", "APIGatewayProxyEventV2", site.told("http", "GET", "/a")),
        Literal("http1", "APIGatewayProxyEvent", site.told("http1", "POST", "/a/b?c=d", [("Cookie", "a=1")], b"{}"), HTTP1),
        Literal("rest", "APIGatewayProxyEvent", site.told("rest", "POST", "/a/b?c=d", [("Cookie", "a=1")], b"{}"), REST),
        Literal("restBare", "APIGatewayProxyEvent", site.told("rest", "GET", "/a"), REST),
        Literal("url", "LambdaFunctionURLEvent", site.told("url", "POST", "/a/b?c=d", [("Cookie", "a=1")], b"{}")),
        Literal("alb", "ALBEvent", site.told("alb", "POST", "/a/b?c=d", [("Cookie", "a=1")], b"{}")),
        Literal("albMulti", "ALBEvent", site.told("albmulti", "GET", "/a?b=c")),
    ]


def test_tsc_is_content(site: Site, tmp_path: Path) -> None:
    conftest.need_node()
    assert check(tmp_path, source(literals(site))) == ""


def test_tsc_is_not_content(site: Site, tmp_path: Path) -> None:
    """A key too many, a wrong type and null for text are each an error, or the check above would say nothing."""
    conftest.need_node()
    wrong = []
    for number, change in enumerate(({"zone": "a"}, {"timeEpoch": "1"}, {"stage": None})):
        event = site.told("http", "GET", "/a")
        event[CONTEXT] |= change
        wrong.append(Literal(f"wrong{number}", "APIGatewayProxyEventV2", event))
    complaints = [line for line in check(tmp_path, source(wrong)).splitlines() if ": error " in line]
    assert [line.partition(": error ")[2][:6] for line in complaints] == ["TS2353", "TS2322", "TS2322"]
