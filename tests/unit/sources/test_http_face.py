"""A face's way through: guards, size, function or journal, answer; and each gateway's words where that way ends early."""

import asyncio
import json
from typing import Any

import pytest

from router import errors
from router.events.gateway import Arrival, Asked, Denied, Passage
from router.events.http import Request, Response
from router.model import ASYNC_LIMIT, SYNC_LIMIT, Envelope, Outcome
from router.sources.base import Outlet
from router.sources.http_face import Patience, RouteFace
from tests.helpers.asker import Asker
from tests.helpers.clock import VirtualClock, settle
from tests.helpers.faces import header
from tests.unit.sources.http_rig import NOW, Rig, told

FACES = {
    "http": "[http: 'ANY /{proxy+}']",
    "http 1.0": "[{http: {route: 'ANY /{proxy+}', payload_format_version: '1.0'}}]",
    "rest": "[{http: {route: 'ANY /{proxy+}', api: rest}}]",
    "alb": "[{http: {route: 'ANY /{proxy+}', api: alb}}]",
    "url": "[url: none]",
}
WORDS = {  # face → statuses and bodies: function error or malformed, throttled, not to be had, too large
    "http": (500, {"message": "Internal Server Error"}, {"message": "Too Many Requests"}, {"message": "Service Unavailable"}),
    "rest": (502, {"message": "Internal server error"}, {"message": "Too Many Requests"}, {"message": "Service Unavailable"}),
    "url": (502, "Internal Server Error", {"Message": "Too Many Requests"}, {"Message": "Service Unavailable"}),
    "alb": (502, "502 Bad Gateway", "429 Too Many Requests", "503 Service Unavailable"),
}
WORDS["http 1.0"] = WORDS["http"]
IDS = {
    "http": ["apigw-requestid"],
    "rest": ["x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id"],
    "url": ["x-amzn-requestid", "x-amzn-trace-id"],
}
IDS |= {"alb": [], "http 1.0": IDS["http"]}
every_face = pytest.mark.parametrize("face", FACES)


def rig(face: str, answer: Any = None) -> Rig:
    return Rig(answer, f=FACES[face])


async def asked(made: Rig, face: str, **options: Any) -> Response:
    return await made.ask("/_url/f/x" if face == "url" else "/x", **options)


def says(response: Response, words: Any) -> bool:
    """Whether the body is these words: JSON, text, or a page's title."""
    assert isinstance(response.body, bytes)
    if isinstance(words, dict):
        return bool(json.loads(response.body) == words)
    return words == response.body.decode() or f"<title>{words}</title>" in response.body.decode()


@every_face
async def test_every_answer_has_the_ids_of_its_gateway(face: str) -> None:
    for answer in ({"statusCode": 200}, {"statusCode": 200, "headers": 1}):
        response = await asked(rig(face, answer), face)
        assert all(len(header(response, name)) == 1 and header(response, name)[0] for name in IDS[face])


@every_face
async def test_a_function_error_shows_nothing_of_itself(face: str) -> None:
    made = rig(face, lambda _: Outcome(b'{"errorMessage": "secret", "errorType": "KeyError"}', "Unhandled", "KeyError"))
    response = await asked(made, face)
    status, words, *_ = WORDS[face]
    assert response.status == status
    assert says(response, words)
    assert b"secret" not in response.body  # type: ignore[operator]


@every_face
@pytest.mark.parametrize(
    "result",
    [
        b"",
        b"{",
        b'{"statusCode": 99}',
        b'{"statusCode": 200, "headers": {"a": "b\\r\\nc: d"}}',
        b'{"statusCode": 200, "headers": {"a": []}}',
    ],
)
async def test_a_malformed_result_is_counted_and_answered_like_one(face: str, result: bytes) -> None:
    made = rig(face, lambda _: Outcome(result))
    response = await asked(made, face)
    status, words, *_ = WORDS[face]
    assert (response.status, says(response, words)) == (status, True)
    assert made.counted('router_http_malformed_total{function="f"} 1')


@every_face
async def test_a_result_that_is_nested_too_deep_is_malformed_and_no_crash(face: str) -> None:
    deep = b"[" * 300 + b"]" * 300
    made = rig(face, lambda _: Outcome(b'{"statusCode": 200, "body": ' + deep + b"}"))
    assert (await asked(made, face)).status == WORDS[face][0]


@every_face
@pytest.mark.parametrize(
    ("error", "status", "part", "wait"),
    [
        (errors.TooManyRequests("ConcurrentInvocationLimitExceeded"), 429, 2, ["1"]),
        (errors.EnvironmentUnavailable("no process"), 503, 3, ["1"]),
        (errors.ShuttingDown("draining"), 503, 3, ["1"]),
    ],
)
async def test_a_function_that_could_not_run(face: str, error: errors.RouterError, status: int, part: int, wait: list[str]) -> None:
    def fail(envelope: Envelope) -> Outcome:
        raise error

    response = await asked(rig(face, fail), face)
    assert (response.status, header(response, "retry-after")) == (status, wait)
    assert says(response, WORDS[face][part])


@every_face
async def test_what_is_too_large_for_the_function_is_413_and_runs_nothing(face: str) -> None:
    made = rig(face)
    limit = 1024 * 1024 if face == "alb" else SYNC_LIMIT
    around = 16 * 1024  # the event around the body is smaller than this
    typed = [("Content-Type", "text/plain")]
    assert (await asked(made, face, method="POST", headers=typed, body=b"x" * (limit - around))).status != 413
    assert len(made.outlet.invoked) == 1
    for body in (b"x" * (limit - 100), b"x" * (limit + 1), b"\x01" * (limit // 5)):
        response = await asked(made, face, method="POST", headers=typed, body=body)
        assert (response.status, header(response, "retry-after")) == (413, [])
    assert len(made.outlet.invoked) == 1


@pytest.mark.parametrize(("face", "counts_base64"), [("http", True), ("url", True), ("rest", False)])
async def test_a_binary_body_counts_as_the_event_holds_it(face: str, counts_base64: bool) -> None:
    """4.6 MB in base64 are over 6 MB; a REST API without binary types has them as text."""
    made = rig(face)
    response = await asked(
        made, face, method="POST", headers=[("Content-Type", "application/x-www-form-urlencoded")], body=b"a" * 4_800_000
    )
    assert (response.status == 413) is counts_base64


# -- the integration timeout


@pytest.mark.parametrize(
    ("trigger", "after", "status", "message"),
    [
        ("http: {route: GET /x, timeout: 5}", 5.0, 503, "Service Unavailable"),
        ("http: GET /x", 30.0, 503, "Service Unavailable"),
        ("http: {route: GET /x, api: rest}", 29.0, 504, "Endpoint request timed out"),
        ("http: {route: GET /x, api: rest, timeout: 120}", 120.0, 504, "Endpoint request timed out"),
    ],
)
async def test_the_client_is_answered_at_the_timeout_and_the_function_goes_on(
    trigger: str, after: float, status: int, message: str
) -> None:
    made = Rig(f=f"[{{{trigger}}}]")
    release, finished, early = asyncio.Event(), [], Asker()

    class Slow:
        async def invoke(self, envelope: Envelope) -> Outcome:
            await release.wait()
            finished.append(envelope)
            return Outcome(b'{"statusCode": 200}')

    made.source.places.line.outlet = Slow()  # type: ignore[assignment]
    watching = asyncio.create_task(made.source.places.line.patience.run())
    handling = asyncio.create_task(made.ask("/x", client=early))
    await settle()
    await made.clock.advance(after - 0.3)
    assert early.answers == []
    await made.clock.advance(0.6)
    (response,) = early.answers
    assert (response.status, told(response)) == (status, {"message": message})
    assert made.counted('router_http_late_total{function="f"} 1')
    release.set()
    await handling
    assert len(finished) == 1
    watching.cancel()


@pytest.mark.parametrize("face", ["url", "alb"])
async def test_without_a_timeout_the_function_decides(face: str) -> None:
    made = rig(face, {"statusCode": 200})
    assert (await asked(made, face)).status == 200
    assert made.source.places.line.patience._number == 0


async def test_patience_calls_who_is_late_once_and_nobody_else() -> None:
    clock = VirtualClock(NOW)
    patience, called = Patience(clock), []
    patience.expect(0.05)
    watching = asyncio.create_task(patience.run())

    def begin(timeout: float, path: str) -> int:
        asked = Asked(Request("GET", path, ()), path, "$default", {})
        return patience.begin(timeout, lambda *told: called.append(told), asked, Arrival(path, "", NOW))

    def given() -> list[tuple[str, str]]:
        return [(asked.path, arrival.request_id) for asked, arrival in called]

    late, soon = begin(0.05, "late"), begin(0.05, "soon")
    begin(60, "later")
    patience.end(soon)
    await clock.advance(0.06)
    assert given() == [("late", "late")]
    patience.end(late)
    await clock.advance(59)
    assert given() == [("late", "late")]
    await clock.advance(1.1)
    assert given() == [("late", "late"), ("later", "later")]
    assert not patience._waiting
    watching.cancel()


async def test_one_that_fails_to_give_up_does_not_stop_the_others_time() -> None:
    clock = VirtualClock(NOW)
    patience, called = Patience(clock), []

    def fail(*_: object) -> None:
        raise RuntimeError("no more")

    asked, arrival = Asked(Request("GET", "/", ()), "/", "$default", {}), Arrival("", "", NOW)

    watching = asyncio.create_task(patience.run())
    patience.begin(1, fail, asked, arrival)
    patience.begin(2, lambda *_: called.append("late"), asked, arrival)
    await clock.advance(3)
    assert called == ["late"]
    assert not watching.done()
    watching.cancel()


# -- invoke: async

ASYNC = {
    "http": "[{http: {route: 'ANY /{proxy+}', invoke: async}}]",
    "rest": "[{http: {route: 'ANY /{proxy+}', invoke: async, api: rest}}]",
    "alb": "[{http: {route: 'ANY /{proxy+}', invoke: async, api: alb}}]",
}


@pytest.mark.parametrize("face", ASYNC)
async def test_202_follows_the_emit_and_names_the_event(face: str) -> None:
    made = Rig(f=ASYNC[face])
    release = asyncio.Event()
    emit = made.outlet.emit

    async def slowly(envelope: Envelope) -> None:
        await release.wait()
        await emit(envelope)

    made.outlet.emit = slowly  # type: ignore[method-assign]
    handling = asyncio.create_task(made.ask("/jobs?x=1", "POST", [("Content-Type", "text/plain")], b"hello"))
    await settle()
    assert not handling.done()
    release.set()
    response = await handling
    (envelope,) = made.outlet.emitted
    assert (response.status, told(response)) == (202, {"requestId": envelope.request_id})
    assert header(response, "x-amzn-requestid") == [envelope.request_id]
    assert header(response, "content-type") == ["application/json"]
    assert not header(response, "x-amzn-errortype")
    assert all(header(response, name) for name in IDS[face])
    assert (envelope.function, envelope.source) == ("f", "http:ANY /{proxy+}")
    assert made.outlet.events()[0]["body"] == "hello"
    assert not made.outlet.invoked


@pytest.mark.parametrize("face", ASYNC)
async def test_what_the_journal_does_not_take_is_503_and_not_202(face: str) -> None:
    made = Rig(f=ASYNC[face])
    made.outlet.refuse = 1
    response = await made.ask("/jobs", "POST")
    assert (response.status, header(response, "retry-after")) == (503, ["1"])
    assert not made.outlet.emitted
    assert (await made.ask("/jobs", "POST")).status == 202


@pytest.mark.parametrize("face", ASYNC)
async def test_an_event_has_a_megabyte(face: str) -> None:
    made = Rig(f=ASYNC[face])
    typed = [("Content-Type", "text/plain")]
    assert (await made.ask("/jobs", "POST", typed, b"x" * (ASYNC_LIMIT - 16 * 1024))).status == 202
    assert (await made.ask("/jobs", "POST", typed, b"x" * ASYNC_LIMIT)).status == 413
    assert len(made.outlet.emitted) == 1


# -- guards


class Doorman:
    """A guard that keeps a list of its calls."""

    def __init__(self, name: str, calls: list[str], learned: Passage | Denied) -> None:
        self._name, self._calls, self._learned = name, calls, learned

    async def admit(self, asked: Asked, arrival: Arrival, outlet: Outlet) -> Passage | Denied:
        self._calls.append(self._name)
        return self._learned


def guarded(face: str, *learned: Passage | Denied) -> tuple[Rig, list[str]]:
    made, calls = rig(face, {"statusCode": 200}), []
    found = made.source.places._url_paths["f"] if face == "url" else made.source.places._table.find("GET", "/x").value.face  # type: ignore[union-attr]
    assert isinstance(found, RouteFace)
    found._guards = tuple(Doorman(str(number), calls, one) for number, one in enumerate(learned))
    return made, calls


async def test_all_guards_are_asked_in_turn_and_what_they_learned_is_put_together() -> None:
    made, calls = guarded(
        "rest", Passage(None, {"apiKey": "k"}), Passage({"principalId": "me"}, {"user": "u"}), Passage(None, {"apiKeyId": "i", "user": "v"})
    )
    assert (await asked(made, "rest")).status == 200
    assert calls == ["0", "1", "2"]
    context = made.events()[0]["requestContext"]
    assert context["authorizer"] == {"principalId": "me"}
    assert context["identity"].items() >= {"apiKey": "k", "apiKeyId": "i", "user": "v"}.items()


@pytest.mark.parametrize("face", ["http", "rest", "url"])
async def test_the_first_denial_ends_it_and_is_counted(face: str) -> None:
    denied = Denied(403, {"message": "Forbidden"}, "ForbiddenException")
    made, calls = guarded(face, Passage({"a": "b"}), denied, Passage())
    response = await asked(made, face, body=b"x" * (SYNC_LIMIT + 1))
    assert (response.status, told(response)) == (403, {"message": "Forbidden"})
    assert calls == ["0", "1"]
    assert not made.outlet.invoked
    assert made.counted('router_http_denied_total{function="f",status="403"} 1')
    assert header(response, "x-amzn-errortype") == ([] if face == "http" else ["ForbiddenException"])
    assert all(header(response, name) for name in IDS[face])
