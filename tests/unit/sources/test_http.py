"""The http trigger as config.yaml spells it, and a request's way to the function and back, without a port."""

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router import errors
from router.config.document import parsed
from router.config.types import Config, Function, Listen, Names
from router.events import routes
from router.events.http import NOBODY, Client, Request, Response
from router.model import SYNC_LIMIT, Envelope, Outcome
from router.sources import SOURCES
from router.sources.base import Binding, House
from router.sources.http import HttpSource
from router.sources.http_triggers import HttpTrigger
from router.telemetry.metrics import Metrics
from tests.helpers.asker import Asker
from tests.helpers.clock import VirtualClock, settle
from tests.helpers.outlet import MemoryOutlet

NOW = 1_790_000_000.25


def read(yaml: str) -> tuple[HttpTrigger, tuple[str, ...]]:
    """The trigger under `http` in this YAML, and the mistakes noted."""
    document, root = parsed(f"http: {yaml}\n", Path("config.yaml"), {})
    node = root.child("http")
    assert node is not None
    return HttpTrigger.read(node, Names({}, {})), document.problems.lines()


def test_the_table_of_sources_knows_it() -> None:
    assert SOURCES["http"] is HttpSource
    assert [trigger.word for trigger in HttpSource.TRIGGERS] == ["http", "url", "webhook"]


def test_the_short_form() -> None:
    assert read("POST /images/{id}") == (HttpTrigger(routes.parse("POST /images/{id}"), 30.0), ())


def test_the_long_form() -> None:
    trigger, mistakes = read("{route: 'ANY /v1/{proxy+}', api: http, timeout: 500ms}")
    assert not mistakes
    assert (trigger.route.key, trigger.timeout) == ("ANY /v1/{proxy+}", 0.5)


@pytest.mark.parametrize(
    ("yaml", "told"),
    [
        ("/images", "names no method"),
        ("{timeout: 5}", "route"),
        ("{route: GET /x, api: soap}", "api"),
        ("{route: GET /x, timeout: 31}", "timeout"),
        ("{route: GET /x, timeout: 0.01}", "timeout"),
        ("{route: GET /x, cors: {}}", "allow_origins: is required"),
        ("{route: GET /x, cors: {allow_origins: ['example.com']}}", "no origin"),
        ("{route: GET /x, cors: {allow_origins: ['*'], allow_credentials: true}}", "name the origins"),
        ("{route: GET /x, cors: {allow_origins: ['*'], allow_methods: [FETCH]}}", "no method"),
        ("{route: GET /x, api: alb, cors: {allow_origins: ['*']}}", "leave CORS to the function"),
        ("{route: GET /x, stage: 'a b'}", "stage"),
        ("{route: $default, api: rest}", "no $default route"),
        ("{route: $default, base_path: /v1}", "write ANY /{proxy+}"),
        ("{route: GET /x, base_path: /v1/}", "base_path"),
        ("{route: GET /x, api: alb, base_path: /v1}", "only for api: http and rest"),
        ("{route: GET /x, api: alb, timeout: 3}", "the function's own timeout"),
        ("{route: GET /x, multi_value: true}", "only for api: alb"),
        ("{route: GET /x, binary_media_types: [image/png]}", "only for api: rest"),
        ("{route: GET /x, api: rest, binary_media_types: [png]}", "no media type"),
        ("{route: GET /x, api: rest, payload_format_version: '1.0'}", "only for api: http"),
        ("{route: GET /x, api: rest, timeout: 901}", "timeout"),
        ("GET /_url/x", "belong to function URLs"),
        ("{route: GET /x, base_path: /_url}", "belong to function URLs"),
        ("{route: GET /x, tiemout: 3}", "did you mean timeout"),
        ("{}", "route"),
    ],
)
def test_a_mistake_is_told_once(yaml: str, told: str) -> None:
    trigger, mistakes = read(yaml)
    assert len(mistakes) == 1
    assert told in mistakes[0]
    assert isinstance(trigger.claim, str)


def test_claims() -> None:
    assert read("GET /x/{a}")[0].claim == read("GET /x/{b}")[0].claim == "route GET /x/{}"
    assert read("$default")[0].claim == "route $default"
    assert read("nonsense")[0].claim == ""


# -- a request's way


def source(
    answer: Callable[[Envelope], Outcome] | Any = None, *triggers: str, timeout: float = 30.0
) -> tuple[HttpSource, MemoryOutlet, Metrics]:
    metrics = Metrics()
    house = House(Config(Path("/c/config.yaml"), Path("/s"), http=Listen("off")), VirtualClock(NOW), None, metrics)  # type: ignore[arg-type]
    function = Function("f", Path("/code"), "app.handler")
    bindings = [Binding(function, HttpTrigger(routes.parse(text), timeout), index) for index, text in enumerate(triggers or ("$default",))]
    (built,) = HttpSource.build(bindings, house)
    outlet = MemoryOutlet(answer)
    built.places.line.outlet = outlet
    return built, outlet, metrics


def request(target: str = "/", method: str = "GET", body: bytes = b"", *headers: tuple[str, str], client: Client = NOBODY) -> Request:
    made = Request(method, target, [("host", "a"), *headers], body, "1.2.3.4", "a", 80)
    return made._replace(client=client)


def header(response: Response, name: str) -> str | None:
    return dict(response.headers).get(name)


def message(response: Response) -> Any:
    assert isinstance(response.body, bytes)
    return json.loads(response.body)["message"]


def test_no_triggers_no_source() -> None:
    built, *_ = source()
    assert HttpSource.build([], None) == []  # type: ignore[arg-type]
    assert built.name == "http"


async def test_a_request_becomes_an_event_and_the_result_the_answer() -> None:
    built, outlet, _ = source(lambda _: Outcome(b'{"statusCode": 201, "body": "made"}'), "POST /images/{id}", "$default")
    response = await built.handle(request("/images/a%20b?x=1", "POST", b'{"n": 1}', ("content-type", "application/json")))
    assert (response.status, response.body) == (201, b"made")
    (envelope,) = outlet.invoked
    event = json.loads(envelope.payload)
    assert (envelope.function, envelope.source, envelope.sequencer) == ("f", "http:POST /images/{id}", "")
    assert event["routeKey"] == "POST /images/{id}"
    assert event["pathParameters"] == {"id": "a b"}
    assert event["body"] == '{"n": 1}'
    assert event["requestContext"]["timeEpoch"] == int(NOW * 1000)
    assert event["requestContext"]["requestId"] == header(response, "apigw-requestid")
    assert len(event["requestContext"]["requestId"]) == 16
    assert event["headers"]["x-amzn-trace-id"].startswith(f"Root=1-{int(NOW):08x}-")


async def test_ids_are_fresh_and_the_api_is_not() -> None:
    built, outlet, _ = source()
    for _ in range(2):
        await built.handle(request())
    first, second = (json.loads(envelope.payload)["requestContext"] for envelope in outlet.invoked)
    assert first["requestId"] != second["requestId"]
    assert first["apiId"] == second["apiId"]
    assert len(first["apiId"]) == 10


async def test_no_route_is_404_and_runs_nothing() -> None:
    built, outlet, _ = source(None, "GET /a")
    response = await built.handle(request("/b"))
    assert (response.status, message(response)) == (404, "Not Found")
    assert header(response, "apigw-requestid")
    assert not outlet.invoked


@pytest.mark.parametrize("target", ["/%00", "/%ff", "/%", "/a%2"])
async def test_a_path_that_is_no_text_is_400(target: str) -> None:
    built, outlet, _ = source()
    assert (await built.handle(request(target))).status == 400
    assert not outlet.invoked


@pytest.mark.parametrize("target", ["/a/../b", "/a/%2e%2e%2fb", "//a//", "/a;b=c", "/%252e"])
async def test_path_tricks_are_routed_by_the_text_the_function_sees(target: str) -> None:
    built, outlet, _ = source(None, "ANY /{proxy+}")
    assert (await built.handle(request(target))).status == 200
    event = json.loads(outlet.invoked[0].payload)
    assert event["rawPath"] == "/" + event["pathParameters"]["proxy"]


@pytest.mark.parametrize(
    ("error", "status", "told", "retry"),
    [
        (errors.TooManyRequests("ConcurrentInvocationLimitExceeded"), 429, "Too Many Requests", "1"),
        (errors.EnvironmentUnavailable("no process"), 503, "Service Unavailable", "1"),
        (errors.ShuttingDown("draining"), 503, "Service Unavailable", "1"),
        (errors.JournalError("disk"), 503, "Service Unavailable", "1"),
        (errors.RequestTooLarge(SYNC_LIMIT), 413, "Request Too Long", None),
        (errors.FunctionNotFound("arn"), 500, "Internal Server Error", None),
    ],
)
async def test_a_function_that_could_not_run(error: errors.RouterError, status: int, told: str, retry: str | None) -> None:
    def fail(envelope: Envelope) -> Outcome:
        raise error

    built, *_ = source(fail)
    response = await built.handle(request())
    assert (response.status, message(response), header(response, "retry-after")) == (status, told, retry)
    assert header(response, "apigw-requestid")


async def test_a_function_error_is_500_and_shows_nothing_of_it() -> None:
    built, *_ = source(lambda _: Outcome(b'{"errorMessage": "secret", "errorType": "KeyError"}', "Unhandled", "KeyError"))
    response = await built.handle(request())
    assert (response.status, message(response)) == (500, "Internal Server Error")


async def test_a_malformed_result_is_500_and_counted() -> None:
    built, _, metrics = source(lambda _: Outcome(b'{"statusCode": 200, "headers": {"x": "a\\r\\nb: c"}}'))
    response = await built.handle(request())
    assert (response.status, message(response)) == (500, "Internal Server Error")
    assert 'router_http_malformed_total{function="f"} 1' in metrics.exposition()


@pytest.mark.parametrize(("content_type", "fits"), [("text/plain", SYNC_LIMIT // 2), ("image/png", SYNC_LIMIT // 2)])
async def test_a_body_that_fits_goes_through(content_type: str, fits: int) -> None:
    built, outlet, _ = source()
    body = b"\x01" * 16 + b"x" * fits
    assert (await built.handle(request("/", "POST", body, ("content-type", content_type)))).status == 200
    event = json.loads(outlet.invoked[0].payload)
    assert (base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()) == body


async def test_a_body_too_large_in_base64_is_413() -> None:
    built, outlet, _ = source()
    body = b"x" * (SYNC_LIMIT * 3 // 4 + 3)
    response = await built.handle(request("/", "POST", body, ("content-type", "image/png")))
    assert (response.status, message(response)) == (413, "Request Too Long")
    assert not outlet.invoked


async def test_at_the_integration_timeout_the_client_gets_503_and_the_invocation_goes_on() -> None:
    built, _, metrics = source(None, "$default", timeout=5.0)
    clock = built.places.line.clock
    assert isinstance(clock, VirtualClock)
    told = Asker()
    release = asyncio.Event()
    finished = []

    class Slow:
        async def invoke(self, envelope: Envelope) -> Outcome:
            await release.wait()
            finished.append(envelope)
            return Outcome(b'"late"')

    built.places.line.outlet = Slow()  # type: ignore[assignment]
    watching = asyncio.create_task(built.places.line.patience.run())
    handling = asyncio.create_task(built.handle(request(client=told)))
    await settle()
    await clock.advance(4.9)
    assert told.answers == []
    await clock.advance(0.4)
    await clock.advance(60)
    (early,) = told.answers
    assert (early.status, message(early)) == (503, "Service Unavailable")
    assert not handling.done()
    release.set()
    assert (await handling).body == b"late"
    assert len(finished) == 1
    assert 'router_http_late_total{function="f"} 1' in metrics.exposition()
    watching.cancel()


async def test_an_answer_in_time_is_the_only_one() -> None:
    early = Asker()
    built, *_ = source(None, "$default", timeout=0.05)
    clock = built.places.line.clock
    assert isinstance(clock, VirtualClock)
    watching = asyncio.create_task(built.places.line.patience.run())
    assert (await built.handle(request(client=early))).status == 200
    await clock.advance(1)
    assert early.answers == []
    assert not built.places.line.patience._waiting
    watching.cancel()


async def test_a_listener_that_is_off_waits_for_the_stop_and_says_so() -> None:
    built, outlet, _ = source()
    stop = asyncio.Event()
    running = asyncio.create_task(built.run(outlet, stop))
    await asyncio.sleep(0)
    assert built.health() == "listen.http is off: no route is served"
    assert built.addresses == ()
    stop.set()
    await running
