"""Signed requests against the running endpoint, botocore as the signer: whatever is altered after signing is refused and changes nothing."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth

from router.credentials import KeyStore
from tests.helpers.endpoint import Cloud
from tests.helpers.signing import came, signed

CONFIG = """
roles:
  sender: {policy: [{Effect: Allow, Action: "sqs:SendMessage", Resource: "*"}]}
  maker: {policy: [{Effect: Allow, Action: "sqs:CreateQueue", Resource: "arn:aws:sqs:us-east-1:123456789012:mine-*"}]}
"""
BODY = b'{"QueueName": "made"}'
JSON = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.CreateQueue", "X-Extra": "one  two"}
FORM = "Action=CreateQueue&QueueName=made&Version=2012-11-05"


class Sent(NamedTuple):
    """A request as it goes out."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def having(self, name: str, value: str | None) -> "Sent":
        """With another value of a header; None: without it."""
        rest = tuple(
            (key, value if key == name and value is not None else old) for key, old in self.headers if key != name or value is not None
        )
        return self._replace(headers=rest)


def ask(cloud: Cloud, sent: Sent) -> tuple[int, str]:
    """Status and body."""
    with closing(http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=30)) as connection:
        connection.putrequest(
            sent.method, f"{sent.path}?{sent.query}" if sent.query else sent.path, skip_host=True, skip_accept_encoding=True
        )
        for name, value in sent.headers:
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(sent.body)))
        connection.endheaders(sent.body)
        with connection.getresponse() as answer:
            return answer.status, answer.read().decode()


def header_form(cloud: Cloud, key: dict[str, str], **over: Any) -> Sent:
    """CreateQueue in JSON, signed in its headers."""
    facts: dict[str, Any] = {
        "service": "sqs",
        "body": BODY,
        "headers": JSON,
        "at": time.time(),
        "token": key.get("SessionToken", ""),
    } | over
    made = signed(SigV4Auth, f"{cloud.url}/", key_id=key["AccessKeyId"], secret=key["SecretAccessKey"], **facts)
    method, path, query, headers = came(made)
    return Sent(method, path, query, tuple(headers), facts["body"])


def presigned(cloud: Cloud, key: dict[str, str], **over: Any) -> Sent:
    """CreateQueue in the query protocol, presigned."""
    facts: dict[str, Any] = {"service": "sqs", "method": "GET", "at": time.time(), "expires": 60} | over
    made = signed(SigV4QueryAuth, f"{cloud.url}/?{FORM}", key_id=key["AccessKeyId"], secret=key["SecretAccessKey"], **facts)
    method, path, query, headers = came(made, headers=False)
    return Sent(method, path, query, tuple(headers), b"")


def queues(cloud: Cloud, key: dict[str, str]) -> list[str]:
    found: list[str] = cloud.client("sqs", key).list_queues().get("QueueUrls", [])
    return found


def other(text: str) -> str:
    """Another text of the same length: its last character is changed."""
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def altered_headers(sent: Sent) -> Iterator[tuple[str, Sent]]:
    """Every signed part of a request in header form, altered."""
    yield "method", sent._replace(method="PUT")
    yield "path", sent._replace(path="/other")
    yield "query", sent._replace(query="a=b")
    for at in range(0, len(sent.body), 5):
        yield f"body {at}", sent._replace(body=sent.body[:at] + bytes([sent.body[at] ^ 1]) + sent.body[at + 1 :])
    yield "more body", sent._replace(body=sent.body + b" ")
    yield "no body", sent._replace(body=b"")
    authorization = dict(sent.headers)["authorization"]
    for name, value in sent.headers:
        if name not in {"authorization", "content-length"}:
            yield f"{name} altered", sent.having(name, other(value))
            yield f"{name} missing", sent.having(name, None)
            yield f"{name} twice", sent._replace(headers=(*sent.headers, (name, value)))
    yield "more of amazon's", sent._replace(headers=(*sent.headers, ("x-amz-meta-a", "b")))
    yield "none", sent.having("authorization", None)
    yield "twice", sent._replace(headers=(*sent.headers, ("authorization", authorization)))
    yield "and presigned", sent._replace(query="X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0")
    scope = authorization.split("Credential=")[1].split(",")[0]
    for part in scope.split("/"):
        yield f"scope {part}", sent.having("authorization", authorization.replace(f"{part}", other(part), 1))
    names = authorization.split("SignedHeaders=")[1].split(",")[0]
    for name in names.split(";"):
        fewer = ";".join(one for one in names.split(";") if one != name)
        yield f"{name} not signed", sent.having("authorization", authorization.replace(names, fewer))
    signature = authorization.rpartition("=")[2]
    for changed in (other(signature), signature[:-1], signature + "0", signature.upper() if signature.upper() != signature else "0", ""):
        yield f"signature {changed}", sent.having("authorization", authorization.replace(signature, changed))
    yield "another algorithm", sent.having("authorization", authorization.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"))


def altered_query(sent: Sent) -> Iterator[tuple[str, Sent]]:
    """The same of a presigned one."""
    yield "method", sent._replace(method="POST")
    yield "path", sent._replace(path="/other")
    yield "host", sent.having("host", "localhost")
    yield "body", sent._replace(body=b"x")
    parts = sent.query.split("&")
    for index, part in enumerate(parts):
        name = part.partition("=")[0]
        yield f"{name} altered", sent._replace(query="&".join([*parts[:index], other(part), *parts[index + 1 :]]))
        yield f"{name} missing", sent._replace(query="&".join([*parts[:index], *parts[index + 1 :]]))
        yield f"{name} twice", sent._replace(query="&".join([*parts, part]))
    yield "more", sent._replace(query=f"{sent.query}&Attribute.1.Name=DelaySeconds&Attribute.1.Value=1")


def test_what_is_altered_is_refused(cloud: Cloud, key: dict[str, str]) -> None:
    for name, sent in [*altered_headers(header_form(cloud, key)), *altered_query(presigned(cloud, key))]:
        status, said = ask(cloud, sent)
        assert 400 <= status < 500, (name, status, said)
        assert key["SecretAccessKey"] not in said
        assert queues(cloud, key) == [], name


def test_sound_ones_are_done(cloud: Cloud, key: dict[str, str]) -> None:
    for sent in (header_form(cloud, key), presigned(cloud, key), header_form(cloud, key, at=time.time() - 240)):
        status, said = ask(cloud, sent)
        assert status == 200, said
        (url,) = queues(cloud, key)
        cloud.client("sqs", key).delete_queue(QueueUrl=url)


@pytest.mark.parametrize(
    ("late", "told"),
    [
        (-301, "Signature expired: "),
        (301, "Signature not yet current: "),
        (-86_400, "Signature expired: "),
        (-(10**9), "Signature expired: "),
    ],
)
def test_a_clock_that_is_off_is_told_by_how_much(cloud: Cloud, key: dict[str, str], late: int, told: str) -> None:
    status, said = ask(cloud, header_form(cloud, key, at=time.time() + late))
    assert (status, json.loads(said)["__type"]) == (400, "com.amazon.coral.service#InvalidSignatureException")
    assert json.loads(said)["Message"].startswith(told)
    assert "5 min" in said
    assert queues(cloud, key) == []


def test_a_presigned_url_ends(cloud: Cloud, key: dict[str, str]) -> None:
    status, said = ask(cloud, presigned(cloud, key, at=time.time() - 61))
    assert (status, "Signature expired" in said) == (403, True)
    status, said = ask(cloud, presigned(cloud, key, expires=604_801))
    assert status == 400


@pytest.mark.parametrize("service", ["sns", "lambda", "s3", "sts", "dynamodb", "events"])
def test_a_signature_for_another_service_is_not_taken(cloud: Cloud, key: dict[str, str], service: str) -> None:
    status, said = ask(cloud, header_form(cloud, key, service=service))
    assert (status, json.loads(said)["Message"]) == (400, "Credential should be scoped to correct service: 'sqs'. ")


def test_who_may_something_else_may_not_this(cloud: Cloud, key: dict[str, str]) -> None:
    store, now = KeyStore(cloud.state), time.time()
    for role in ("sender", "maker", "gone", ""):
        made = store.session(role, "job", now)
        session = {"AccessKeyId": made.key_id, "SecretAccessKey": made.secret, "SessionToken": made.token}
        status, said = ask(cloud, header_form(cloud, session))
        assert (status, json.loads(said)["__type"]) == (403, "com.amazon.coral.service#AccessDeniedException")
        assert "no identity-based policy allows the sqs:CreateQueue action" in said
    sent = header_form(cloud, session)
    assert ask(cloud, sent.having("x-amz-security-token", None))[0] == 400
    ended = store.session("maker", "job", now - 7200, lifetime=3600)
    session = {"AccessKeyId": ended.key_id, "SecretAccessKey": ended.secret, "SessionToken": ended.token}
    status, said = ask(cloud, header_form(cloud, session))
    assert (status, json.loads(said)["__type"]) == (400, "com.amazon.coral.service#ExpiredTokenException")
    assert queues(cloud, key) == []
