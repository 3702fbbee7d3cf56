"""Webhooks through a whole daemon: every vector, a death after each answer and around each step, and what is on record of it."""

import base64
import http.client
import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.webhooks import ACCEPTED, REFUSED, VECTORS, Vector, github
from tests.integration.daemon_rig import Answer, Serving

pytestmark = pytest.mark.timeout(120)

BODY = b'{"action": "opened"}'
GITHUB = '{path: /hook, provider: github, secret: "${file:hook.secret}"}'


def serving(directory: Path, *hooks: str) -> Serving:
    """A house whose one function has these webhooks."""
    (directory / "hook.secret").write_text("hush-hush-hush\n")
    triggers = ", ".join(f"{{webhook: {hook}}}" for hook in hooks)
    return Serving(directory, f"hooks: {{…, handler: app.seen, triggers: [{triggers}]}}")


def show(house: Serving, now: float) -> None:
    """Have the daemon's wall clock begin at *now*; it runs a thousandth faster than ours, so that there is such a clock."""
    house.factor = 1.001
    house.base = (now - time.time() * house.factor) / (1 - house.factor)


def attach(house: Serving, **step: Any) -> None:
    """Start, and wait until deliveries are taken; a clock in the past keeps schedules waiting, so not for all to be ready."""
    house.start(**step)
    assert house.ready(), house.said()
    assert house.until(lambda: {"name": "http", "health": "ok"} in house.get("/status")["sources"], 10), house.get("/status")


def post(house: Serving, headers: dict[str, str], body: bytes, path: str = "/hook") -> Answer:
    """A delivery; its headers as bytes, because some are no ASCII."""
    connection = http.client.HTTPConnection("127.0.0.1", house.http, timeout=20)
    try:
        connection.request("POST", path, body, {name: value.encode() for name, value in headers.items()})
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read(), 0.0)
    finally:
        connection.close()


def events_of(house: Serving) -> list[dict[str, Any]]:
    return house.get("/events?limit=1000")


def body_of(event: dict[str, Any]) -> bytes:
    text = event.get("body", "")
    return base64.b64decode(text) if event["isBase64Encoded"] else text.encode()


def time_of(vector: Vector) -> int:
    """When to deliver it: vectors within minutes of one another can go together."""
    return VECTORS["ts"] if abs(vector.now - VECTORS["ts"]) <= 300 else vector.now


def test_every_vector_is_taken_once_and_its_replay_after_a_kill_is_refused(tmp_path: Path) -> None:
    vectors = sorted(enumerate(ACCEPTED), key=lambda pair: time_of(pair[1]))
    hooks = [f"{{path: /accept/{n}, provider: {v.provider}, secret: {json.dumps(v.secret)}}}" for n, v in enumerate(ACCEPTED)]
    refused = [(n, vector) for n, vector in enumerate(REFUSED) if vector.why not in ("stale", "future")]
    hooks += [f"{{path: /refuse/{n}, provider: {v.provider}, secret: {json.dumps(v.secret)}}}" for n, v in refused]
    taken: dict[str, Vector] = {}
    with serving(tmp_path, *hooks) as house:
        for now, group in itertools.groupby(vectors, lambda pair: time_of(pair[1])):
            deliveries = list(group)
            show(house, now)
            attach(house)
            first = {n: post(house, vector.headers, vector.body, f"/accept/{n}") for n, vector in deliveries}
            house.kill()
            show(house, now)
            attach(house)
            again = {n: post(house, vector.headers, vector.body, f"/accept/{n}") for n, vector in deliveries}
            assert {answer.status for answer in first.values()} == {202}
            assert {answer.status for answer in again.values()} == {200}
            assert {n: answer.body for n, answer in again.items()} == {n: answer.body for n, answer in first.items()}
            taken |= {first[n].json["requestId"]: vector for n, vector in deliveries}
            if now == VECTORS["ts"]:
                answers = [post(house, vector.headers, vector.body, f"/refuse/{n}") for n, vector in refused]
                assert {(answer.status, answer.body) for answer in answers} == {(401, b'{"message":"Unauthorized"}')}
                reasons = {vector.why for _, vector in refused}
                metrics = house.ask("GET", "/metrics", port=house.console).body.decode()
                assert all(f'reason="{reason}"' in metrics for reason in (*reasons, "replay"))
            assert house.ended(*(answer.json["requestId"] for answer in first.values()))
            assert house.stop() == 0
    assert len(taken) == len(ACCEPTED)
    ran = {row["id"]: row["event"] for row in house.seen()}
    assert ran.keys() == taken.keys()
    assert {name: body_of(event) for name, event in ran.items()} == {name: vector.body for name, vector in taken.items()}


@pytest.mark.parametrize("step", ["before-append", "after-append", "before-remember", "after-remember"])
def test_killed_around_a_step_it_is_one_event(tmp_path: Path, step: str) -> None:
    delivery = github("hush-hush-hush", BODY, "guid-1")
    with serving(tmp_path, GITHUB) as house:
        attach(house, step=step, count=1)
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            post(house, delivery, BODY)
        assert house.until(lambda: not house.alive(), 10)
        house.kill()
        attach(house)
        answers = [post(house, delivery, BODY) for _ in range(2)]
        assert [answer.status for answer in answers] == ([200, 200] if step == "after-remember" else [202, 200])
        (event,) = events_of(house)
        assert [answer.json for answer in answers] == [{"requestId": event["id"]}] * 2
        assert house.ended(event["id"])
        assert house.stop() == 0
    assert len({row["id"] for row in house.seen()}) == 1


def test_what_is_on_record_of_a_webhook(tmp_path: Path) -> None:
    with serving(tmp_path, GITHUB) as house:
        attach(house)
        accepted = post(house, github("hush-hush-hush", BODY, "guid-1"), BODY)
        post(house, github("hush-hush-hush", BODY, "guid-1"), BODY)
        post(house, github("another", BODY, "guid-2"), BODY)
        (event,) = events_of(house)
        assert (event["id"], event["source"]) == (accepted.json["requestId"], "webhook:/hook")
        assert house.stop() == 0
        log = house.log.read_text()
    assert "hush" not in log
    assert "sha256=" not in log
    lines = [json.loads(line) for line in log.splitlines() if '"webhook_' in line]
    assert [line["event"] for line in lines] == ["webhook_accepted", "webhook_replayed", "webhook_rejected"]
    assert lines[0]["matched"] == "file:hook.secret"


def test_two_functions_on_one_path_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path, GITHUB, GITHUB) as house:
        done = house.cli("check")
    assert done.returncode == 1
    assert "route POST /hook is taken already by functions.hooks.triggers[0].webhook" in done.stderr
