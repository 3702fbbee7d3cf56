"""The query protocol, with botocore as the client."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.api.aws.protocol import Aimed, Fault
from router.api.aws.query import FORM, LARGEST, QueryProtocol
from router.api.aws.values import Malformed
from router.events.http import Request
from tests.helpers.models import arrivals, members, model, operations, plain, told

SERVICES = ("sts", "sns")
CODEC = QueryProtocol()


@settings(deadline=None)
@given(st.data())
def test_what_botocore_asks_arrives(data: st.DataObject) -> None:
    parameters, said = data.draw(arrivals(SERVICES, "query", CODEC))
    assert _flat(plain(said)) == _flat(plain(parameters))


@settings(deadline=None)
@given(st.data())
def test_botocore_reads_what_is_answered(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(SERVICES))
    operation = data.draw(operations(name))
    given_members = data.draw(members(operation.output)) if operation.output else {}
    said = told(name, operation, CODEC.answer(model(name), operation, given_members, "an-id"))
    assert said.pop("ResponseMetadata")["RequestId"] == "an-id"
    assert _flat(plain(said)) == _flat(plain(given_members))


def _flat(value: Any) -> Any:
    """Empty structures in lists are absent in a form."""
    if isinstance(value, dict):
        return {key: _flat(one) for key, one in value.items() if _flat(one) not in ({}, [])}
    if isinstance(value, list):
        return [_flat(one) for one in value if _flat(one) not in ({}, [])]
    return value


@given(st.binary(max_size=80))
def test_any_form_is_read_or_refused(body: bytes) -> None:
    request = Request("POST", "/", [("content-type", FORM)], b"Action=AssumeRole&" + body)
    found = CODEC.found(model("sts"), request, Aimed("sts", "query", "AssumeRole"))
    assert found is not None
    with contextlib.suppress(Malformed):
        CODEC.read(model("sts"), found, request)


@pytest.mark.parametrize(
    "form",
    [
        "PolicyArns.member.x.arn=a",
        "PolicyArns.member.0.arn=a",
        "RoleArn=a&RoleArn=b",
        "RoleArn.x=a",
        "DurationSeconds=soon",
        ".".join("a" * 200) + "=b",
        pytest.param("RoleArn=" + "a" * LARGEST, id="long"),
        "RoleArn=%ff",
        "RoleArn=a&RoleArn..b=c",
        "RoleArn.=a",
        "=a&.b=c",
    ],
)
def test_what_is_no_form_of_its_kind_is_refused(form: str) -> None:
    request = Request("POST", "/", [("content-type", FORM)], form.encode())
    found = CODEC.found(model("sts"), request, Aimed("sts", "query", "AssumeRole"))
    assert found is not None
    with pytest.raises(Malformed):
        CODEC.read(model("sts"), found, request)


def test_a_refusal_can_be_read_as_xml() -> None:
    answer = CODEC.fault(model("sns"), Fault("NotFoundException", "no <topic>\0", 404), "an-id")
    assert answer.status == 404
    assert answer.body == (
        b'<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>NotFound</Code>'
        b"<Message>no &lt;topic&gt;\xef\xbf\xbd</Message></Error><RequestId>an-id</RequestId></ErrorResponse>"
    )
