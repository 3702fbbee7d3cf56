"""The control socket: statuses, headers and the keys that `--output json` and other programs rely on (design: "JSON output")."""

import asyncio
import base64
import json
from typing import Any

import pytest

from router.errors import EnvironmentUnavailable
from router.model import ASYNC_LIMIT, SYNC_LIMIT, Outcome
from tests.helpers.clock import settle
from tests.unit.api.bench import FAILED, Bench

EVENT_KEYS = {"id", "function", "source", "shard", "state", "attempts", "created", "due", "finished", "error", "size"}
PS_KEYS = {
    "function",
    "declared",
    "runtime",
    "environments",
    "running",
    "queued",
    "dead",
    "errors",
    "requests",
    "gb_seconds",
    "cost_usd",
    "urls",
}
STATUS_KEYS = {"version", "pid", "ready", "problems", "started", "config", "listeners", "sources"}
SCHEDULE_KEYS = {"name", "function", "expression", "timezone", "next", "last", "missed", "state"}
FEED_KEYS = {"name", "function", "installed", "cursor", "head", "lag", "error"}
DEEP = b"[" * 100_000
UNKNOWN = "00000000-0000-4000-8000-000000000000"


# -- invocations


async def test_a_result_comes_back_with_its_request_id() -> None:
    bench = Bench(Outcome(b'{"n": 1}'))
    answer = await bench.ask("POST", "/functions/f/invocations", b'{"a": 1}')
    assert (answer.status, answer.json) == (200, {"n": 1})
    (seen,) = bench.pool.seen
    assert answer.headers["x-amzn-requestid"] == seen.request_id
    assert answer.headers["x-amz-executed-version"] == "$LATEST"
    assert (seen.payload, seen.arn) == (b'{"a": 1}', "arn:aws:lambda:us-east-1:123456789012:function:f")
    assert "x-amz-function-error" not in answer.headers
    assert "x-amz-log-result" not in answer.headers


async def test_a_function_error_is_an_answer_with_a_header() -> None:
    answer = await Bench(FAILED).ask("POST", "/functions/f/invocations", x_amz_log_type="Tail")
    assert (answer.status, answer.json["errorType"]) == (200, "ValueError")
    assert answer.headers["x-amz-function-error"] == "Unhandled"
    assert base64.b64decode(answer.headers["x-amz-log-result"]) == b"END\n"


async def test_no_payload_is_an_empty_object() -> None:
    bench = Bench()
    await bench.ask("POST", "/functions/f/invocations")
    await bench.emit(payload=b"")
    await bench.work()
    assert [seen.payload for seen in bench.pool.seen] == [b"{}", b"{}"]


@pytest.mark.parametrize("name", ["f", "f%3A%24LATEST", "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af"])
async def test_every_form_of_a_name_is_one_function(name: str) -> None:
    assert (await Bench().ask("POST", f"/functions/{name}/invocations")).status == 200


async def test_202_comes_only_after_the_event_is_durable() -> None:
    bench = Bench()
    bench.journal.gate = asyncio.Event()
    asking = asyncio.create_task(bench.ask("POST", "/functions/f/invocations", b"{}", x_amz_invocation_type="Event"))
    await settle()
    assert not asking.done(), "acknowledged before it was on disk"
    bench.journal.gate.set()
    answer = await asking
    assert (answer.status, answer.body) == (202, b"")
    assert (await bench.row(answer.headers["x-amzn-requestid"])).state == "queued"


async def test_nothing_is_acknowledged_that_the_journal_did_not_take() -> None:
    bench = Bench()
    bench.journal.full = True
    answer = await bench.ask("POST", "/functions/f/invocations", b"{}", x_amz_invocation_type="Event")
    assert answer.refusal == (503, "ServiceUnavailableException")
    assert answer.headers["retry-after"] == "1"
    bench.journal.full = False
    assert await bench.get("/events") == []


@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
async def test_payloads_that_are_not_json_are_refused(kind: str) -> None:
    bench = Bench()
    for payload in (b"{", b"\xff\xfe", b"{'a': 1}", b"[1,]", b"1 2", DEEP, b"[NaN]", b"-Infinity", "{}".encode("utf-16")):
        answer = await bench.ask("POST", "/functions/f/invocations", payload, x_amz_invocation_type=kind)
        assert answer.refusal == (400, "InvalidRequestContentException"), payload[:10]
    assert bench.pool.seen == []
    assert await bench.get("/events") == []


@pytest.mark.parametrize(("kind", "limit", "status"), [("RequestResponse", SYNC_LIMIT, 200), ("Event", ASYNC_LIMIT, 202)])
async def test_limits_of_payloads_are_exact(kind: str, limit: int, status: int) -> None:
    bench = Bench()
    for size, expected in ((limit, status), (limit + 1, 413)):
        payload = b'"' + b"x" * (size - 2) + b'"'
        answer = await bench.ask("POST", "/functions/f/invocations", payload, x_amz_invocation_type=kind)
        assert answer.status == expected
    assert answer.refusal == (413, "RequestTooLargeException")
    assert str(limit) in answer.json["message"]


@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
async def test_an_unknown_function_is_404(kind: str) -> None:
    answer = await Bench().ask("POST", "/functions/nobody/invocations", x_amz_invocation_type=kind)
    assert answer.refusal == (404, "ResourceNotFoundException")
    assert "function:nobody" in answer.json["message"]


async def test_an_identifier_that_is_none_is_400() -> None:
    assert (await Bench().ask("POST", "/functions/a%20b/invocations")).refusal[0] == 400


async def test_a_type_that_is_none_of_lambdas_is_400() -> None:
    answer = await Bench().ask("POST", "/functions/f/invocations", x_amz_invocation_type="Later")
    assert answer.refusal == (400, "InvalidParameterValueException")


async def test_a_full_pool_is_429_with_retry_after() -> None:
    gate = asyncio.Event()

    async def busy(_: Any) -> Outcome:
        await gate.wait()
        return Outcome(b"1")

    bench = Bench(busy, limit=2)  # one of them reserved for g
    first = asyncio.create_task(bench.ask("POST", "/functions/f/invocations"))
    await settle()
    second = asyncio.create_task(bench.ask("POST", "/functions/f/invocations"))
    await bench.clock.advance(0.9)
    assert not second.done(), "it waits a second for a slot"
    await bench.clock.advance(0.2)
    answer = await second
    assert answer.refusal == (429, "TooManyRequestsException")
    assert answer.headers["retry-after"] == "1"
    gate.set()
    assert (await first).status == 200


async def test_no_environment_is_503_with_retry_after() -> None:
    answer = await Bench(EnvironmentUnavailable("out of processes")).ask("POST", "/functions/f/invocations")
    assert answer.refusal == (503, "ServiceUnavailableException")
    assert answer.headers["retry-after"] == "1"


async def test_a_drain_refuses_requests_and_still_takes_events() -> None:
    """An event is safe in the journal, whoever runs it."""
    bench = Bench()
    bench.dispatcher.closing = True
    answer = await bench.ask("POST", "/functions/f/invocations")
    assert answer.refusal == (503, "ServiceUnavailableException")
    assert (await bench.row(await bench.emit())).state == "queued"


# -- events


async def test_rows_of_events_have_their_keys_and_times() -> None:
    bench = Bench()
    event_id = await bench.emit(payload=b'{"a": 1}')
    (row,) = await bench.get("/events")
    assert set(row) == EVENT_KEYS
    assert (row["id"], row["function"], row["source"], row["state"], row["attempts"]) == (event_id, "f", "invoke", "queued", 0)
    assert row["created"] == "2026-09-21T14:13:20.000Z"
    assert (row["finished"], row["error"], row["size"]) == (None, None, 8)
    await bench.work()
    (row,) = await bench.get("/events")
    assert (row["state"], row["attempts"], row["due"]) == ("succeeded", 1, None)
    assert row["finished"] == "2026-09-21T14:13:20.000Z"


async def test_an_event_shows_its_payload_and_history() -> None:
    bench = Bench()
    event_id = await bench.dead()
    detail = await bench.get(f"/events/{event_id}")
    assert set(detail) == {"event", "payload", "history"}
    assert set(detail["event"]) == EVENT_KEYS
    assert detail["payload"] == "{}"
    assert [(row["attempt"], json.loads(row["error"])["errorMessage"]) for row in detail["history"]] == [(1, "no"), (2, "no"), (3, "no")]
    assert {*map(frozenset, detail["history"])} == {frozenset({"attempt", "at", "error"})}
    assert detail == await bench.get(f"/dlq/{event_id}")


async def test_listings_are_filtered_and_paged() -> None:
    bench = Bench()
    ids = [await bench.emit("f" if number % 2 else "g") for number in range(6)]
    assert [row["id"] for row in await bench.get("/events")] == ids[::-1]
    assert {row["function"] for row in await bench.get("/events?function=g")} == {"g"}
    assert len(await bench.get("/events?state=queued,running")) == 6
    assert await bench.get("/events?state=dead") == []
    assert await bench.get("/events?source=invoke&limit=2") == (await bench.get("/events"))[:2]
    assert [row["id"] for row in await bench.get(f"/events?before={ids[2]}")] == ids[1::-1]
    assert await bench.get("/events?since=1890000000") == []
    assert len(await bench.get("/events?since=1789999999.5")) == 6


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "many", "", "1.5", "%C2%B2", "9" * 5000])
async def test_limits_that_are_none_are_refused(limit: str) -> None:
    for path in ("/events", "/dlq"):
        answer = await Bench().ask("GET", f"{path}?limit={limit}&x=1")
        if limit:
            assert answer.refusal == (400, "InvalidParameterValueException"), path
        else:
            assert answer.status == 200  # a parameter without a value is none


@pytest.mark.parametrize("limit", ["1", "1000"])
async def test_limits_that_are_some_are_taken(limit: str) -> None:
    assert await Bench().get(f"/events?limit={limit}") == []


@pytest.mark.parametrize("query", ["state=lost", "since=yesterday", "since=nan", "since=inf"])
async def test_filters_that_are_none_are_refused(query: str) -> None:
    answer = await Bench().ask("GET", f"/events?{query}")
    assert answer.refusal == (400, "InvalidParameterValueException")
    assert "queued" in answer.json["message"]


@pytest.mark.parametrize(
    ("method", "path", "body"), [("GET", "/events/{}", {}), ("GET", "/dlq/{}", {}), ("POST", "/events/replay", {"ids": [UNKNOWN]})]
)
async def test_an_unknown_event_is_404(method: str, path: str, body: Any) -> None:
    answer = await Bench().ask(method, path.format(UNKNOWN), json.dumps(body).encode())
    assert answer.refusal == (404, "ResourceNotFoundException")
    assert UNKNOWN in answer.json["message"]


async def test_replay_gives_the_copys_id() -> None:
    bench = Bench()
    event_id = await bench.emit(payload=b'{"a": 1}')
    wanted = {"ids": [event_id]}
    assert (await bench.post("/events/replay", wanted)).refusal == (400, "InvalidParameterValueException")  # not finished
    await bench.work()
    (copy,) = (await bench.post("/events/replay", wanted)).json["ids"]
    assert copy != event_id
    (other,) = (await bench.post("/events/replay", wanted | {"to": "g"})).json["ids"]
    assert [(await bench.row(one)).function for one in (copy, other)] == ["f", "g"]
    assert (await bench.post("/events/replay", wanted | {"to": "h"})).refusal[0] == 404


async def test_a_filter_replays_the_newest_that_match_oldest_first() -> None:
    bench = Bench()
    dead = [await bench.dead(function) for function in ("f", "g", "f", "f")]
    asked = {"query": {"function": "f", "state": "dead", "limit": 2}, "to": "g"}
    told = (await bench.post("/events/replay", asked | {"dry_run": True})).json
    assert ([row["id"] for row in told["events"]], told["ids"], told["more"]) == ([dead[2], dead[3]], [], True)
    assert len(await bench.get("/events")) == 4
    told = (await bench.post("/events/replay", asked)).json
    assert [(await bench.row(copy)).function for copy in told["ids"]] == ["g", "g"]
    assert len(await bench.get("/events")) == 6
    told = (await bench.post("/events/replay", {"query": {"limit": "10"}, "dry_run": True})).json
    assert ([row["id"] for row in told["events"]], told["more"]) == (dead, False), "what is queued is not finished"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": []},
        {"ids": "a"},
        {"ids": [1]},
        {"ids": ["a"], "query": {}},
        {"query": []},
        {"query": {"state": "queued"}},
        {"query": {"state": "odd"}},
        {"query": {"limit": 10_001}},
        {"query": {"functon": "f"}},
        {"ids": ["a"], "dry_run": True},
        {"query": {}, "to": 1},
    ],
)
async def test_a_replay_that_names_nothing_is_refused(body: Any) -> None:
    assert (await Bench().post("/events/replay", body)).refusal == (400, "InvalidParameterValueException")


async def test_dead_letters_are_purged_together_or_not_at_all() -> None:
    bench = Bench()
    dead = [await bench.dead(function) for function in ("f", "g", "f", "f")]
    alive = await bench.emit()
    assert (await bench.post("/dlq/purge", {"ids": [dead[0], alive]})).refusal[0] == 400
    assert (await bench.post("/dlq/purge", {"ids": [dead[0], UNKNOWN]})).refusal[0] == 404
    assert (await bench.post("/dlq/purge", {})).refusal[0] == 400
    assert len(await bench.get("/dlq")) == 4
    assert (await bench.post("/dlq/purge", {"ids": [dead[0], dead[0]]})).json == {"purged": 1}
    assert (await bench.post("/dlq/purge", {"function": "f"})).json == {"purged": 2}
    assert [row["id"] for row in await bench.get("/dlq")] == [dead[1]]
    assert (await bench.post("/dlq/purge", {"all": True})).json == {"purged": 1}
    assert [row["id"] for row in await bench.get("/events")] == [alive]


# -- dead letters


async def test_dead_letters_are_listed_and_redriven_by_id() -> None:
    bench = Bench()
    event_id, other = await bench.dead(), await bench.dead("g")
    assert [row["id"] for row in await bench.get("/dlq")] == [other, event_id]
    assert [row["id"] for row in await bench.get("/dlq?function=f&limit=5")] == [event_id]
    answer = await bench.ask("POST", "/dlq/redrive", json.dumps({"ids": [event_id]}).encode())
    assert (answer.status, answer.json) == (200, {"redriven": 1})
    await bench.work()
    assert (await bench.row(event_id)).state == "succeeded"
    assert [row["id"] for row in await bench.get("/dlq")] == [other]
    assert (await bench.ask("POST", "/dlq/redrive", json.dumps({"ids": [event_id]}).encode())).refusal[0] == 400
    assert (await bench.ask("POST", "/dlq/redrive", json.dumps({"ids": [UNKNOWN]}).encode())).refusal[0] == 404


@pytest.mark.parametrize(("body", "count"), [(b'{"function": "f"}', 2), (b'{"all": true}', 3), (b'{"function": "h"}', 0)])
async def test_dead_letters_are_redriven_by_function_or_all(body: bytes, count: int) -> None:
    bench = Bench()
    for function in ("f", "g", "f"):
        await bench.dead(function)
    assert (await bench.ask("POST", "/dlq/redrive", body)).json == {"redriven": count}
    assert len(await bench.get("/dlq")) == 3 - count


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"{", b'{"ids": "a"}', b'{"ids": []}', b'{"function": 1}', b'{"all": 1}', b"\xff", b"null", DEEP]
)
async def test_a_redrive_that_names_nothing_is_refused(body: bytes) -> None:
    bench = Bench()
    event_id = await bench.dead()
    assert (await bench.ask("POST", "/dlq/redrive", body)).refusal == (400, "InvalidParameterValueException")
    assert (await bench.row(event_id)).state == "dead"


# -- the rest


async def test_status_and_ps_have_their_keys() -> None:
    bench = Bench()
    status = await bench.get("/status")
    assert set(status) == STATUS_KEYS
    assert {frozenset(row) for row in status["sources"]} == {frozenset({"name", "health"})}
    rows = await bench.get("/ps")
    assert [set(row) for row in rows] == [PS_KEYS, PS_KEYS]


async def test_schedules_and_feeds_have_their_keys() -> None:
    bench = Bench()
    assert [set(row) for row in await bench.get("/schedules")] == [SCHEDULE_KEYS]
    assert [set(row) for row in await bench.get("/feeds")] == [FEED_KEYS]


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("POST", "/schedules/f-2/run", "did you mean f-1?"),
        ("POST", "/feeds/order/install", "no feed order"),
        ("POST", "/feeds/order/uninstall", "no feed order"),
        ("POST", "/feeds/orders/uninstall", "is read by function"),
        ("GET", "/feeds/order/sql", "no feed order"),
    ],
)
async def test_names_that_are_none_are_refused(method: str, path: str, told: str) -> None:
    answer = await Bench().ask(method, path)
    assert answer.refusal == (400, "InvalidParameterValueException")
    assert told in answer.json["message"]


async def test_a_schedule_that_does_not_run_yet_cannot_be_fired() -> None:
    assert (await Bench().ask("POST", "/schedules/f-1/run")).refusal == (503, "ServiceUnavailableException")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/nothing"), ("DELETE", "/events"), ("GET", "/functions/f/invocations")]
)
async def test_what_is_no_call_is_404(method: str, path: str) -> None:
    assert (await Bench().ask(method, path)).refusal == (404, "NotFound")


@pytest.mark.parametrize("path", ["/%ff/%zz", "/a/../status", "/events/%00"])
async def test_a_path_that_cannot_be_decoded_is_no_fault_of_ours(path: str) -> None:
    assert (await Bench().ask("GET", path)).refusal[0] in {400, 404}


async def test_every_answer_is_json_and_says_so() -> None:
    bench = Bench()
    for path in ("/status", "/ps", "/events", "/dlq", "/schedules", "/feeds", "/events/none", "/none"):
        answer = await bench.ask("GET", path)
        assert answer.headers["content-type"] == "application/json"
        json.loads(answer.body)
