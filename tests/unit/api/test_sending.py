"""Events and requests by hand, over the control socket, through the triggers."""

import asyncio
import base64
import json
from typing import Any

import pytest

from router.api.requests import request_of, spelled
from router.errors import InvalidParameter, TooManyRequests
from router.events.http import NOBODY, Request, Response
from router.events.shapes import SHAPES, built
from router.model import Outcome
from tests.helpers.asker import Asker
from tests.helpers.clock import settle
from tests.unit.api.bench import FAILED, Answer, Bench

GET: dict[str, Any] = {
    "type": "http",
    "method": "POST",
    "target": "/images/7?a=1",
    "headers": [["X-One", "1"], ["Host", "h"]],
    "peer": "1.2.3.4",
    "host": "h",
}


async def send(bench: Bench, kind: str, **facts: str) -> Answer:
    made = built(SHAPES[kind], facts, 1_790_000_000.0)
    return await bench.ask("POST", "/events", json.dumps({"type": kind, "event": made}).encode())


async def ask(bench: Bench, **more: Any) -> Answer:
    return await bench.ask("POST", "/requests", json.dumps(GET | more).encode())


def serving(bench: Bench) -> None:
    """The http source as it is while it runs."""
    http = bench.sources[0]
    http.places.line.outlet = bench.dispatcher
    http._listener.addresses = ("127.0.0.1:8080",)


# -- events


async def test_an_event_is_queued_for_whom_it_matches_once_durable() -> None:
    bench = Bench()
    answer = await send(bench, "s3-put")
    assert answer.status == 200
    (row,) = answer.json
    assert (row["function"], row["source"], row["state"], row["error"]) == ("f", "s3:uploads", "queued", None)
    event = (await bench.journal.find(row["id"])).payload
    assert json.loads(event)["Records"][0]["eventVersion"] == "2.4", "the bucket's"
    await bench.work()
    assert [seen.request_id for seen in bench.pool.seen] == [row["id"]]


async def test_sending_again_is_another_event() -> None:
    bench = Bench()
    first, second = (await send(bench, "s3-put", sequencer="00AA")).json, (await send(bench, "s3-put", sequencer="00AA")).json
    assert first[0]["id"] != second[0]["id"]
    assert len(await bench.get("/events")) == 2


async def test_records_are_handed_over_now_and_their_outcome_is_told() -> None:
    bench = Bench(FAILED)
    (row,) = (await send(bench, "dynamodb")).json
    assert (row["function"], row["source"], row["state"]) == ("f", "table:orders", "failed")
    assert "ValueError" in row["error"]
    bench.pool.script = Outcome(b"{}")
    (row,) = (await send(bench, "dynamodb")).json
    assert (row["state"], row["error"]) == ("succeeded", None)
    assert await bench.get("/events") == [], "a mapping's invocations are no events of the journal"


async def test_a_tick_is_queued() -> None:
    bench = Bench()
    (row,) = (await send(bench, "schedule", name="f-1")).json
    assert (row["function"], row["source"], row["state"]) == ("f", "schedule:f-1", "queued")


async def test_what_matches_nothing_is_400_with_the_reason() -> None:
    bench = Bench()
    answer = await send(bench, "s3-put", key="a.txt")
    assert answer.refusal == (400, "InvalidParameterValueException")
    assert "wants ObjectCreated:Put of 'a.txt'" in answer.json["message"]
    for body in (b"{}", b'{"type": "s3-put"}', b'{"type": 7, "event": {}}', b"[]", b"{"):
        assert (await bench.ask("POST", "/events", body)).status == 400
    assert await bench.get("/events") == []


async def test_a_store_that_takes_nothing_is_told_and_nothing_was_sent() -> None:
    bench = Bench()
    bench.journal.full = True
    assert (await send(bench, "s3-put")).refusal == (503, "ServiceUnavailableException")


async def test_one_refused_of_several_is_a_row() -> None:
    bench = Bench(TooManyRequests("ConcurrentInvocationLimitExceeded"))
    assert (await send(bench, "dynamodb")).refusal == (429, "TooManyRequestsException")


# -- requests


async def test_a_request_takes_the_way_of_the_listeners_own() -> None:
    bench = Bench(Outcome(b'{"statusCode": 201, "headers": {"x-made": "yes"}, "body": "done"}'))
    serving(bench)
    answer = await ask(bench, body=base64.b64encode(b'{"n": 1}').decode())
    assert answer.status == 200
    assert (answer.json["status"], answer.json["body"], answer.json["isBase64Encoded"]) == (201, "done", False)
    assert ["x-made", "yes"] in answer.json["headers"]
    (seen,) = bench.pool.seen
    event = json.loads(seen.payload)
    assert (event["routeKey"], event["pathParameters"], event["rawQueryString"]) == ("POST /images/{id}", {"id": "7"}, "a=1")
    assert (event["headers"]["x-one"], event["requestContext"]["http"]["sourceIp"]) == ("1", "1.2.3.4")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"target": "/nowhere"}, "no route matches POST /nowhere"),
        ({"target": "/%zz"}, "a percent sign in the path is not followed by two hexadecimal digits"),
        ({"type": "rest"}, "POST /images/7 is of kind http: send that"),
        ({"type": "url", "target": "/_url/f/"}, "no function URL is at POST /_url/f/"),
        ({"type": "s3-put"}, "'s3-put' is none of http, rest, url, alb"),
        ({"type": ""}, "'' is none of http, rest, url, alb"),
    ],
)
async def test_a_request_that_no_function_would_get_is_refused(wrong: dict[str, str], said: str) -> None:
    bench = Bench()
    serving(bench)
    answer = await ask(bench, **wrong)
    assert answer.refusal == (400, "InvalidParameterValueException")
    assert answer.json["message"] == said
    assert bench.pool.seen == []


async def test_at_the_integration_timeout_the_answer_comes_early() -> None:
    async def never(_: Any) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    bench = Bench(never)
    serving(bench)
    early = Asker()
    watching = asyncio.create_task(bench.sources[0].places.line.patience.run())
    given = Request("POST", "/requests", (), json.dumps(GET).encode(), client=early)
    asking = asyncio.create_task(bench.control(given))
    await settle()
    await bench.clock.advance(31)
    await settle()
    (response,) = early.answers
    assert isinstance(response.body, bytes)
    assert json.loads(response.body)["status"] == 503
    for task in (asking, watching):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_requests_are_refused_while_nothing_is_served() -> None:
    bench = Bench()
    assert (await ask(bench)).refusal == (503, "ServiceUnavailableException")
    bench.calls.sender._http = ()
    answer = await ask(bench)
    assert answer.refusal == (400, "InvalidParameterValueException")
    assert answer.json["message"] == "no route could match: the config has no http and no url trigger"


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": 1},
        {"port": "80"},
        {"port": True},
        {"headers": {"a": "b"}},
        {"headers": [["a"]]},
        {"headers": [["ä", "b"]]},
        {"headers": [["a", 1]]},
        {"headers": [["a", "\ud800"]]},
        {"body": "not base64"},
        {"body": 7},
    ],
)
def test_what_is_no_request_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter):
        request_of(GET | wrong, NOBODY)


def test_names_of_headers_keep_their_case_beside_the_lower_ones() -> None:
    made = request_of(GET, NOBODY)
    assert made.headers == [("x-one", "1"), ("host", "h")]
    assert made.named_as_sent() == [("X-One", "1"), ("Host", "h")]
    assert (made.body, made.path, made.query) == (b"", "/images/7", "a=1")


def test_bytes_that_are_no_text_are_base64() -> None:
    told = spelled(Response(200, [("a", "b")]), b"\xff\x00")
    assert told == {"status": 200, "headers": [["a", "b"]], "body": "/wA=", "isBase64Encoded": True}
