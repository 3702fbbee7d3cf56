"""The types that TypeScript handlers are written against fit our events, key for key."""

import json
from pathlib import Path

import pytest

from router.events.shapes import SHAPES
from tests.fidelity.consumers import conftest
from tests.fidelity.consumers.kinds import HTTP1, KINDS, REST, UNVERSIONED, WINDOW
from tests.fidelity.consumers.made import made
from tests.fidelity.consumers.sent import sent
from tests.fidelity.consumers.site import Site
from tests.fidelity.consumers.test_authorizers import passed
from tests.fidelity.consumers.typescript import Literal, Odd, check, source

pytestmark = pytest.mark.server


def literals(site: Site) -> list[Literal]:
    """Every type of event that the types know."""
    return [
        *(Literal(name.replace("-", "_"), kind.type, sent(name), kind.odd) for name in SHAPES for kind in [KINDS[name]]),
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
        Literal("httpFull", "APIGatewayProxyEventV2", site.told("http", "POST", "/a/b?c=d", [("Cookie", "a=1")], b"{}")),
        Literal("httpBare", "APIGatewayProxyEventV2", site.told("http", "GET", "/a")),
        Literal("http1", "APIGatewayProxyEvent", site.told("http1", "POST", "/a/b?c=d", [("Cookie", "a=1")], b"{}"), HTTP1),
        Literal("restFull", "APIGatewayProxyEvent", site.told("rest", "POST", "/a/b?c=d", [("Cookie", "a=1")], b"{}"), REST),
        Literal("restBare", "APIGatewayProxyEvent", site.told("rest", "GET", "/a"), REST),
        Literal("urlFull", "LambdaFunctionURLEvent", site.told("url", "POST", "/a/b?c=d", [("Cookie", "a=1")], b"{}")),
        Literal("albFull", "ALBEvent", site.told("alb", "POST", "/a/b?c=d", [("Cookie", "a=1")], b"{}")),
        Literal("albMulti", "ALBEvent", site.told("albmulti", "GET", "/a?b=c")),
    ]


def guarded(site: Site) -> list[Literal]:
    """What stands behind a Lambda authorizer, and what those were told."""
    rest, v2 = passed(site, "token"), passed(site, "v2")
    told = json.loads(v2["requestContext"]["authorizer"]["lambda"]["event"])
    rest_context = "{ event: string, number: number, yes: boolean }"
    key = [one for one in REST if one.path[-1] != "authorizer"]
    return [
        Literal("behindToken", f"APIGatewayProxyWithLambdaAuthorizerEvent<{rest_context}>", rest, key),
        Literal("behindV2", f"APIGatewayProxyEventV2WithLambdaAuthorizer<{rest_context}>", v2),
        Literal("toldV2", "APIGatewayRequestAuthorizerEventV2", told, [Odd(["cookies"], "AWS leaves it out where there are none", [])]),
    ]


def test_tsc_is_content(site: Site, tmp_path: Path) -> None:
    conftest.need_node()
    assert check(tmp_path, source([*literals(site), *guarded(site)])) == ""


def test_tsc_is_not_content(site: Site, tmp_path: Path) -> None:
    """A key too many, a wrong type and null for text are each an error, or the check above would say nothing."""
    conftest.need_node()
    wrong = []
    for number, change in enumerate(({"zone": "a"}, {"timeEpoch": "1"}, {"stage": None})):
        event = site.told("http", "GET", "/a")
        event["requestContext"] |= change
        wrong.append(Literal(f"wrong{number}", "APIGatewayProxyEventV2", event))
    complaints = [line for line in check(tmp_path, source(wrong)).splitlines() if ": error " in line]
    assert [line.partition(": error ")[2][:6] for line in complaints] == ["TS2353", "TS2322", "TS2322"]
