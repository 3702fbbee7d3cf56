"""A config that changes while the daemon serves it."""

import asyncio
import json
import os
import signal
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.helpers.house import UnixConnection
from tests.helpers.steady import steady
from tests.integration.daemon_rig import Answer, Serving

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))
SAYS = """
import os
def handler(event, context):
    return {"statusCode": 200, "body": os.environ.get("SAYS", "nothing")}
"""


def says(house: Serving) -> None:
    (house.directory / "code/says.py").write_text(SAYS)


def reloaded(house: Serving) -> Any:
    """The daemon's answer to a reload that succeeds."""
    status, _, body = house.request("POST", "/reload")
    assert status == 200, body
    return json.loads(body)


def pids(house: Serving, function: str) -> set[int]:
    return {row["pid"] for row in house.seen(function)}


def test_what_has_changed_is_served_and_the_rest_goes_on(tmp_path: Path) -> None:
    resources = "buckets: {inbox: {path: ./inbox, settle: 0.2s, scan: 60s}}"
    before = """
a: {…, handler: app.seen, triggers: [{http: GET /a}, {s3: inbox}]}
b: {…, handler: app.seen, triggers: [{http: GET /b}]}
"""
    after = """
a: {…, handler: app.seen, triggers: [{http: GET /a}, {s3: inbox}]}
b: {…, handler: app.seen, memory: 256, triggers: [{http: GET /b}]}
c: {…, handler: app.seen, triggers: [{http: GET /c}, {schedule: rate(1 day)}]}
"""
    with Serving(tmp_path, before, resources=resources) as house:
        house.up()
        assert [house.ask("GET", path).status for path in ("/a", "/b", "/c")] == [200, 200, 404]
        assert reloaded(house) == {"functions": 2, "added": [], "changed": [], "removed": [], "sources": [], "keys": []}
        house.configure(after)
        told = {"functions": 3, "added": ["c"], "changed": ["b"], "removed": [], "sources": ["http", "schedule"], "keys": ["functions"]}
        assert reloaded(house) == told
        assert [house.ask("GET", path).status for path in ("/a", "/b", "/c")] == [200, 200, 200]
        assert len(pids(house, "a")) == 1, "whoever has not changed keeps its environments"
        assert len(pids(house, "b")) == 2
        (house.directory / "inbox/file").write_text("x")
        assert house.until(lambda: any("Records" in (row.get("event") or {}) for row in house.seen("a")), 10)
        assert house.until(lambda: house.get("/status")["ready"], 10)
        house.configure(before)
        assert reloaded(house)["removed"] == [{"function": "c", "queued": 0}]
        assert house.ask("GET", "/c").status == 404
        assert {row["function"] for row in house.get("/ps")} == {"a", "b"}
        assert len(pids(house, "a")) == 1
        said = house.log.read_text()
        assert house.stop() == 0
    assert said.count('"event":"source_') == 0
    assert '"stopped":["s3' not in said


def test_a_config_with_mistakes_changes_nothing(tmp_path: Path) -> None:
    good = "f: {…, handler: app.seen, triggers: [{http: GET /f}]}"
    bad = "f: {…, handler: app.seen, memry: 1, triggers: [{http: GET /g}]}\ng: {…, handler: nowhere.f}"
    with Serving(tmp_path, good) as house:
        house.up()
        house.configure(bad)
        told = house.cli("reload")
        assert told.returncode == 1
        assert "config.yaml:8:" in told.stderr
        assert "functions.f.memry: unknown key, did you mean memory?" in told.stderr
        assert "functions.g.handler" in told.stderr
        assert (house.ask("GET", "/f").status, house.ask("GET", "/g").status) == (200, 404)
        house.configure(good.replace("GET /f", "GET /g"))
        assert house.cli("reload").stdout == "reloaded: 1 functions; triggers anew http\n"
        assert (house.ask("GET", "/f").status, house.ask("GET", "/g").status) == (404, 200)
        assert house.cli("reload").stdout == "reloaded: 1 functions; nothing has changed\n"
        house.config.write_text(house.config.read_text() + "limits: {idle: 7m}\nretention: {logs: 2d}\n")
        assert house.cli("reload").stdout == "reloaded: 1 functions; changed keys limits, retention\n"
        assert house.stop() == 0


def test_what_cannot_change_is_refused(tmp_path: Path) -> None:
    """All of it at once; what else is fixed, tests/unit/api/test_reload_rules.py knows."""
    with Serving(tmp_path, "f: {…, handler: app.seen, triggers: [{http: GET /f}]}") as house:
        house.up()
        text = house.config.read_text()
        text = text.replace("state: ./state", "state: ./other").replace(f'"127.0.0.1:{house.console}"', "off")
        house.config.write_text(text)
        status, _, body = house.request("POST", "/reload")
        why = "cannot be changed while the daemon runs; restart it, or write what it was"
        column = text.splitlines()[3].index("console: off") + len("console: ") + 1
        told = f"config.yaml:3:8: state: {why}\nconfig.yaml:4:{column}: listen.console: {why}"
        assert (status, json.loads(body)["message"]) == (400, told)
        assert house.ask("GET", "/f").status == 200
        assert house.stop() == 0


def test_a_signal_reloads_and_what_runs_is_finished(tmp_path: Path) -> None:
    functions = "slow: {…, handler: app.held, timeout: 60, triggers: [{http: GET /slow}]}"
    with Serving(tmp_path, functions) as house:
        house.up()
        answers: list[Answer] = []
        waiting = threading.Thread(target=lambda: answers.append(house.ask("GET", "/slow")))
        waiting.start()
        assert house.started(1)
        event = house.emit("slow", {})
        assert house.started(2)
        house.configure(functions.replace("timeout: 60", "timeout: 61").replace("GET /slow", "GET /other"))
        assert house.process is not None
        house.process.send_signal(signal.SIGHUP)
        assert house.until(lambda: '"event":"config_reloaded"' in house.log.read_text(), 10)
        assert house.ask("GET", "/slow").status == 404
        house.open_gate()
        waiting.join(20)
        assert house.ended(event)
        assert house.ask("GET", "/other").status == 200
        assert house.stop() == 0
    assert [answer.status for answer in answers] == [200]
    assert len({row["pid"] for row in house.seen("slow")}) == 3, "the two that ran ended, a new one began"


def test_routes_that_change_before_the_daemon_serves(tmp_path: Path) -> None:
    """What is provisioned may initialise for half a minute: by then the address is had, and has to be that of whoever serves."""
    functions = "f: {…, handler: app.seen, triggers: [{http: GET /f}]}\np: {…, handler: later.seen, provisioned_concurrency: 1}"
    with Serving(tmp_path, functions) as house:

        def configure(text: str) -> None:
            house.configure(text)
            house.config.write_text(house.config.read_text().replace(f'"127.0.0.1:{house.http}"', "unix:./http.sock"))

        def status(path: str) -> int:
            with closing(UnixConnection(tmp_path / "http.sock")) as connection:
                connection.request("GET", path)
                return connection.getresponse().status

        configure(functions)
        house.start()
        assert house.ready(), house.said()
        configure(functions.replace("GET /f", "GET /g"))
        assert reloaded(house)["sources"] == ["http"]
        house.open_gate()
        assert house.until(lambda: house.get("/status")["ready"], 10), house.get("/status")
        assert [status(path) for path in ("/f", "/g")] == [404, 200]
        assert house.stop() == 0


def test_events_of_a_function_that_goes_wait_for_its_return(tmp_path: Path) -> None:
    kept, gone = "kept: {…, handler: app.seen}", "gone: {…, handler: app.held, timeout: 60, reserved_concurrency: 1}"
    with Serving(tmp_path, f"{kept}\n{gone}") as house:
        house.up()
        running = house.emit("gone", {})
        assert house.started(1)
        waiting = [house.emit("gone", {"n": n}) for n in range(3)]
        house.configure(kept)
        assert reloaded(house)["removed"] == [{"function": "gone", "queued": 4}]
        assert {row["function"]: row["queued"] for row in house.get("/ps")} == {"kept": 0, "gone": 4}
        house.open_gate()
        assert house.ended(running), "what ran is finished and recorded"
        assert house.ended(house.emit("kept", {}))
        assert {house.event(one)["state"] for one in waiting} == {"queued"}
        assert house.request("POST", "/functions/gone/invocations", b"{}")[0] == 404
        house.configure(f"{kept}\n{gone}")
        assert "gone" in reloaded(house)["added"]
        assert house.ended(*waiting)
        assert house.stop() == 0


async def test_five_hundred_requests_a_second_and_a_reload_every_second_fail_nothing(tmp_path: Path) -> None:
    """Settings, routes, limits and functions change; every client has its answer, and the new one after the reload."""
    variants = [
        "f: {code: ./code, handler: says.handler, environment: {SAYS: v%d}, triggers: [{http: GET /f}]}",
        "f: {code: ./code, handler: says.handler, environment: {SAYS: v%d}, triggers: [{http: GET /f}, {http: GET /more}]}",
        "f: {code: ./code, handler: says.handler, environment: {SAYS: v%d}, triggers: [{http: GET /f}]}\ng: {…, handler: app.seen, triggers: [{http: GET /g}]}",
        "f: {code: ./code, handler: says.handler, reserved_concurrency: 40, environment: {SAYS: v%d}, triggers: [{http: GET /f}]}",
    ]
    with Serving(tmp_path, variants[0] % 0) as house:
        says(house)
        house.up()
        async with steady(house.http, "/f", rate=500) as seen:
            for number in range(1, 4 + 4 * ROUNDS):
                await asyncio.sleep(1.0 if ROUNDS > 1 else 0.6)
                house.configure(variants[number % len(variants)] % number)
                await asyncio.to_thread(reloaded, house)
                after = await asyncio.to_thread(house.ask, "GET", "/f")
                assert after.body.decode() == f"v{number}"
            await asyncio.sleep(0.3)
        said = house.said()
        assert house.stop() == 0
    assert seen.broken == [], said
    assert set(seen.statuses) == {200}, (seen, said)
    assert {body.decode() for body in seen.bodies} <= {f"v{number}" for number in range(4 + 4 * ROUNDS)}
    assert seen.total > 500, "there was load"


def test_a_link_in_the_place_of_a_bucket_stops_no_start_and_no_other_bucket(tmp_path: Path) -> None:
    """Whoever may write beside it can put one there; it is refused where somebody asks whether the config is well."""
    resources = "buckets: {inbox: {path: ./inbox, settle: 0.2s}, other: {path: ./other, settle: 0.2s}}"
    with Serving(tmp_path, "f: {…, handler: app.seen, triggers: [{http: GET /f}, {s3: inbox}, {s3: other}]}", resources=resources) as house:
        house.up()
        assert house.stop() == 0
        (tmp_path / "inbox").rename(tmp_path / "before")
        (tmp_path / "inbox").symlink_to("state")
        house.start()
        assert house.ready(), house.said()
        assert house.until(lambda: '"bucket_detached"' in house.said(), 10)
        assert house.said().count('"bucket_led_astray"') == 1
        assert house.ask("GET", "/f").status == 200
        (tmp_path / "other/file").write_text("x")
        assert house.until(lambda: any("Records" in (row.get("event") or {}) for row in house.seen("f")), 10)
        assert [problem.partition(":")[2].partition(":")[0] for problem in house.get("/status")["problems"]] == ["inbox"]
        for command in ("check", "reload"):
            told = house.cli(command)
            assert (told.returncode, "lies inside bucket inbox" in told.stderr) == (1, True)
        (tmp_path / "inbox").unlink()
        (tmp_path / "before").rename(tmp_path / "inbox")
        assert house.until(lambda: house.get("/status")["ready"], 10)
        assert house.stop() == 0
    records = [row["event"]["Records"][0]["s3"] for row in house.seen("f") if "Records" in (row.get("event") or {})]
    assert {(one["bucket"]["name"], one["object"]["key"]) for one in records} == {("other", "file")}, "nothing of the state directory"
