"""Requests as boto3's own clients make and sign them, for every protocol that the daemon is to speak, without a socket."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config

from router.iam import payload, sigv2
from router.iam.callers import Caller, Realm
from router.iam.claims import Request, Where
from router.iam.keys import AccessKey, new_id, secret_of
from router.iam.sessions import Session, mint
from router.iam.sigv4 import Verified

MASTER, REGION = b"m" * 32, "us-east-1"
KEY = AccessKey(new_id(b"0123456789"), "ann", ("admin",))
REALM = Realm("123456789012", [MASTER], {KEY.id: KEY}, {})
ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


class Stopped(Exception):
    """The request is seen; it is not sent."""


@pytest.fixture(scope="module")
def session() -> boto3.Session:
    return boto3.Session(KEY.id, secret_of(MASTER, KEY.id), region_name=REGION)


def made(
    session: boto3.Session, service: str, call: Callable[[Any], object], *, url: str = "http://127.0.0.1:4566", **config: Any
) -> AWSPreparedRequest:
    """The request that a call comes to."""
    seen: list[AWSPreparedRequest] = []
    client: Any = session.client(service, endpoint_url=url, config=Config(retries={"max_attempts": 0}, **config))

    def stop(request: AWSPreparedRequest, **_: Any) -> None:
        seen.append(request)
        raise Stopped

    client.meta.events.register("before-send", stop)
    with suppress(Stopped):
        call(client)
    (request,) = seen
    return request


def came(request: AWSPreparedRequest) -> tuple[Request, bytes]:
    """As it comes over the wire, and its body without HTTP's own framing."""
    url = urlsplit(request.url)
    headers = [(name.lower(), value.decode() if isinstance(value, bytes) else str(value)) for name, value in request.headers.items()]
    if not any(name == "host" for name, _ in headers):
        headers.append(("host", url.netloc))
    body = request.body
    sent = body.read() if hasattr(body, "read") else body or b""
    return Request(request.method, url.path or "/", url.query, headers), sent.encode() if isinstance(sent, str) else sent


def authenticated(request: Request, body: bytes, service: str) -> tuple[Caller, Verified]:
    import time

    said = dict(request.headers).get("x-amz-content-sha256", "")
    claimed = said if service == "s3" else hashlib.sha256(body).hexdigest()
    return REALM.authenticate(request, Where(REGION, service), time.time(), lambda: claimed or "UNSIGNED-PAYLOAD")


CALLS: Mapping[str, tuple[str, Callable[[Any], object]]] = {
    "invoke by name": ("lambda", lambda c: c.invoke(FunctionName="f", Payload=b'{"a": 1}')),
    "invoke by arn": ("lambda", lambda c: c.invoke(FunctionName=f"{ARN}:PROD", Qualifier="PROD", ClientContext="e30=")),
    "list functions": ("lambda", lambda c: c.list_functions(MaxItems=5)),
    "send message": ("sqs", lambda c: c.send_message(QueueUrl="http://127.0.0.1:4566/123456789012/jobs", MessageBody="hällo")),
    "put events": ("events", lambda c: c.put_events(Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}"}])),
    "schedule": ("scheduler", lambda c: c.get_schedule(Name="a.b", GroupName="default")),
    "filter logs": ("logs", lambda c: c.filter_log_events(logGroupName="/aws/lambda/f", filterPattern="é")),
    "put item": ("dynamodb", lambda c: c.put_item(TableName="t", Item={"id": {"S": "1"}})),
    "who am i": ("sts", lambda c: c.get_caller_identity()),
    "assume role": ("sts", lambda c: c.assume_role(RoleArn="arn:aws:iam::123456789012:role/r", RoleSessionName="me")),
    "publish": ("sns", lambda c: c.publish(TopicArn="arn:aws:sns:us-east-1:123456789012:t", Message="a b&c=d+e")),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_of_services_that_are_no_s3(session: boto3.Session, name: str) -> None:
    service, call = CALLS[name]
    request, body = came(made(session, service, call))
    caller, _ = authenticated(request, body, service)
    assert caller.principal.name == "ann"


OBJECTS: Mapping[str, Callable[[Any], object]] = {
    "list": lambda c: c.list_objects_v2(Bucket="b-1", Prefix="in/ä b+c", Delimiter="/", StartAfter="x=y&z"),
    "head bucket": lambda c: c.head_bucket(Bucket="b-1"),
    "buckets": lambda c: c.list_buckets(),
    "get": lambda c: c.get_object(Bucket="b-1", Key="a b/ü+%2F//../~!'()*.txt", Range="bytes=0-1"),
    "put": lambda c: c.put_object(Bucket="b-1", Key="k", Body=b"hello", Metadata={"a": "x  y"}, ContentType="text/plain; charset=utf-8"),
    "copy": lambda c: c.copy_object(Bucket="b-1", Key="k2", CopySource={"Bucket": "b-1", "Key": "ü k+"}),
    "uploads": lambda c: c.create_multipart_upload(Bucket="b-1", Key="k"),
    "part": lambda c: c.upload_part(Bucket="b-1", Key="k", UploadId="a+b/c=", PartNumber=2, Body=b"x" * 10_000),
    "delete several": lambda c: c.delete_objects(Bucket="b-1", Delete={"Objects": [{"Key": "a"}, {"Key": "b&<"}]}),
    "tagging": lambda c: c.put_object_tagging(Bucket="b-1", Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}),
}


@pytest.mark.parametrize("url", ["http://127.0.0.1:4566", "https://127.0.0.1:4566"])
@pytest.mark.parametrize("name", OBJECTS)
def test_calls_of_s3(session: boto3.Session, name: str, url: str) -> None:
    request, sent = came(made(session, "s3", OBJECTS[name], url=url))
    _, verified = authenticated(request, sent, "s3")
    body = payload.body_of(verified, request.headers)
    whole = body.feed(sent)
    trailers = body.finish()
    if name == "put":
        assert whole == b"hello"
        assert trailers == ({"x-amz-checksum-crc32": "NhCmhg=="} if url.startswith("https") else {})


@pytest.fixture(params=["s3", "s3v4"])
def presigning(session: boto3.Session, request: pytest.FixtureRequest) -> tuple[str, Any]:
    version = "s3v4" if request.param == "s3v4" else None
    config = Config(signature_version=version) if version else Config()
    return request.param, session.client("s3", endpoint_url="http://127.0.0.1:4566", config=config)


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("get_object", {"Key": "a b/ü+.txt", "ResponseContentType": "text/plain; charset=x"}),
        ("put_object", {"Key": "k"}),
        ("upload_part", {"Key": "k", "UploadId": "a+b/c=", "PartNumber": 3}),
        ("list_objects_v2", {"Prefix": "in/"}),
    ],
)
def test_presigned_urls_in_both_versions(presigning: tuple[str, Any], method: str, parameters: Mapping[str, Any]) -> None:
    kind, client = presigning
    url = urlsplit(client.generate_presigned_url(method, Params={"Bucket": "b-1", **parameters}, ExpiresIn=60))
    verb = "GET" if method.startswith(("get", "list")) else "PUT"
    request = Request(verb, url.path, url.query, [("host", url.netloc)])
    if kind == "s3v4":
        assert authenticated(request, b"", "s3")[0].key_id == KEY.id
        return
    assert sigv2.is_signed(url.query)
    claimed = sigv2.read(request)
    sigv2.verify(request, claimed, REALM.find(claimed.key_id, claimed.token, 0.0)[1])


def test_a_session_s_credentials_work_as_boto3_finds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    now = time.time()
    credentials = mint(MASTER, Session("resizer", "resize", now, now + 900), b"n" * 16)
    for name, value in credentials.variables().items():
        monkeypatch.setenv(name, value)
    request, body = came(made(boto3.Session(region_name=REGION), "s3", OBJECTS["put"]))
    caller, _ = authenticated(request, body, "s3")
    assert caller.principal.arn == "arn:aws:sts::123456789012:assumed-role/resizer/resize"
