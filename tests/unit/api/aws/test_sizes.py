"""How large a body may be is known from its head, and who sends more hears of it as the service would say it."""

import contextlib
import gzip
import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws import query, sizes
from router.api.aws.query import FORM
from router.api.aws.values import Malformed
from router.events.http import Request, Response
from router.model import SYNC_LIMIT
from router.web.heads import Head
from router.web.refused import Refused
from tests.unit.api.aws.test_routing import scoped

MB = 1024 * 1024
POSTED = [("content-type", FORM)]
JSON = "application/x-amz-json-1.0"


def head(method: str, target: str, headers: Any, length: int | None = None) -> Head:
    return Head(method, target, "HTTP/1.1", headers, "h", length, close=False, expects=False)


def to(target: str) -> list[tuple[str, str]]:
    return [("x-amz-target", target)]


@pytest.mark.parametrize(
    ("method", "target", "headers", "most"),
    [
        ("POST", "/", to("DynamoDB_20120810.BatchWriteItem"), 16 * MB),
        ("POST", "/", to("DynamoDBStreams_20120810.GetRecords"), MB),
        ("POST", "/", to("AmazonSQS.SendMessageBatch"), 4 * MB),
        ("POST", "/", to("AWSEvents.PutEvents"), 4 * MB),
        ("POST", "/", to("Logs_20140328.PutLogEvents"), 8 * MB),
        ("POST", "/", to("Nothing.Known"), MB),
        ("POST", "/service/DynamoDB_20120810/operation/PutItem", [("smithy-protocol", "rpc-v2-cbor")], 16 * MB),
        ("POST", "/", [*POSTED, *scoped("sns")], query.LARGEST),
        ("POST", "/", POSTED, query.LARGEST),
        ("POST", "/2015-03-31/functions/f/invocations", scoped("lambda"), SYNC_LIMIT),
        ("POST", "/2015-03-31/functions", scoped("lambda"), sizes.CODE),
        ("PUT", "/2015-03-31/functions/f/code", scoped("lambda"), sizes.CODE),
        ("POST", "/2018-10-31/layers/l/versions", scoped("lambda"), sizes.CODE),
        ("PUT", "/2015-03-31/functions/f/configuration", scoped("lambda"), SYNC_LIMIT),
        ("POST", "/schedules/s", scoped("scheduler"), MB),
        ("DELETE", "/bucket/key", scoped("s3"), 4 * MB),
    ],
)
def test_what_each_may_have(method: str, target: str, headers: Any, most: int) -> None:
    for length in (None, 0, most):
        assert sizes.room(head(method, target, headers, length), "") == most
    with pytest.raises(Refused) as refused:
        sizes.room(head(method, target, headers, most + 1), "")
    assert refused.value.status == 413
    assert refused.value.response is None or refused.value.response.status == 413


def answer(method: str, target: str, headers: Any) -> Response:
    with pytest.raises(Refused) as refused:
        sizes.room(head(method, target, headers, 2**62), "")
    assert refused.value.response is not None
    return refused.value.response


def test_it_is_said_in_the_protocol_of_the_service() -> None:
    for path, code, name in (
        ("/2015-03-31/functions/f/invocations", "RequestTooLargeException", "InvokeFunction"),
        ("/2015-03-31/functions", "RequestEntityTooLargeException", "CreateFunction"),
    ):
        said = answer("POST", path, scoped("lambda"))
        assert dict(said.headers)["x-amzn-ErrorType"] == code
        most = SYNC_LIMIT if name == "InvokeFunction" else sizes.CODE
        assert json.loads(bytes(said.body))["message"] == f"Request must be smaller than {most} bytes for the {name} operation"  # type: ignore[arg-type]
    said = answer("POST", "/", to("DynamoDB_20120810.PutItem"))
    assert json.loads(bytes(said.body))["__type"] == "com.amazon.coral.service#RequestEntityTooLargeException"  # type: ignore[arg-type]
    error = ET.fromstring(bytes(answer("POST", "/", [*POSTED, *scoped("sns")]).body))  # type: ignore[arg-type]
    assert [one.text for one in error.iter("Code")] == ["RequestEntityTooLarge"]


@given(
    st.sampled_from(["GET", "PUT", "POST", "DELETE"]),
    st.text(max_size=60),
    st.text(max_size=60),
    st.text(max_size=60),
    st.none() | st.integers(0, 2**62),
)
def test_any_head_has_a_bound(method: str, target: str, named: str, authorization: str, length: int | None) -> None:
    headers = [("authorization", authorization), ("x-amz-target", named), *POSTED]
    for some in (headers, headers[::2], headers[2:]):
        with contextlib.suppress(Refused):
            assert 0 < sizes.room(head(method, f"/{target}", some, length), "") <= sizes.LARGEST


# -- bodies that clients have compressed


def compressed(body: bytes, encoding: str = "gzip") -> Request:
    return Request("POST", "/", (("content-encoding", encoding),), body)


def test_a_body_is_read_as_it_was() -> None:
    body = b'{"Namespace": "App"}' * 100
    assert sizes.unpacked(compressed(gzip.compress(body)), "cloudwatch").body == body
    assert sizes.unpacked(compressed(gzip.compress(body), "GZIP"), "cloudwatch").body == body
    plain = Request("POST", "/", (), body)
    assert sizes.unpacked(plain, "cloudwatch") is plain
    assert sizes.unpacked(compressed(body, "identity"), "cloudwatch").body == body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        gzip.compress(b"{}")[:-3],
        gzip.compress(b"{}") + b"x",
        gzip.compress(bytes(sizes.SERVICES["cloudwatch"] + 1)),
    ],
    ids=["empty", "plain", "cut off", "more behind it", "larger than what may be sent"],
)
def test_what_is_no_whole_gzip_of_that_size(body: bytes) -> None:
    with pytest.raises(Malformed):
        sizes.unpacked(compressed(body), "cloudwatch")
