"""Lambda authorizers: who is asked, what is kept, and what each API says to whom it turns away."""

import asyncio
import time
from typing import Any

import orjson
import pytest

from router.errors import EnvironmentUnavailable, FunctionNotFound, ShuttingDown, TooManyRequests
from router.events import routes
from router.events.authorizer import Identity
from router.events.gateway import Api, Arrival, Asked, Denied, Passage
from router.events.http import Request
from router.model import Envelope, Outcome
from router.sources import http_authorizer
from router.sources.http_access import LambdaAuthorizer
from router.sources.http_authorizer import Authorizer, AuthorizerGuard, KeyedGuard, Shape
from router.sources.http_keys import KeyGuard, Usage
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock, settle
from tests.helpers.outlet import MemoryOutlet
from tests.unit.sources.test_http_keys import MOBILE, PLANS, WEB

API = Api("123456789012", "abc", stage="prod")
ARRIVAL = Arrival("id", "Root=1-0-0", 0.0)
WHO = Identity("header", "x-who")
TOKEN = LambdaAuthorizer("auth", "token", (Identity("header", "authorization"),), 300)
REQUEST = LambdaAuthorizer("auth", "request", (WHO,), 300)
SIMPLE = LambdaAuthorizer("auth", "request", (WHO,), 0, "2.0", simple=True)
FORMAT_1 = LambdaAuthorizer("auth", "request", (WHO,), 0, "1.0")
ALL = "arn:aws:execute-api:*:*:*"


def policy(effect: str = "Allow", resource: str = ALL, **more: Any) -> bytes:
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}
    return orjson.dumps({"principalId": "me", "policyDocument": {"Statement": [statement]}, **more})


def simple(*, allowed: bool = True, **context: Any) -> bytes:
    return orjson.dumps({"isAuthorized": allowed, "context": context})


def asked(path: str = "/x", **headers: str) -> Asked:
    request = Request("GET", path, [(name.replace("_", "-"), value) for name, value in headers.items()], b"body", "10.0.0.1")
    return Asked(request, "/".join(routes.segments_of(path)), "GET /{proxy+}", {})


class Rig:
    """A guard, its authorizer's answers, and a clock."""

    def __init__(
        self, config: LambdaAuthorizer, shape: Shape, answer: bytes | Outcome | Exception = b"", keys: KeyGuard | None = None
    ) -> None:
        self.clock, self.metrics = VirtualClock(), Metrics()
        self.outlet = MemoryOutlet(self._answer)
        self.answer = answer
        self.shared = Authorizer(config, self.clock, self.metrics)
        self.guard = AuthorizerGuard(self.shared, API, shape, keys)

    def _answer(self, _: Envelope) -> Outcome:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if isinstance(self.answer, Outcome) else Outcome(self.answer)

    async def admit(self, request: Asked) -> Passage | Denied:
        return await self.guard.admit(request, ARRIVAL, self.outlet)

    @property
    def events(self) -> list[Any]:
        return [orjson.loads(envelope.payload) for envelope in self.outlet.invoked]

    def counted(self, outcome: str) -> float:
        return self.metrics.counter("router_authorizer_invocations_total", "").value("auth", outcome)


# -- what passes


async def test_a_token_authorizer_and_what_the_function_learns() -> None:
    rig = Rig(TOKEN, "rest", policy(context={"tier": 2, "beta": True}))
    passage = await rig.admit(asked(authorization="Bearer t"))
    assert passage == Passage({"tier": "2", "beta": "true", "principalId": "me", "integrationLatency": 0})
    arn = "arn:aws:execute-api:us-east-1:123456789012:abc/prod/GET/x"
    assert rig.events == [{"type": "TOKEN", "methodArn": arn, "authorizationToken": "Bearer t"}]
    (envelope,) = rig.outlet.invoked
    assert (envelope.function, envelope.source) == ("auth", "authorizer:auth")


async def test_a_request_authorizer_of_a_rest_api_is_told_the_request_without_its_body() -> None:
    keys = KeyGuard(Usage(PLANS, VirtualClock(), Metrics()), ["gold"])
    rig = Rig(REQUEST, "rest", policy(), keys)
    assert isinstance(await rig.admit(asked(x_who="me", x_api_key=WEB)), Passage)
    (event,) = rig.events
    assert (event["type"], event["httpMethod"], event["path"]) == ("REQUEST", "GET", "/x")
    assert event["requestContext"]["identity"]["apiKey"] == WEB
    assert event["requestContext"]["identity"]["apiKeyId"] == "web"
    assert "body" not in event
    assert "version" not in event


async def test_a_simple_response() -> None:
    rig = Rig(SIMPLE, "2.0", simple(roles=["a", 1], none=None))
    assert await rig.admit(asked(x_who="me", content_length="4")) == Passage({"lambda": {"roles": ["a", 1], "none": None}})
    (event,) = rig.events
    assert (event["version"], event["type"], event["identitySource"]) == ("2.0", "REQUEST", ["me"])
    assert event["routeArn"].endswith(":abc/prod/GET/x")
    assert event["headers"]["content-length"] == "4"
    assert "body" not in event


async def test_format_1_of_an_http_api() -> None:
    rig = Rig(FORMAT_1, "2.0", policy(context={"n": 1}))
    assert await rig.admit(asked(x_who="me")) == Passage({"lambda": {"n": 1}})
    (event,) = rig.events
    assert (event["version"], event["identitySource"], event["authorizationToken"]) == ("1.0", "me", "me")
    assert event["methodArn"].endswith(":abc/prod/GET/x")
    assert event["headers"]["Content-Length"] == "4"
    assert event["multiValueHeaders"]["Content-Length"] == ["4"]


async def test_a_function_with_format_1_gets_the_context_as_a_rest_api_gives_it() -> None:
    rig = Rig(SIMPLE, "1.0", simple(n=1))
    assert await rig.admit(asked(x_who="me")) == Passage({"n": "1", "integrationLatency": 0})


# -- what does not

UNAUTHORIZED = Denied(401, {"message": "Unauthorized"}, "UnauthorizedException")
REST_FAILED = Denied(500, {"message": None}, "AuthorizerConfigurationException")
HTTP_FAILED = Denied(500, {"message": "Internal Server Error"})
STOPPING = Denied(503, {"message": "Service Unavailable"}, "ServiceUnavailableException", 1)
HTTP_DENIED = Denied(403, {"message": "Forbidden"})


def rest_denied(words: str = "") -> Denied:
    return Denied(403, {"Message": f"User is not authorized to access this resource{words}"}, "AccessDeniedException")


def raised(message: str) -> Outcome:
    return Outcome(orjson.dumps({"errorMessage": message, "errorType": "Exception"}), "Unhandled", "Exception")


@pytest.mark.parametrize(
    ("answer", "rest", "http", "outcome"),
    [
        (policy("Deny"), rest_denied(" with an explicit deny"), HTTP_DENIED, "ok"),
        (policy(resource=ALL + "/other"), rest_denied(), HTTP_DENIED, "ok"),
        (raised("Unauthorized"), UNAUTHORIZED, UNAUTHORIZED, "unauthorized"),
        (raised("unauthorized"), REST_FAILED, HTTP_FAILED, "failed"),
        (raised("boom"), REST_FAILED, HTTP_FAILED, "failed"),
        (b"null", REST_FAILED, HTTP_FAILED, "malformed"),
        (b'{"isAuthorized":true}', REST_FAILED, HTTP_FAILED, "malformed"),
        (policy(context={"a": [1]}), REST_FAILED, HTTP_FAILED, "malformed"),
        (policy("Maybe"), REST_FAILED, HTTP_FAILED, "malformed"),
        (TooManyRequests("x"), REST_FAILED, HTTP_FAILED, "failed"),
        (FunctionNotFound("auth"), REST_FAILED, HTTP_FAILED, "failed"),
        (ShuttingDown("x"), STOPPING, STOPPING, "unavailable"),
        (EnvironmentUnavailable("x"), STOPPING, STOPPING, "unavailable"),
    ],
)
async def test_who_is_turned_away_and_how(answer: Any, rest: Denied, http: Denied, outcome: str) -> None:
    for config, shape, expected in ((REQUEST, "rest", rest), (FORMAT_1, "2.0", http)):
        rig = Rig(config, shape, answer)  # type: ignore[arg-type]
        assert await rig.admit(asked(x_who="me")) == expected
        assert rig.counted(outcome) == 1


async def test_a_simple_no() -> None:
    assert await Rig(SIMPLE, "2.0", simple(allowed=False)).admit(asked(x_who="me")) == HTTP_DENIED


async def test_without_an_identity_nobody_is_asked() -> None:
    for config, shape in ((TOKEN, "rest"), (REQUEST, "rest"), (SIMPLE, "2.0"), (FORMAT_1, "2.0")):
        rig = Rig(config, shape, policy())  # type: ignore[arg-type]
        assert await rig.admit(asked()) == UNAUTHORIZED
        assert await rig.admit(asked(authorization="", x_who="")) == UNAUTHORIZED
        assert rig.outlet.invoked == []


async def test_a_token_that_is_not_valid_asks_nobody() -> None:
    rig = Rig(LambdaAuthorizer("auth", "token", TOKEN.sources, 300, validation="Bearer [a-z]+"), "rest", policy())
    for token in ("Bearer", "Bearer A", "Bearer abc!", "xBearer abc", "bearer abc"):
        assert await rig.admit(asked(authorization=token)) == UNAUTHORIZED
    assert rig.outlet.invoked == []
    assert isinstance(await rig.admit(asked(authorization="Bearer abc")), Passage)


@pytest.mark.parametrize("ttl", [0, 300])
async def test_a_token_that_no_validation_is_ever_done_with_is_turned_away_at_once(ttl: int) -> None:
    config = LambdaAuthorizer("auth", "token", TOKEN.sources, ttl, validation="^Bearer ([a-zA-Z0-9_-]+[.]?)+$")
    rig = Rig(config, "rest", policy())
    started = time.process_time()
    assert await rig.admit(asked(authorization=f"Bearer {'a' * 30_000}!")) == UNAUTHORIZED
    assert time.process_time() - started < 1
    assert rig.outlet.invoked == []
    assert isinstance(await rig.admit(asked(authorization="Bearer a.b.c")), Passage)


class Slow:
    """An outlet that answers when told to."""

    def __init__(self, answer: bytes) -> None:
        self.invoked, self.finished = 0, 0
        self.release = asyncio.Event()
        self._answer = answer

    async def invoke(self, envelope: Envelope) -> Outcome:
        self.invoked += 1
        await self.release.wait()
        self.finished += 1
        return Outcome(self._answer)


@pytest.mark.parametrize(("config", "shape", "limit", "denied"), [(FORMAT_1, "2.0", 10, HTTP_FAILED), (TOKEN, "rest", 29, REST_FAILED)])
async def test_who_takes_too_long_is_not_waited_for(config: LambdaAuthorizer, shape: Any, limit: float, denied: Denied) -> None:
    rig, slow = Rig(config, shape), Slow(policy())
    asking = asyncio.create_task(rig.guard.admit(asked(x_who="me", authorization="t"), ARRIVAL, slow))  # type: ignore[arg-type]
    await settle()
    await rig.clock.advance(limit - 0.1)
    assert not asking.done()
    await rig.clock.advance(0.2)
    assert await asking == denied
    assert rig.counted("timed_out") == 1
    slow.release.set()
    await settle()
    assert slow.finished == 1  # the invocation went on, and reached nobody
    assert not rig.shared._kept
    assert not rig.shared._running


# -- what is kept


async def test_an_answer_is_kept_for_its_time() -> None:
    rig = Rig(TOKEN, "rest", policy())
    first = await rig.admit(asked(authorization="a"))
    assert await rig.admit(asked(authorization="a")) == first
    assert isinstance(await rig.admit(asked(authorization="b")), Passage)
    assert len(rig.outlet.invoked) == 2
    await rig.clock.advance(299)
    await rig.admit(asked(authorization="a"))
    assert len(rig.outlet.invoked) == 2
    assert rig.metrics.counter("router_authorizer_kept_answers_total", "").value("auth") == 2
    await rig.clock.advance(2)
    rig.answer = policy("Deny")
    assert isinstance(await rig.admit(asked(authorization="a")), Denied)
    rig.answer = policy()
    assert isinstance(await rig.admit(asked(authorization="a")), Denied)  # a no is kept too
    assert len(rig.outlet.invoked) == 3


async def test_a_kept_policy_is_judged_anew_for_each_method() -> None:
    rig = Rig(TOKEN, "rest", policy(resource="arn:aws:execute-api:*:*:abc/prod/GET/x"))
    assert isinstance(await rig.admit(asked("/x", authorization="a")), Passage)
    assert await rig.admit(asked("/y", authorization="a")) == rest_denied()
    assert isinstance(await rig.admit(asked("/x", authorization="a")), Passage)
    assert len(rig.outlet.invoked) == 1


async def test_ttl_0_keeps_nothing() -> None:
    rig = Rig(SIMPLE, "2.0", simple())
    for _ in range(3):
        await rig.admit(asked(x_who="me"))
    assert len(rig.outlet.invoked) == 3


@pytest.mark.parametrize("answer", [raised("Unauthorized"), raised("boom"), b"null", TooManyRequests("x")])
async def test_what_is_no_answer_is_not_kept(answer: Any) -> None:
    rig = Rig(TOKEN, "rest", answer)
    assert isinstance(await rig.admit(asked(authorization="a")), Denied)
    rig.answer = policy()
    assert isinstance(await rig.admit(asked(authorization="a")), Passage)


async def test_all_identities_make_the_key_and_none_slips_into_another() -> None:
    config = LambdaAuthorizer("auth", "request", (WHO, Identity("header", "x-what")), 300, "2.0", simple=True)
    rig = Rig(config, "2.0", simple())
    for who, what in (("a", "b"), ("a,b", "c"), ("a", "b,c"), ("ab", "c"), ('a"', "c"), ("a", "b")):
        await rig.admit(asked(x_who=who, x_what=what))
    assert len(rig.outlet.invoked) == 5


async def test_the_oldest_answers_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_authorizer, "KEPT", 2)
    rig = Rig(TOKEN, "rest", policy())
    for token in ("a", "b", "a", "c", "a", "b"):
        await rig.admit(asked(authorization=token))
    assert [event["authorizationToken"] for event in rig.events] == ["a", "b", "c", "b"]


async def test_requests_alike_share_one_invocation() -> None:
    rig, slow = Rig(TOKEN, "rest"), Slow(policy())
    asking = [
        asyncio.create_task(rig.guard.admit(asked(authorization=token), ARRIVAL, slow))  # type: ignore[arg-type]
        for token in ("a", "a", "b", "a")
    ]
    await settle()
    assert slow.invoked == 2
    asking[0].cancel()  # who leaves takes the answer from nobody else
    await settle()
    slow.release.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(isinstance(answer, Passage) for answer in answers[1:])
    assert slow.finished == 2


async def test_who_leaves_alone_ends_the_invocation_that_nobody_else_waits_for() -> None:
    rig, slow = Rig(SIMPLE, "2.0"), Slow(simple())
    asking = asyncio.create_task(rig.guard.admit(asked(x_who="me"), ARRIVAL, slow))  # type: ignore[arg-type]
    await settle()
    asking.cancel()
    await settle()
    assert asking.cancelled()
    assert not rig.shared._running


async def test_closing_ends_what_runs() -> None:
    rig, slow = Rig(TOKEN, "rest"), Slow(policy())
    asking = asyncio.create_task(rig.guard.admit(asked(authorization="a"), ARRIVAL, slow))  # type: ignore[arg-type]
    await settle()
    await rig.shared.close()
    await settle()
    assert asking.done()
    assert not rig.shared._asking
    assert not rig.shared._running
    assert slow.finished == 0


async def test_no_token_is_kept_in_the_clear() -> None:
    rig = Rig(TOKEN, "rest", policy())
    await rig.admit(asked(authorization="a-very-secret-token"))
    assert "a-very-secret-token" not in repr(rig.shared.__dict__)


# -- the key that an authorizer names


@pytest.mark.parametrize(
    ("key", "status", "identity"),
    [(WEB, 0, {"apiKey": WEB, "apiKeyId": "web"}), (MOBILE, 403, {}), ("", 403, {})],
)
async def test_the_authorizers_key_opens_the_plan(key: str, status: int, identity: dict[str, str]) -> None:
    rig = Rig(TOKEN, "rest", policy(usageIdentifierKey=key))
    guard = KeyedGuard(rig.guard, KeyGuard(Usage(PLANS, rig.clock, rig.metrics), ["gold"]))
    answer = await guard.admit(asked(authorization="a", x_api_key=WEB), ARRIVAL, rig.outlet)
    if isinstance(answer, Denied):
        assert answer.status == status
    else:
        assert answer.identity == identity
        assert answer.authorizer == {"principalId": "me", "integrationLatency": 0}


async def test_the_authorizers_no_comes_before_the_plan() -> None:
    rig = Rig(TOKEN, "rest", policy("Deny", usageIdentifierKey=MOBILE))
    guard = KeyedGuard(rig.guard, KeyGuard(Usage(PLANS, rig.clock, rig.metrics), ["basic"]))
    answers = [await guard.admit(asked(authorization="a"), ARRIVAL, rig.outlet) for _ in range(4)]
    assert {answer.status for answer in answers if isinstance(answer, Denied)} == {403}
