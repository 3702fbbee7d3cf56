"""A delivery's way through its face: verified, durable, remembered, answered; and what a death between two steps leaves."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from router import errors
from router.config.document import parsed
from router.config.types import Config, Function, Listen, Names
from router.errors import JournalError, SourceError
from router.events import routes
from router.events.http import Request, Response
from router.events.webhook import REMEMBERED
from router.events.webhook_limit import BURST
from router.journal.base import Query
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.model import ASYNC_LIMIT, Envelope, Outcome
from router.sources.base import Binding, House
from router.sources.http import HttpSource
from router.sources.http_guards import Gatehouse
from router.sources.http_triggers import HttpTrigger
from router.sources.webhook import IN_A_THREAD, WebhookFace
from router.sources.webhook_memory import Memory
from router.sources.webhook_trigger import WebhookTrigger
from router.telemetry.metrics import Metrics
from router.web.refused import Refused
from tests.helpers.clock import VirtualClock
from tests.helpers.outlet import MemoryOutlet
from tests.helpers.webhooks import ACCEPTED, Vector, github, named, request, slack, stripe

NOW = 1_700_000_000
GITHUB = "{path: /hook, provider: github, secret: first-secret}"
BODY = b'{"action": "opened"}'


def trigger(yaml: str) -> WebhookTrigger:
    document, root = parsed(f"webhook: {yaml}\n", Path("config.yaml"), {"NEW": "new-secret", "OLD": "old-secret"})
    node = root.child("webhook")
    assert node is not None
    read = WebhookTrigger.read(node, Names({}, {}))
    assert document.problems.lines() == ()
    return read


@dataclass
class Site:
    """A source with webhooks over a store, its outlet in memory."""

    database: Database
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(NOW))
    metrics: Metrics = field(default_factory=Metrics)
    outlet: Any = field(default_factory=MemoryOutlet)
    source: HttpSource = field(init=False)

    async def serve(self, *hooks: str) -> "Site":
        """Build the source anew, as a restart does."""
        config = Config(Path("config.yaml"), Path("state"), http=Listen("off"))
        bindings = [Binding(Function("f", Path(), "app.handler"), trigger(hook), index) for index, hook in enumerate(hooks)]
        (self.source,) = HttpSource.build(bindings, House(config, self.clock, self.database, self.metrics))
        self.source.places.line.outlet = self.outlet
        await self.memory.open()
        return self

    @property
    def memory(self) -> Memory:
        assert self.source.places.memory is not None
        return self.source.places.memory

    async def post(self, headers: dict[str, str], body: bytes = BODY, path: str = "/hook", peer: str = "192.0.2.1") -> Response:
        return await self.source.handle(request(headers, body, path)._replace(peer=peer))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    database = await Database.open(tmp_path / "store.db")
    yield Site(database)
    await database.close()


def told(response: Response) -> Any:
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


def header(response: Response, name: str) -> str | None:
    return next((value for key, value in response.headers if key.lower() == name), None)


# -- taken


async def test_a_delivery_is_an_event_once_it_is_answered(site: Site) -> None:
    await site.serve("{path: '/hooks/{name}', provider: github, secret: first-secret}")
    response = await site.post(github("first-secret", BODY, "guid-1"), path="/hooks/a?x=1")
    assert response.status == 202
    (envelope,) = site.outlet.emitted
    assert told(response) == {"requestId": envelope.request_id}
    assert header(response, "x-amzn-requestid") == envelope.request_id
    assert (envelope.function, envelope.source, envelope.sequencer) == ("f", "webhook:/hooks/{name}", 'guid-1{"name":"a"}')
    event = json.loads(envelope.payload)
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "POST /hooks/{name}", "/hooks/a")
    assert event["pathParameters"] == {"name": "a"}
    assert (event["body"], event["isBase64Encoded"]) == (BODY.decode(), False)
    assert event["headers"]["x-github-event"] == "push"
    assert event["requestContext"]["http"]["sourceIp"] == "192.0.2.1"
    assert event["requestContext"]["requestId"] == header(response, "apigw-requestid")
    assert not site.outlet.invoked


@pytest.mark.parametrize("vector", ACCEPTED, ids=named)
async def test_every_vector_is_taken_once_across_restarts(site: Site, vector: Vector) -> None:
    hook = f'{{path: /hook, provider: {vector.provider}, secret: "{vector.secret}"}}'
    site.clock.jump(vector.now - NOW)
    first = await (await site.serve(hook)).post(vector.headers, vector.body)
    assert first.status == 202
    for restarted in (False, True):
        if restarted:
            site.outlet = MemoryOutlet()  # of a journal that has forgotten the event
            await site.serve(hook)
        again = await site.post(vector.headers, vector.body)
        assert (again.status, told(again)) == (200, told(first))
    assert site.outlet.emitted == []
    assert site.metrics.counter("router_webhook_rejected_total", "", "route", "reason").value("POST /hook", "replay") == 2


async def test_a_delivery_is_known_as_long_as_it_must_be(site: Site) -> None:
    await site.serve("{path: /hook, provider: stripe, secret: s}")
    assert (await site.post(stripe("s", b'{"id":"evt_1"}', NOW), b'{"id":"evt_1"}')).status == 202
    for after, status in ((REMEMBERED - 400, 200), (REMEMBERED + 400, 202)):
        site.clock.jump(NOW + after - site.clock.now())
        await site.memory._round()
        response = await site.post(stripe("s", b'{"id":"evt_1"}', int(NOW + after)), b'{"id":"evt_1"}')
        assert response.status == status


async def test_one_delivery_twice_at_once_is_one_event(site: Site) -> None:
    await site.serve(GITHUB)
    answers = await asyncio.gather(*(site.post(github("first-secret", BODY, "guid-1")) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [200] * 9 + [202]
    assert len({answer.body for answer in answers}) == 1
    assert len(site.outlet.emitted) == 1
    assert site.outlet.duplicates == []


async def test_the_same_id_on_two_routes_is_two_deliveries(site: Site) -> None:
    await site.serve(GITHUB, "{path: /other, provider: github, secret: first-secret}")
    for path in ("/hook", "/other"):
        assert (await site.post(github("first-secret", BODY, "guid-1"), path=path)).status == 202
    assert len({envelope.request_id for envelope in site.outlet.emitted}) == 2


async def test_what_a_variable_holds_names_a_receiver_of_its_own(site: Site) -> None:
    await site.serve("{path: '/{kind}/{tenant}', provider: github, secret: first-secret}")
    asked = [("/a/b", 202), ("/b/a", 202), ("/a/c", 202), ("/a/b", 200), ("/%61/b?x=1", 200), ("/b/a", 200)]
    for path, status in asked:
        assert (await site.post(github("first-secret", BODY, "guid-1"), path=path)).status == status, path
    assert [json.loads(envelope.payload)["rawPath"] for envelope in site.outlet.emitted] == ["/a/b", "/b/a", "/a/c"]
    assert len({envelope.request_id for envelope in site.outlet.emitted}) == 3
    assert site.outlet.duplicates == []


async def test_what_only_the_journal_knows_is_not_said_to_be_accepted(site: Site) -> None:
    await site.serve("{path: /hook, provider: stripe, secret: s}")
    first = await site.post(stripe("s", b'{"id":"evt_1"}', NOW), b'{"id":"evt_1"}')
    site.clock.jump(REMEMBERED + 400)
    await site.memory._round()
    later = int(site.clock.now())
    with capture_logs() as lines:
        again = await site.post(stripe("s", b'{"id":"evt_1"}', later), b'{"id":"evt_1"}')
    assert (again.status, told(again)) == (202, told(first))
    assert [line["event"] for line in lines] == ["webhook_known"]


async def test_what_asks_nobody_takes_everything(site: Site) -> None:
    await site.serve("{path: /hook, auth: none}", "{path: /named, auth: none, id_header: X-Id}")
    for _ in range(2):
        assert (await site.post({})).status == 202
    assert [(await site.post({"X-Id": "7"}, path="/named")).status for _ in range(2)] == [202, 200]
    assert len(site.outlet.emitted) == 3
    assert all(envelope.sequencer for envelope in site.outlet.emitted)


async def test_the_body_goes_through_byte_for_byte(site: Site) -> None:
    await site.serve(GITHUB)
    for number, body in enumerate((b"", b"\xef\xbb\xbf{}\r\n", b"payload=%7B%7D", bytes(range(256)), b"x" * (IN_A_THREAD + 1))):
        assert (await site.post(github("first-secret", body, f"guid-{number}"), body)).status == 202
        event = json.loads(site.outlet.emitted[-1].payload)
        seen = event.get("body", "")
        assert (__import__("base64").b64decode(seen) if event["isBase64Encoded"] else seen.encode()) == body


async def test_which_secret_matched_is_on_record_and_no_secret_is(site: Site) -> None:
    await site.serve("{path: /hook, provider: github, secrets: ['${env:NEW}', '${env:OLD}', third-secret]}")
    with capture_logs() as logs:
        for number, secret in enumerate(("new-secret", "old-secret", "third-secret", "wrong-secret")):
            await site.post(github(secret, BODY, f"guid-{number}"))
    assert [line.get("matched") for line in logs] == ["env:NEW", "env:OLD", "secrets[2]", None]
    assert logs[-1] == {
        "event": "webhook_rejected",
        "log_level": "warning",
        "route": "POST /hook",
        "provider": "github",
        "reason": "mismatch",
        "peer": "192.0.2.1",
    }
    assert 'router_webhook_verified_total{route="POST /hook",key="env:OLD"} 1' in site.metrics.exposition()
    written = json.dumps(logs)
    assert not any(text in written for text in ("new-secret", "old-secret", "third-secret", "wrong-secret", "guid-", "sha256="))


# -- Slack


async def test_slack_tests_an_address_and_nothing_runs(site: Site) -> None:
    await site.serve("{path: /hook, provider: slack, secret: s}")
    body = b'{"type":"url_verification","challenge":"3eZbrw1aB"}'
    for _ in range(2):
        response = await site.post(slack("s", body, NOW), body)
        assert (response.status, response.body) == (200, b"3eZbrw1aB")
        assert (header(response, "content-type") or "").startswith("text/plain")
    assert (await site.post(slack("wrong", body, NOW), body)).status == 401
    assert site.outlet.emitted == []


async def test_slack_shows_a_person_nothing(site: Site) -> None:
    await site.serve("{path: /hook, provider: slack, secret: s}")
    headers = slack("s", b"command=%2Fx", NOW) | {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(2):
        response = await site.post(headers, b"command=%2Fx")
        assert (response.status, response.body) == (200, b"")
        assert header(response, "x-amzn-requestid") == site.outlet.emitted[0].request_id
    assert len(site.outlet.emitted) == 1


async def test_a_form_that_is_not_slacks_is_answered_as_all_else(site: Site) -> None:
    await site.serve(GITHUB)
    headers = github("first-secret", b"payload=x", "1") | {"Content-Type": "application/x-www-form-urlencoded"}
    response = await site.post(headers, b"payload=x")
    assert (response.status, json.loads(response.body)) == (202, {"requestId": site.outlet.emitted[0].request_id})


# -- refused


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "missing"),
        ({"X-Hub-Signature": "sha1=ad4e072e7fea5ee64d57eaf377547f5e3cde1a98"}, "missing"),
        ({"X-Hub-Signature-256": "sha256=é"}, "malformed"),
        ({"X-Hub-Signature-256": f"sha256={'0' * 64}"}, "mismatch"),
        (github("first-secret", BODY + b" ", "1"), "mismatch"),
        (github("first-secret", BODY, "no\tid"), "malformed"),
    ],
)
async def test_a_refusal_tells_its_sender_nothing(site: Site, headers: dict[str, str], reason: str) -> None:
    await site.serve(GITHUB)
    response = await site.post(headers)
    assert (response.status, response.body) == (401, b'{"message":"Unauthorized"}')
    assert [name for name, _ in response.headers] == ["content-type", "apigw-requestid"]
    assert f'router_webhook_rejected_total{{route="POST /hook",reason="{reason}"}} 1' in site.metrics.exposition()
    assert site.outlet.emitted == []
    assert (await site.database.read("SELECT count(*) FROM webhook_deliveries")) == [(0,)]


@pytest.mark.parametrize(("off", "reason"), [(301, "stale"), (-301, "future")])
async def test_time_is_judged_by_the_wall_clock(site: Site, off: int, reason: str) -> None:
    await site.serve("{path: /hook, provider: stripe, secret: s}", "{path: /wide, provider: stripe, secret: s, tolerance: 10m}")
    site.clock.jump(off)
    assert (await site.post(stripe("s", BODY, NOW))).status == 401
    assert f'router_webhook_rejected_total{{route="POST /hook",reason="{reason}"}} 1' in site.metrics.exposition()
    assert (await site.post(stripe("s", BODY, NOW), path="/wide")).status == 202


async def test_other_methods_and_paths_are_no_webhook(site: Site) -> None:
    await site.serve(GITHUB)
    assert (await site.post({}, path="/hook/")).status == 404
    assert (await site.source.handle(Request("GET", "/hook", (), host="x"))).status == 404


async def test_a_webhook_keeps_its_path_from_the_stage_of_another_route(site: Site) -> None:
    config = Config(Path("config.yaml"), Path("state"), http=Listen("off"))
    staged = HttpTrigger(routes.parse("POST /hook"), stage="prod", staged=True)
    triggers = [staged, trigger("{path: /prod/hook, auth: none}")]
    bindings = [Binding(Function("f", Path(), "app.handler"), one, index) for index, one in enumerate(triggers)]
    (site.source,) = HttpSource.build(bindings, House(config, site.clock, site.database, site.metrics))
    site.source.places.line.outlet = site.outlet
    assert (await site.post({}, path="/prod/hook")).status == 202
    assert (await site.post({}, path="/hook")).status == 200
    assert (len(site.outlet.emitted), len(site.outlet.invoked)) == (1, 1)


async def test_too_many_refusals_are_429_and_no_longer_logged(site: Site) -> None:
    await site.serve(GITHUB)
    with capture_logs() as logs:
        statuses = [(await site.post({})).status for _ in range(BURST + 5)]
    assert statuses == [401] * BURST + [429] * 5
    assert len(logs) == BURST
    assert (await site.post(github("first-secret", BODY, "1"))).status == 429, "nothing is looked at any more"
    response = await site.post({})
    assert header(response, "retry-after") == "3"
    assert (await site.post({}, peer="192.0.2.2")).status == 401, "another source is another matter"
    await site.clock.advance(3)
    assert (await site.post(github("first-secret", BODY, "1"))).status == 202
    assert 'router_webhook_limited_total{route="POST /hook"} 7' in site.metrics.exposition()


async def test_behind_a_proxy_nobody_pays_for_a_strangers_word(site: Site) -> None:
    await site.serve(GITHUB)
    stranger = {"X-Forwarded-For": "198.51.100.9"}
    statuses = [(await site.post(stranger, peer="127.0.0.1")).status for _ in range(BURST + 1)]
    assert statuses == [401] * BURST + [429]
    assert (await site.post({"X-Forwarded-For": "198.51.100.8"}, peer="127.0.0.1")).status == 401
    assert (await site.post(github("first-secret", BODY, "1") | stranger, peer="127.0.0.1")).status == 202


async def test_a_body_over_the_limit_is_413_unverified(site: Site) -> None:
    await site.serve("{path: /hook, provider: github, secret: s, body_limit: 1KB}")
    assert (await site.post({}, b"x" * 1025)).status == 413
    assert (await site.post(github("s", b"x" * 1024, "1"), b"x" * 1024)).status == 202


async def test_how_much_is_read_of_a_body_still_to_come(site: Site) -> None:
    await site.serve("{path: /hook, provider: github, secret: s, body_limit: 1KB}")
    room: Callable[[Any, str], int] = site.source._room

    def to(target: str, host: str = "hooks.example:8080") -> Any:
        return SimpleNamespace(method="POST", target=target, host=host)

    asked = to("/hook?x=1")
    assert room(asked, "192.0.2.1") == 1024
    for other in (to("/other"), to("/%"), to("/%ff"), to("/hook", "F.lambda-url.us-east-1.localhost:8080")):
        assert room(other, "192.0.2.1") == site.source._listener.limits.body_bytes
    for _ in range(BURST):
        await site.post({})
    with pytest.raises(Refused) as refused:
        room(asked, "192.0.2.1")
    assert refused.value.status == 429
    assert room(asked, "127.0.0.1") == 1024


async def test_an_event_over_1_mb_is_413_and_not_remembered(site: Site) -> None:
    await site.serve(GITHUB)
    body = b"\xff" * (ASYNC_LIMIT * 3 // 4)
    for _ in range(2):
        assert (await site.post(github("first-secret", body, "1"), body)).status == 413
    assert site.outlet.emitted == []


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (JournalError("no space left on the device"), 503, "1"),
        (errors.ShuttingDown("draining"), 503, "1"),
        (errors.RequestTooLarge(ASYNC_LIMIT), 413, None),
        (errors.InvalidParameter("odd"), 500, None),
    ],
)
async def test_what_could_not_be_made_durable_may_come_again(site: Site, error: errors.RouterError, status: int, retry: str | None) -> None:
    await site.serve(GITHUB)
    emit = site.outlet.emit

    async def refuse(envelope: Envelope) -> None:
        raise error

    site.outlet.emit = refuse
    response = await site.post(github("first-secret", BODY, "1"))
    assert (response.status, header(response, "retry-after")) == (status, retry)
    site.outlet.emit = emit
    assert (await site.post(github("first-secret", BODY, "1"))).status == 202
    assert len(site.outlet.emitted) == 1


# -- deaths: before and after each step, over the real journal


class Killed(BaseException):
    """The end of the process, as far as a coroutine can tell."""


class JournalOutlet:
    """The dispatcher's emit, without the dispatcher."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal

    async def emit(self, envelope: Envelope) -> bool:
        return await self._journal.append(envelope)

    async def invoke(self, envelope: Envelope) -> Outcome:
        raise AssertionError("a webhook invokes nobody")


STEPS: dict[str, tuple[type[Any], str]] = {
    "verify": (WebhookFace, "_verify"),
    "find": (Memory, "find"),
    "emit": (JournalOutlet, "emit"),
    "remember": (Memory, "remember"),
    "answer": (WebhookFace, "_take"),
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_killed_around_any_step_it_is_one_event(step: str, when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender got no answer and sends again, as senders do; then once more, which is a replay."""
    owner, method = STEPS[step]
    inner: Callable[..., Awaitable[Any]] = getattr(owner, method)

    async def dying(*args: Any, **kwargs: Any) -> Any:
        if when == "after":
            await inner(*args, **kwargs)
        raise Killed

    clock = VirtualClock(NOW)
    delivery = github("first-secret", BODY, "guid-1")
    answers: list[Response] = []
    for life in range(3):
        database = await Database.open(tmp_path / "store.db")
        journal = await SqliteJournal.open(database, clock)
        site = await Site(database, clock, outlet=JournalOutlet(journal)).serve(GITHUB)
        with monkeypatch.context() as patch:
            if life == 0:
                patch.setattr(owner, method, dying)
                with pytest.raises(Killed):
                    await site.post(delivery)
            else:
                answers.append(await site.post(delivery))
        rows = await journal.list(Query())
        await journal.close()
        await database.close()
    durable = (step, when) in {("emit", "after"), ("remember", "before")}
    remembered = (step, when) in {("remember", "after"), ("answer", "after")}
    assert [answer.status for answer in answers] == ([200, 200] if remembered else [202, 200])
    assert len(rows) == 1, "one event, whatever happened" + (", and it was there before" if durable else "")
    assert [told(answer) for answer in answers] == [{"requestId": rows[0].id}] * 2


@pytest.mark.parametrize("lost", ["emit", "remember"])
async def test_a_disk_that_fails_at_a_step_gives_503_and_one_event(lost: str, tmp_path: Path) -> None:
    clock = VirtualClock(NOW)
    database = await Database.open(tmp_path / "store.db")
    journal = await SqliteJournal.open(database, clock)
    site = await Site(database, clock, outlet=JournalOutlet(journal)).serve(GITHUB)
    owner: Any = site.outlet if lost == "emit" else site.memory
    inner = getattr(owner, lost)

    async def failing(*args: Any) -> None:
        raise JournalError("no space left on the device")

    setattr(owner, lost, failing)
    assert (await site.post(github("first-secret", BODY, "guid-1"))).status == 503
    setattr(owner, lost, inner)
    answers = [await site.post(github("first-secret", BODY, "guid-1")) for _ in range(2)]
    rows = await journal.list(Query())
    assert [answer.status for answer in answers] == [202, 200]
    assert [told(answer) for answer in answers] == [{"requestId": row.id} for row in rows] * 2
    assert len(rows) == 1
    await journal.close()
    await database.close()


# -- no memory, no door


async def test_with_no_memory_to_be_had_nothing_is_served_and_nothing_stays_open(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.serve("{path: /hook, provider: github, secret: first-secret}")
    closed: list[str] = []

    async def gone(*_: Any) -> None:
        raise JournalError("disk gone")

    async def close(_: Gatehouse) -> None:
        closed.append("guards")

    monkeypatch.setattr(Memory, "open", gone)
    monkeypatch.setattr(Gatehouse, "close", close)
    with pytest.raises(SourceError, match="disk gone"):
        await site.source.places.open()
    assert closed == ["guards"]
