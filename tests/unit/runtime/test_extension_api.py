"""The Extensions API's own decisions: calls, registrations, events."""

import json
import uuid

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.http import Response
from router.runtime import extension_api
from router.runtime.extension_api import NEXT, Function, Kind, Reason, Registration, State, Step

FUNCTION = Function("f", "$LATEST", "app.handler", "123456789012")
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"


def error_type(response: Response | None) -> str:
    assert isinstance(response, Response)
    assert isinstance(response.body, bytes)
    found: str = json.loads(response.body)["errorType"]
    return found


@pytest.mark.parametrize(
    ("method", "path", "step"),
    [
        ("POST", "register", Step.REGISTER),
        ("GET", "event/next", Step.NEXT),
        ("POST", "init/error", Step.INIT_ERROR),
        ("POST", "exit/error", Step.EXIT_ERROR),
    ],
)
def test_the_four_calls(method: str, path: str, step: Step) -> None:
    assert extension_api.target(method, f"/2020-01-01/extension/{path}") is step
    other = extension_api.target("DELETE", f"/2020-01-01/extension/{path}")
    assert isinstance(other, Response)
    assert (other.status, other.headers) == (405, (("Allow", method),))


@pytest.mark.parametrize("path", ["/2020-01-01/extension/event", "/2018-06-01/extension/register", "/", "", "/2020-01-01/extension/"])
def test_anything_else_is_not_there(path: str) -> None:
    assert extension_api.target("GET", path) is extension_api.NOT_FOUND


def test_the_documented_registration() -> None:
    """Lambda developer guide, "Extensions API reference", Register."""
    headers = [("lambda-extension-name", "my-extension"), ("lambda-extension-accept-feature", "accountId")]
    wanted = extension_api.registration(headers, b'{ "events": [ "INVOKE", "SHUTDOWN"] }')
    assert wanted == Registration("my-extension", frozenset(Kind), with_account=True)
    answer = extension_api.registered("id", FUNCTION, with_account=True)
    assert (answer.status, dict(answer.headers)["Lambda-Extension-Identifier"]) == (200, "id")
    told = {"functionName": "f", "functionVersion": "$LATEST", "handler": "app.handler", "accountId": "123456789012"}
    assert isinstance(answer.body, bytes)
    assert orjson.loads(answer.body) == told
    unknown = extension_api.registered("id", FUNCTION._replace(account=""), with_account=True)
    assert isinstance(unknown.body, bytes)
    assert "accountId" not in orjson.loads(unknown.body)


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("", b"{}", "Extension.InvalidExtensionName"),
        ("a b", b"{}", "Extension.InvalidExtensionName"),
        ("x", b"", "InvalidRequestFormat"),
        ("x", b"[]", "InvalidRequestFormat"),
        ("x", b'{"events": "INVOKE"}', "InvalidRequestFormat"),
        ("x", b'{"events": [1]}', "InvalidRequestFormat"),
        ("x", b'{"events": ["INVOKE", "invoke"]}', "Extension.InvalidEventType"),
    ],
)
def test_registrations_that_make_no_sense(name: str, body: bytes, said: str) -> None:
    answer = extension_api.registration([("lambda-extension-name", name)], body)
    assert isinstance(answer, Response)
    assert answer.status == 403
    assert error_type(answer) == said


@given(
    name=st.text(),
    body=st.binary()
    | st.recursive(
        st.none() | st.text() | st.integers(-(2**63), 2**64 - 1),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["events", "x"]), inner),
    ).map(lambda value: json.dumps(value).encode()),
)
def test_any_registration_is_one_or_has_an_answer(name: str, body: bytes) -> None:
    found = extension_api.registration([("lambda-extension-name", name)], body)
    assert isinstance(found, Registration) or (found.status == 403 and error_type(found))


@given(text=st.text() | st.uuids().map(str))
def test_identifiers(text: str) -> None:
    found = extension_api.identified([("lambda-extension-identifier", text)])
    if isinstance(found, str):
        assert str(uuid.UUID(found)) == found
    else:
        assert error_type(found) in {"Extension.MissingExtensionIdentifier", "Extension.InvalidExtensionIdentifier"}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("step", [Step.REGISTER, Step.NEXT, Step.INIT_ERROR, Step.EXIT_ERROR])
def test_the_table_decides_what_is_in_order(state: State, step: Step) -> None:
    refused = extension_api.refusal(state, step, "x")
    assert (refused is None) == (step in NEXT[state])
    if refused is not None:
        assert error_type(refused) == "Extension.InvalidExtensionState"
        assert f"State transition from {state} to ".encode() in refused.body  # type: ignore[operator]


def test_the_documented_events() -> None:
    """Lambda developer guide, "Extensions API reference", Next."""
    meta = {
        "id": "3da1f2dc-3222-475e-9205-e2e6c6318895",
        "arn": "arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest",
        "ms": 2500,
        "trace": TRACE,
    }
    assert extension_api.invoke(meta, 1000.0) == {
        "eventType": "INVOKE",
        "deadlineMs": 1_002_500,
        "requestId": "3da1f2dc-3222-475e-9205-e2e6c6318895",
        "invokedFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest",
        "tracing": {"type": "X-Amzn-Trace-Id", "value": TRACE},
    }
    assert "tracing" not in extension_api.invoke({**meta, "trace": ""}, 1000.0)
    assert extension_api.shutdown(Reason.TIMEOUT, 42.5) == {"eventType": "SHUTDOWN", "shutdownReason": "TIMEOUT", "deadlineMs": 42500}
    answer = extension_api.event({"eventType": "INVOKE"})
    assert uuid.UUID(dict(answer.headers)["Lambda-Extension-Event-Identifier"])
