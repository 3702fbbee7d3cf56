"""Signals to the daemon and to what belongs to it: drained, killed, stopped, doubled. Nothing accepted is lost, nothing is left behind."""

import concurrent.futures
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from router.runtime.blanks import TITLE
from tests.helpers.house import ROOT
from tests.integration.daemon_rig import Serving, alive, gone, title_of

pytestmark = pytest.mark.timeout(60)

HELD = "held: {…, handler: app.held, timeout: 900, reserved_concurrency: 1, triggers: [{http: GET /held}]}"
BOTH = f"{HELD}\nother: {{…, handler: app.seen, timeout: 900}}"


def children(house: Serving) -> list[int]:
    """The processes that handlers left running beside themselves."""
    return [row["child"] for row in house.seen("held") if row.get("at") == "start"]


def refused(house: Serving) -> bool:
    """Whether nobody listens for requests any more."""
    try:
        house.ask("GET", "/nothing")
    except ConnectionError:
        return True
    return False


def test_a_drain_finishes_what_runs_and_keeps_what_waits(tmp_path: Path) -> None:
    with Serving(tmp_path, BOTH) as house:
        house.up()
        running, *waiting = [house.emit("held", {"n": n}) for n in range(3)]
        assert house.started(1)
        family = house.family()
        assert house.process is not None
        house.process.terminate()
        assert house.until(lambda: house.request("POST", "/functions/other/invocations")[0] == 503, 5), "nothing new is begun"
        time.sleep(0.3)
        assert house.alive()
        assert house.event(running)["state"] == "running", "a drain can be watched"
        assert [house.event(one)["state"] for one in waiting] == ["queued", "queued"]
        house.open_gate()
        assert house.process.wait(10) == 0
        assert gone(family + children(house)), "processes are left"
        assert not (house.state / "control.sock").exists()
        assert [row["at"] for row in house.seen("held")] == ["start", "end"], "nothing was begun during the drain"
        house.up()
        assert house.ended(running, *waiting)
        assert [house.event(one)["attempts"] for one in (running, *waiting)] == [1, 1, 1]
        assert house.stop() == 0
    assert [row["id"] for row in house.seen("held") if row["at"] == "start"] == [running, *waiting], "each ran once, in order"


def test_a_request_under_way_gets_its_answer_in_a_drain(tmp_path: Path) -> None:
    with Serving(tmp_path, HELD) as house, concurrent.futures.ThreadPoolExecutor(1) as client:
        house.up()
        asked = client.submit(house.ask, "GET", "/held")
        assert house.started(1)
        assert house.process is not None
        house.process.terminate()
        assert house.until(lambda: refused(house), 5)
        house.open_gate()
        assert (asked.result().status, asked.result().body) == (200, b"late")
        assert house.process.wait(10) == 0


def test_while_a_request_holds_a_drain_up_no_event_is_started(tmp_path: Path) -> None:
    queued = "queued: {…, handler: app.pause, timeout: 20, reserved_concurrency: 1}"
    with Serving(tmp_path, f"{HELD}\n{queued}") as house, concurrent.futures.ThreadPoolExecutor(1) as client:
        house.up()
        asked = client.submit(house.ask, "GET", "/held")
        assert house.started(1)
        ids = [house.emit("queued", {"n": n}) for n in range(8)]
        assert house.until(lambda: bool(house.seen("queued")), 5)
        assert house.process is not None
        house.process.terminate()
        assert house.until(lambda: refused(house), 5)
        assert house.until(lambda: all(house.event(one)["state"] != "running" for one in ids), 5), "what ran ends, and nothing follows"
        ran = len(house.seen("queued"))
        time.sleep(1)
        assert house.alive()
        assert (len(house.seen("queued")), ran < len(ids)) == (ran, True)
        house.open_gate()
        assert asked.result().status == 200
        assert house.process.wait(10) == 0
        house.up()
        assert house.ended(*ids)
        assert [house.event(one)["attempts"] for one in ids] == [1] * len(ids)
        assert house.stop() == 0


def test_a_drain_that_takes_too_long_puts_events_back_unfailed(tmp_path: Path) -> None:
    with Serving(tmp_path, HELD, drain="1s") as house:
        house.up()
        event_id = house.emit("held", {})
        assert house.started(1)
        family, begun = house.family(), time.monotonic()
        assert house.stop(10) == 0
        assert 0.9 < time.monotonic() - begun < 6
        assert gone(family + children(house))
        house.open_gate()
        house.up()
        assert house.ended(event_id)
        detail = house.get(f"/events/{event_id}")
        assert (detail["event"]["attempts"], detail["history"]) == (2, []), "cut short is not failed"
        assert house.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_leaves_at_once_and_loses_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with Serving(tmp_path, HELD) as house:
        house.up()
        ids = [house.emit("held", {"n": n}) for n in range(3)]
        assert house.started(1)
        assert house.attempts(ids[0], 1), "a start is recorded within 50 ms"
        family = house.family()
        assert house.process is not None
        house.process.send_signal(number)
        assert house.until(lambda: refused(house), 5)  # two signals that nobody took in between are one
        assert house.alive()
        house.process.send_signal(number)
        begun = time.monotonic()
        assert house.process.wait(10) == 128 + number
        assert time.monotonic() - begun < 1
        assert gone(family + children(house))
        house.open_gate()
        house.up()
        assert house.ended(*ids)
        assert [house.event(one)["attempts"] for one in ids] == [2, 1, 1]
        assert house.stop() == 0


def test_workers_of_a_killed_daemon_are_gone_before_their_events_run_again(tmp_path: Path) -> None:
    with Serving(tmp_path, HELD) as house:
        for turn in range(4):
            house.start()
            assert house.ready(), house.said()
            if turn == 0:
                event_id = house.emit("held", {})
            assert house.started(turn + 1)
            *former, last = house.seen("held")
            left = [pid for row in former for pid in (row["pid"], row["child"]) if alive(pid)]
            assert left == [], "an event ran twice at the same time"
            assert alive(last["pid"])
            assert house.attempts(event_id, turn + 1), "a start is recorded within 50 ms"
            house.kill()
        house.open_gate()
        house.up()
        assert house.ended(event_id)
        assert house.event(event_id)["attempts"] == 5
        assert house.stop() == 0
    assert gone([pid for row in house.seen("held") if row["at"] == "start" for pid in (row["pid"], row["child"])])


def test_a_second_daemon_is_refused_and_the_first_not_disturbed(tmp_path: Path) -> None:
    with Serving(tmp_path, BOTH, factor=20) as house:
        house.up()
        event_id = house.emit("held", {})
        assert house.started(1)
        command = [sys.executable, "-m", "tests.helpers.daemon", str(house.config), repr(house.base), "20.0"]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
        assert second.returncode == 1
        assert house.process is not None
        assert f"another daemon (pid {house.process.pid}) holds the state directory {house.state}" in second.stderr.splitlines()[-1]
        assert f"kill {house.process.pid}" in second.stderr
        house.open_gate()
        assert house.ended(event_id, house.emit("other", {}))
        assert house.event(event_id)["attempts"] == 1
        assert house.get("/status")["ready"]
        assert house.stop() == 0


def test_a_spawner_that_is_killed_is_replaced(tmp_path: Path) -> None:
    with Serving(tmp_path, BOTH, factor=30) as house:  # the retry after a minute comes in 2 s
        house.up()
        event_id = house.emit("held", {})
        assert house.started(1)
        workers = {row["pid"] for row in house.seen("held")} | set(children(house))
        (spawner,) = [pid for pid in house.family() if title_of(pid) == "router-spawner"]
        blanks = [pid for pid in house.family() if title_of(pid) == TITLE]
        os.kill(spawner, signal.SIGKILL)
        assert gone([*workers, *blanks]), "workers or blanks outlive their spawner"
        assert house.ended(house.emit("other", {}), timeout=10), house.said()
        house.open_gate()
        assert house.ended(event_id)
        metrics = house.ask("GET", "/metrics", port=house.console).body.decode()
        assert "\nrouter_spawner_restarts_total 1\n" in metrics
        assert house.alive()
        assert house.stop() == 0


def test_a_stopped_daemon_does_not_time_out_what_ended_meanwhile(tmp_path: Path) -> None:
    """Eight handlers that end while the daemon stands still; it does until after their timeout, and must not kill them when it wakes."""
    functions = "held: {…, handler: app.held, timeout: 5, triggers: [{http: GET /held}]}"
    with Serving(tmp_path, functions) as house, concurrent.futures.ThreadPoolExecutor(4) as clients:
        house.up()
        asked = [clients.submit(house.ask, "GET", "/held") for _ in range(4)]
        queued = [house.emit("held", {"n": n}) for n in range(4)]
        assert house.started(8)
        assert house.process is not None
        house.process.send_signal(signal.SIGSTOP)
        house.open_gate()
        assert house.until(lambda: sum(row["at"] == "end" for row in house.seen()) == 8, 5)
        time.sleep(5)
        house.process.send_signal(signal.SIGCONT)
        assert [one.result().status for one in asked] == [200] * 4
        assert house.ended(*queued, timeout=10)
        assert [house.event(one)["attempts"] for one in queued] == [1] * 4
        assert house.ask("GET", "/held").status == 200
        assert house.stop() == 0
    assert "Sandbox.Timedout" not in house.log.read_text()


def test_events_of_a_removed_function_wait_for_it(tmp_path: Path) -> None:
    with Serving(tmp_path, BOTH) as house:
        house.up()
        ids = [house.emit("held", {"n": n}) for n in range(3)]
        assert house.started(1)
        house.kill()
        house.configure(BOTH.splitlines()[1])
        house.up()
        assert house.ended(house.emit("other", {}))
        rows = {row["function"]: row for row in house.get("/ps")}
        assert (rows["held"]["queued"], rows["held"]["runtime"], rows["held"]["urls"]) == (3, "not in the config", [])
        assert [house.event(one)["state"] for one in ids] == ["queued"] * 3
        assert house.stop() == 0
        house.configure(BOTH)
        house.open_gate()
        house.up()
        assert house.ended(*ids)
        assert house.stop() == 0
