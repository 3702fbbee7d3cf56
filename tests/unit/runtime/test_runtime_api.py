"""The Runtime API as tables: which call is in order, and the exact answers."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.http import Response
from router.model import HTTP_INTEGRATION
from router.runtime import runtime_api
from router.runtime.runtime_api import NEXT, State, Step, Target

CALLS = [Target(Step.NEXT), Target(Step.RESPONSE, "id"), Target(Step.ERROR, "id"), Target(Step.INIT_ERROR)]
ALLOWED = {
    State.STARTED: {Step.NEXT, Step.INIT_ERROR},
    State.INIT_ERROR: set(),
    State.READY: {Step.NEXT},
    State.RUNNING: {Step.RESPONSE, Step.ERROR},
    State.RESPONDING: set(),
    State.FAILING: set(),
    State.SENT: {Step.NEXT},
}


@pytest.mark.parametrize("state", State)
def test_what_is_in_order_in_each_state(state: State) -> None:
    current = "id" if state in {State.RUNNING, State.RESPONDING, State.FAILING} else ""
    assert {call.step for call in CALLS if runtime_api.refusal(state, call, current) is None} == ALLOWED[state]
    assert ALLOWED[state] == NEXT[state].keys() - {Step.INVOKE, Step.DONE}


@pytest.mark.parametrize(
    ("state", "call", "said"),
    [
        (State.RUNNING, Target(Step.NEXT), "State transition from Running to Ready failed for runtime."),
        (State.READY, Target(Step.INIT_ERROR), "State transition from Ready to InitError failed for runtime."),
        (
            State.RESPONDING,
            Target(Step.RESPONSE, "id"),
            "State transition from InvocationResponse to InvocationResponse failed for runtime.",
        ),
        (
            State.RESPONDING,
            Target(Step.ERROR, "id"),
            "State transition from InvocationResponse to InvocationErrorResponse failed for runtime.",
        ),
    ],
)
def test_a_call_out_of_order_is_told_so(state: State, call: Target, said: str) -> None:
    refused = runtime_api.refusal(state, call, "id")
    assert refused is not None
    assert refused.status == 403
    assert json.loads(refused.body) == {
        "errorMessage": f"{said} Error: State transition is not allowed",
        "errorType": "InvalidStateTransition",
    }


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("step", [Step.RESPONSE, Step.ERROR])
def test_an_answer_for_another_invocation_is_refused_whatever_the_state(state: State, step: Step) -> None:
    for current in ("", "id"):
        refused = runtime_api.refusal(state, Target(step, "other"), current)
        assert refused is not None
        assert (refused.status, refused.body) == (400, b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}')


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "/2018-06-01/runtime/invocation/next", Target(Step.NEXT)),
        ("POST", "/2018-06-01/runtime/invocation/a-1/response", Target(Step.RESPONSE, "a-1")),
        ("POST", "/2018-06-01/runtime/invocation/a-1/error", Target(Step.ERROR, "a-1")),
        ("POST", "/2018-06-01/runtime/init/error", Target(Step.INIT_ERROR)),
        ("POST", "/2018-06-01/runtime/invocation/next", 405),
        ("GET", "/2018-06-01/runtime/invocation/a/response", 405),
        ("GET", "/2018-06-01/runtime/init/error", 405),
        ("POST", "/2018-06-01/runtime/invocation/a/b/response", 404),
        ("POST", "/2018-06-01/runtime/invocation//response", 404),
        ("GET", "/2020-01-01/extension/event/next", 404),
        ("GET", "/", 404),
        ("GET", "/ping", 200),
    ],
)
def test_targets(method: str, path: str, found: Target | int) -> None:
    told = runtime_api.target(method, path)
    assert (told if isinstance(told, Target) else told.status) == found


def meta(**rest: object) -> dict[str, object]:
    return {"id": "id", "arn": "arn:f", "ms": 2500, "trace": "", "client": "", "stream": False} | rest


def test_an_event_names_what_is_there_and_leaves_out_what_is_not() -> None:
    told = runtime_api.event(meta(), b"{}", 1000.0)
    assert (told.status, told.body) == (200, b"{}")
    assert dict(told.headers) == {
        "Lambda-Runtime-Aws-Request-Id": "id",
        "Lambda-Runtime-Deadline-Ms": "1002500",
        "Lambda-Runtime-Invoked-Function-Arn": "arn:f",
        "Content-Type": "application/json",
    }
    more = dict(runtime_api.event(meta(trace="Root=1-2-3", client='{"a": "é\\n"}'), b"", 0.0).headers)
    assert more["Lambda-Runtime-Trace-Id"] == "Root=1-2-3"
    assert json.loads(more["Lambda-Runtime-Client-Context"]) == {"a": "é\n"}


@given(text=st.text())
def test_whatever_a_caller_sends_fits_a_header(text: str) -> None:
    line = runtime_api.one_line(text)
    assert line.isascii()
    assert line.isprintable()


@given(value=st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_in_a_header_is_the_same_json(value: object) -> None:
    assert json.loads(runtime_api.one_line(json.dumps(value, ensure_ascii=False, indent=1))) == value


OBJECT = b'{"errorMessage":"it broke","errorType":"MyError","stackTrace":[]}'


@pytest.mark.parametrize(
    ("headers", "body", "told"),
    [
        ((), OBJECT, ("MyError", OBJECT)),
        (((runtime_api.ERROR_TYPE, "Runtime.Unused"),), OBJECT, ("MyError", OBJECT)),
        (((runtime_api.ERROR_TYPE, "Function.BadInput"),), b"{}", ("Function.BadInput", b"{}")),
        (((runtime_api.ERROR_TYPE, "Function.lower"),), b"no json", ("Function.Unknown", b"no json")),
        (((runtime_api.ERROR_TYPE, "anything"),), b"[1]", ("Runtime.Unknown", b"[1]")),
        ((), b'{"errorType": 7}', ("Runtime.Unknown", b'{"errorType": 7}')),
        (
            (("content-type", "application/vnd.aws.lambda.error.cause+json"),),
            b'{"errorCause": {"x": 1}, "errorType": "E", "errorMessage": "m"}',
            ("E", b'{"errorMessage":"m","errorType":"E"}'),
        ),
    ],
)
def test_errors(headers: tuple[tuple[str, str], ...], body: bytes, told: tuple[str, bytes]) -> None:
    assert runtime_api.error(headers, body) == told


def test_trailers_of_a_stream() -> None:
    assert runtime_api.broken(()) is None
    body = base64.b64encode(OBJECT).decode()
    assert runtime_api.broken(((runtime_api.ERROR_TYPE, "MyError"), (runtime_api.ERROR_BODY, body))) == ("MyError", OBJECT)
    assert runtime_api.broken(((runtime_api.ERROR_BODY, body),)) == ("MyError", OBJECT)
    assert runtime_api.broken(((runtime_api.ERROR_TYPE, "E"), (runtime_api.ERROR_BODY, "no base64!"))) == ("E", b"no base64!")


@pytest.mark.parametrize(
    ("content_type", "body", "result"),
    [
        ("application/octet-stream", b"{}" + bytes(8) + b"x", b"{}" + bytes(8) + b"x"),
        (
            HTTP_INTEGRATION,
            b'{"statusCode":201}' + bytes(8) + "é".encode(),
            '{"statusCode":201,"body":"é","isBase64Encoded":false}'.encode(),
        ),
        (HTTP_INTEGRATION, b"{}" + bytes(8) + b"\xff", b'{"body":"/w==","isBase64Encoded":true}'),
        (HTTP_INTEGRATION, b'{"statusCode":201}', b'{"statusCode":201}'),
        (HTTP_INTEGRATION, b"no json" + bytes(8), b"no json" + bytes(8)),
        (HTTP_INTEGRATION, b"[]" + bytes(8) + b"x", b"[]" + bytes(8) + b"x"),
    ],
)
def test_a_stream_that_nobody_asked_for(content_type: str, body: bytes, result: bytes) -> None:
    assert runtime_api.collected(content_type, body) == result


def test_the_fixed_answers() -> None:
    told = [runtime_api.ACCEPTED, runtime_api.TOO_LARGE, runtime_api.TRUNCATED, runtime_api.BAD_MODE]
    assert [(answer.status, answer.body) for answer in told] == [
        (202, b'{"status":"OK"}'),
        (413, b'{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}'),
        (400, b'{"errorMessage":"HTTP request detected as truncated","errorType":"TruncatedHTTPRequest"}'),
        (400, b'{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}'),
    ]
    assert all(isinstance(answer, Response) for answer in told)
