"""Which service and operation a request is for."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.protocol import Aimed
from router.api.aws.query import FORM
from router.api.aws.routing import aimed, scope_of, streamed
from router.events.http import Request
from router.web.heads import Head

POSTED = [("content-type", f"{FORM}; charset=utf-8")]


def scoped(service: str) -> list[tuple[str, str]]:
    return [
        ("authorization", f"AWS4-HMAC-SHA256 Credential=AKIA/20261126/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0")
    ]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (Request("POST", "/", [("x-amz-target", "AmazonSQS.SendMessage")]), Aimed("sqs", "json", "SendMessage")),
        (Request("POST", "/", [("x-amz-target", "DynamoDB_20120810.PutItem"), *scoped("s3")]), Aimed("dynamodb", "json", "PutItem")),
        (Request("POST", "/", [("x-amz-target", "TrentService.ListKeys"), *scoped("kms")]), Aimed("", "json", "ListKeys")),
        (Request("POST", "/", [("x-amz-target", "nothing")]), Aimed("", "json", "nothing")),
        (
            Request("POST", "/service/Logs_20140328/operation/GetLogEvents", [("smithy-protocol", "rpc-v2-cbor")]),
            Aimed("logs", "cbor", "GetLogEvents"),
        ),
        (Request("POST", "/elsewhere", [("smithy-protocol", "rpc-v2-cbor")]), Aimed("", "cbor")),
        (Request("GET", "/2015-03-31/functions/f", scoped("lambda")), Aimed("lambda", "rest-json")),
        (Request("GET", "/2015-03-31/functions/f", ()), Aimed("lambda", "rest-json")),
        (Request("GET", "/schedules", scoped("scheduler")), Aimed("scheduler", "rest-json")),
        (Request("GET", "/2015-03-31/functions/f", scoped("s3")), Aimed("s3", "s3")),
        (
            Request("POST", "/", [*POSTED, *scoped("sts")], b"Action=GetCallerIdentity&Version=2011-06-15"),
            Aimed("sts", "query", "GetCallerIdentity"),
        ),
        (Request("POST", "/", POSTED, b"Action=Publish&Version=2010-03-31"), Aimed("sns", "query", "Publish")),
        (
            Request("POST", "/", [*POSTED, *scoped("ec2")], b"Action=DescribeRegions&Version=2016-11-15"),
            Aimed("", "query", "DescribeRegions"),
        ),
        (Request("POST", "/", [*POSTED, *scoped("sts")], b"%ff"), Aimed("sts", "query")),
        (
            Request("POST", "/", [*POSTED, *scoped("sns")], b"Message=%26Action=x&Action=Publi%73h&Version=1"),
            Aimed("sns", "query", "Publish"),
        ),
        (Request("POST", "/", [*POSTED, *scoped("sns")], b"NoAction=x&TheAction=y"), Aimed("sns", "query")),
        (
            Request("GET", "/?Action=ListTopics&X-Amz-Credential=A%2F20261126%2Fus-east-1%2Fsns%2Faws4_request", ()),
            Aimed("sns", "query", "ListTopics"),
        ),
        (Request("GET", "/bucket/key?X-Amz-Credential=A%2F20261126%2Fus-east-1%2Fs3%2Faws4_request", ()), Aimed("s3", "s3")),
        (Request("GET", "/bucket/key?AWSAccessKeyId=A&Signature=b&Expires=1", ()), Aimed("s3", "s3")),
        (Request("POST", "/bucket", [("content-type", "multipart/form-data; boundary=x")]), Aimed("s3", "s3")),
        (Request("GET", "/", ()), Aimed("s3", "s3")),
        (Request("GET", "/", scoped("kafka")), Aimed("", "rest-json")),
    ],
)
def test_where_requests_go(request_: Request, expected: Aimed) -> None:
    assert aimed(request_) == expected


def test_bodies_of_objects_alone_are_streamed() -> None:
    def head(method: str, service: str, target: str = "/b/k") -> Head:
        return Head(method, target, "HTTP/1.1", scoped(service), "h", 5, close=False, expects=False)

    assert streamed(head("PUT", "s3"))
    assert not streamed(head("GET", "s3"))
    assert not streamed(head("PUT", "lambda", "/2015-03-31/functions/f/code"))
    form = Head("POST", "/", "HTTP/1.1", POSTED, "h", 5, close=False, expects=False)
    assert not streamed(form)  # whose it is its body says
    assert streamed(form._replace(headers=[*POSTED, *scoped("s3")]))
    assert streamed(form._replace(headers=[("content-type", "multipart/form-data; boundary=x")]))


def test_a_form_whose_sender_is_not_known_is_not_decoded() -> None:
    """All of this form, taken apart, would be some hundred times as large."""
    body = b"Action=Publish&Message=" + b"%41" * 1_000_000
    request = Request("POST", "/", [*POSTED, *scoped("sns")], body)
    tracemalloc.start()
    try:
        assert aimed(request) == Aimed("sns", "query", "Publish")
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@given(st.text(max_size=80), st.text(max_size=80), st.binary(max_size=80))
def test_any_request_goes_somewhere(header: str, target: str, body: bytes) -> None:
    headers = [("authorization", header), ("x-amz-target", target), *POSTED]
    for request in (Request("POST", f"/?{target}", headers, body), Request("POST", f"/?{target}", headers[::2], body)):
        assert aimed(request).protocol in {"json", "query", "rest-json", "s3", "cbor"}
        scope_of(request)
