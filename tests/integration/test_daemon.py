"""The daemon as a process: what it serves, what it says of itself, what it refuses to start with."""

import concurrent.futures
import contextlib
import itertools
import json
import os
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.daemon_rig import IS_ROOT, Serving, orders

pytestmark = pytest.mark.timeout(60)


def test_four_triggers_lead_to_four_events(tmp_path: Path) -> None:
    resources = """
buckets: {inbox: ./inbox}
tables: {orders: {sqlite: ./shop.db, table: orders, install: auto}}"""
    functions = """
files: {…, handler: app.seen, timeout: 900, triggers: [{s3: inbox}]}
route: {…, handler: app.seen, timeout: 900, triggers: [{http: "GET /orders/{id}"}]}
ticks: {…, handler: app.seen, timeout: 900, triggers: [{schedule: rate(1 minute)}]}
rows: {…, handler: app.seen, timeout: 900, triggers: [{table: orders}]}
"""
    orders(tmp_path)
    with Serving(tmp_path, functions, resources=resources, factor=10) as house:
        house.up()
        assert house.until(lambda: house.get("/feeds")[0]["installed"], 10)
        (tmp_path / "inbox/a b.txt").write_text("hello")
        answer = house.ask("GET", "/orders/7?x=1")
        orders(tmp_path, (1, "paid"))
        assert (answer.status, answer.body) == (200, b"seen")
        assert house.until(lambda: {row["function"] for row in house.seen()} == {"files", "route", "ticks", "rows"}, 15), house.said()
        events = {row["function"]: row["event"] for row in house.seen()}
        assert house.until(lambda: {row["state"] for row in house.get("/events")} == {"succeeded"}, 5)
        assert {row["source"] for row in house.get("/events")} == {"s3:inbox", "schedule:ticks-0"}
        assert {row["function"]: bool(row["urls"]) for row in house.get("/ps")} == {
            "files": False,
            "route": True,
            "ticks": False,
            "rows": False,
        }
        assert house.stop() == 0
    assert events["files"]["Records"][0]["s3"]["object"] | {"sequencer": ""} == {
        "key": "a+b.txt",
        "size": 5,
        "eTag": "5d41402abc4b2a76b9719d911017c592",
        "sequencer": "",
    }
    assert (events["route"]["pathParameters"], events["route"]["rawQueryString"]) == ({"id": "7"}, "x=1")
    assert events["ticks"]["source"] == "aws.events"
    assert events["rows"]["Records"][0]["dynamodb"]["NewImage"] == {"id": {"N": "1"}, "status": {"S": "paid"}}


def test_twenty_requests_at_two_slots(tmp_path: Path) -> None:
    functions = """
two: {…, handler: app.held, timeout: 60, reserved_concurrency: 2, triggers: [{http: GET /two}]}
other: {…, handler: app.seen, triggers: [{http: GET /other}]}
"""
    with Serving(tmp_path, functions) as house:
        house.up()
        with concurrent.futures.ThreadPoolExecutor(21) as clients:
            holding = [clients.submit(house.ask, "GET", "/two") for _ in range(2)]
            assert house.started(2)
            asked = [clients.submit(house.ask, "GET", "/two") for _ in range(18)]
            assert house.ask("GET", "/other").status == 200, "it waits for slots of its own only"
            throttled = [one.result() for one in asked]
            assert not any(one.done() for one in holding)
            house.open_gate()
            assert [one.result().status for one in holding] == [200, 200]
            again = [one.result() for one in [clients.submit(house.ask, "GET", "/two") for _ in range(20)]]
        runs = [{"start": 1, "end": -1}[row["at"]] for row in house.seen("two")]
        assert house.stop() == 0
    assert {one.status for one in throttled} == {429}, "whoever had to wait for a second is refused"
    assert all(0.99 <= one.seconds < 2.5 for one in throttled), "a second, which a timer counts in milliseconds of its loop"
    assert {one.headers["retry-after"] for one in throttled} == {"1"}
    assert {one.json["message"] for one in throttled} == {"Too Many Requests"}
    assert [one.status for one in again].count(200) > 2, "whoever waits gets the slot of one that is through"
    assert max(itertools.accumulate(runs)) == 2


def test_functions_that_cannot_start_hurt_nobody_else(tmp_path: Path) -> None:
    functions = """
broken: {…, handler: broken.handler}
dying: {…, handler: dying.handler}
well: {…, handler: app.seen, triggers: [{http: GET /well}]}
"""
    with Serving(tmp_path, functions) as house:
        house.up()
        before = house.ask("GET", "/well").seconds
        bad = [house.emit(name, {"n": number}) for number in range(40) for name in ("broken", "dying")]
        good = [house.emit("well", {"n": number}) for number in range(20)]
        answers = [house.ask("GET", "/well") for _ in range(20)]
        assert house.ended(*good, timeout=10)
        assert {one.status for one in answers} == {200}
        assert sorted(one.seconds for one in answers)[10] < before + 1
        assert house.until(lambda: {house.event(one)["state"] for one in bad} == {"retrying"}, 10)
        families = {one.name: one for one in text_string_to_metric_families(house.ask("GET", "/metrics", port=house.console).body.decode())}
        starts = {sample.labels["function"]: sample.value for sample in families["router_cold_starts"].samples}
        errors = {
            row["function"]: json.loads(house.event(event_id)["error"])["errorType"] for event_id in bad for row in [house.event(event_id)]
        }
        assert house.alive()
        assert house.stop() == 0
    assert errors == {"broken": "RuntimeError", "dying": "Runtime.ExitError"}
    assert max(starts.get("broken", 0), starts.get("dying", 0)) < 40, "an init that keeps failing is not tried for every event"


def test_what_is_provisioned_is_ready_before_there_is_traffic(tmp_path: Path) -> None:
    functions = "f: {…, handler: later.seen, provisioned_concurrency: 2, triggers: [{http: GET /f}]}"
    with Serving(tmp_path, functions) as house:
        house.start()
        assert house.ready(), house.said()
        answer = house.ask("GET", "/readyz", port=house.console)
        assert answer.status == 503
        assert "function f: not all of its 2 provisioned environments are initialised yet" in answer.json["problems"]
        with pytest.raises(ConnectionRefusedError):
            house.ask("GET", "/f")
        house.open_gate()
        assert house.until(lambda: house.ask("GET", "/readyz", port=house.console).status == 200, 20)
        assert house.ask("GET", "/f").status == 200
        assert "router_cold_starts_total{" not in house.ask("GET", "/metrics", port=house.console).body.decode()
        assert house.stop() == 0


def test_what_a_function_measures_is_shown_beside_our_own(tmp_path: Path) -> None:
    """By Powertools, unmodified, whose directory the function has for its code."""
    import aws_lambda_powertools

    functions = "booking: {…, handler: measuring.handler, triggers: [{http: GET /book}]}"
    code = f"""
import sys
sys.path.append({str(Path(aws_lambda_powertools.__file__).parents[1])!r})
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

metrics = Metrics(namespace="Airline", service="booking")

@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    metrics.add_metric(name="SuccessfulBookings", unit=MetricUnit.Count, value=2)
    return {{"statusCode": 200, "body": "booked"}}
"""
    runs = "metric_filters: {runs: {group: /aws/lambda/booking, filter_pattern: REPORT, namespace: Airline, metric: Runs}}"
    with Serving(tmp_path, functions, resources=runs) as house:
        (house.directory / "code/measuring.py").write_text(code)
        house.up()
        assert [house.ask("GET", "/book").status for _ in range(3)] == [200] * 3, house.said()
        exposition = house.ask("GET", "/metrics", port=house.console).body.decode()
        assert house.stop() == 0
    found = {
        sample.name: (sample.labels, sample.value) for family in text_string_to_metric_families(exposition) for sample in family.samples
    }
    assert found["airline_successful_bookings_sum"] == ({"service": "booking"}, 6)
    assert found["airline_successful_bookings_count"] == ({"service": "booking"}, 3)
    assert found["airline_cold_start_sum"] == ({"service": "booking", "function_name": "booking"}, 1)


def test_what_is_what_stands_in_the_list_of_processes(tmp_path: Path) -> None:
    functions = "a-name-longer-than-the-kernel-keeps: {…, handler: app.seen, triggers: [{http: GET /f}]}"
    with Serving(tmp_path, functions) as house:
        house.up()
        assert house.ask("GET", "/f").status == 200
        shown = {Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode() for pid in house.family()}
        sandbox = house.state / "sandbox"
        assert {f"router-guard {sandbox}", f"router-spawner {sandbox}", "fn:a-name-longer-than-the-kernel-keeps"} <= shown
        assert not [line for line in shown if "python" in line or "guard.py" in line]
        assert house.stop() == 0


def test_it_takes_all_descriptors_that_it_may_have(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Serving(tmp_path, "f: {…, handler: app.seen, triggers: [{http: GET /f}]}") as house:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        try:
            house.up()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert house.process is not None
        assert resource.prlimit(house.process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
        assert house.stop() == 0


def test_metrics_and_health_are_what_prometheus_and_probes_read(tmp_path: Path) -> None:
    with Serving(tmp_path, "f: {…, handler: app.seen, triggers: [{http: GET /f}]}") as house:
        house.up()
        assert house.ask("GET", "/f").status == 200
        assert house.ended(house.emit("f", {}))
        assert house.ask("GET", "/healthz", port=house.console).json == {"status": "ok"}
        assert house.ask("GET", "/readyz", port=house.console).json == {"ready": True, "problems": []}
        exposition = house.ask("GET", "/metrics", port=house.console)
        assert house.stop() == 0
    assert exposition.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(exposition.body.decode())}
    assert all(name.startswith("router_") for name in families)
    assert all(family.documentation and family.type != "unknown" for family in families.values())
    values = {(s.name, *sorted(s.labels.values())): s.value for family in families.values() for s in family.samples}
    assert values["router_invocations_total", "f", "ok"] == 2
    assert values["router_events_accepted_total", "f"] == 1
    assert values["router_events_finished_total", "f", "succeeded"] == 1
    assert values["router_invocation_duration_seconds_count", "f"] == 2


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Path]:
    """Where a file system is to be mounted; unmounted at the end."""
    if not IS_ROOT or shutil.which("mount") is None:
        pytest.skip("mounting needs root")
    place = tmp_path / "disk"
    place.mkdir()
    yield place
    subprocess.run(["umount", place], check=False, capture_output=True)


def test_not_ready_while_a_required_mount_is_missing(tmp_path: Path, mount: Path) -> None:
    resources = "buckets: {disk: {path: ./disk, mount: required}}"
    functions = """
files: {…, handler: app.seen, triggers: [{s3: disk}]}
route: {…, handler: app.seen, triggers: [{http: GET /f}]}
"""
    with Serving(tmp_path, functions, resources=resources) as house:
        house.start()
        assert house.ready(), house.said()
        assert house.until(lambda: len(house.ask("GET", "/readyz", port=house.console).json["problems"]) == 1, 10)  # http is bound
        answer = house.ask("GET", "/readyz", port=house.console)
        assert (answer.status, answer.json["ready"]) == (503, False)
        (problem,) = answer.json["problems"]
        assert problem.startswith("s3:disk: ")
        assert str(mount) in problem
        assert house.ask("GET", "/f").status == 200, "a missing disk is nobody else's trouble"
        (mount / "below.txt").write_text("under the mount point")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount], check=True)
        (mount / "on.txt").write_text("on the disk")
        assert house.until(lambda: house.ask("GET", "/readyz", port=house.console).status == 200, 10)
        assert house.until(lambda: bool(house.seen("files")), 10)
        time.sleep(0.2)
        assert [row["event"]["Records"][0]["s3"]["object"]["key"] for row in house.seen("files")] == ["on.txt"]
        assert house.stop() == 0


def test_a_config_with_mistakes_is_refused_with_all_of_them(tmp_path: Path) -> None:
    functions = """
f: {…, handler: app.seen, memry: 256}
g: {…, handler: missing.handler}
h: {…, handler: app.seen, timeout: 1200}
"""
    house = Serving(tmp_path, functions)
    done = house.cli("run")
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 3, done.stderr
    for line, told in zip(lines, ("did you mean memory?", "missing", "1 to 900"), strict=True):
        assert line.startswith("config.yaml:")
        assert told in line
    assert not house.state.exists(), "nothing is touched for a config that cannot be served"


def refusal(house: Serving) -> str:
    """What `router run` says when it does not start."""
    done = house.cli("run")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: ")
    return last.removeprefix("Error: ")


def test_a_taken_console_port_is_said(tmp_path: Path) -> None:
    house = Serving(tmp_path, "f: {…, handler: app.seen}")
    with socket.create_server(("127.0.0.1", house.console)):
        taken = f"cannot listen on 127.0.0.1:{house.console}: Address already in use"
        assert refusal(house) == f"console listener: {taken}; listen.console in the config says where, or off"
    assert not (house.state / "control.sock").exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"])
def test_an_http_address_that_cannot_be_had_ends_the_start(tmp_path: Path, host: str) -> None:
    house = Serving(tmp_path, "f: {…, handler: app.seen, triggers: [{http: GET /f}]}")
    house.config.write_text(house.config.read_text().replace(f"127.0.0.1:{house.http}", f"{host}:{house.http}"))
    with socket.create_server(("127.0.0.1", house.http)):
        said = refusal(house)
    reason = "Address already in use" if host == "127.0.0.1" else "Cannot assign requested address"
    assert said == f"http listener: cannot listen on {host}:{house.http}: {reason}; listen.http in the config says where, or off"
    assert not (house.state / "control.sock").exists()


def test_an_address_that_is_lost_by_a_reload_is_said_and_waited_for(tmp_path: Path) -> None:
    with Serving(tmp_path, "f: {…, handler: app.seen}") as house:
        house.start()
        assert house.ready(), house.said()
        with socket.create_server(("127.0.0.1", house.http)):
            house.configure("f: {…, handler: app.seen, triggers: [{http: GET /f}]}")
            assert house.cli("reload").returncode == 0
            problem = f"cannot listen on 127.0.0.1:{house.http}: Address already in use"
            assert house.until(lambda: house.get("/status")["problems"] == [f"http: {problem}"], 5), house.get("/status")
            assert house.ask("GET", "/readyz", port=house.console).json["problems"] == [f"http: {problem}"]
            assert house.ended(house.emit("f", {})), "events run meanwhile"
        assert house.until(lambda: house.get("/status")["ready"], 10), "it is had as soon as it is free"
        assert house.ask("GET", "/f").status == 200
        assert house.stop() == 0


def test_a_state_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    house = Serving(tmp_path, "f: {…, handler: app.seen}")
    house.state.mkdir(mode=0o500)
    said = refusal(house)
    assert f"{house.state} has mode 0500" in said
    assert f"uid {os.geteuid()}" in said
    assert list(house.state.iterdir()) == []


@pytest.mark.skipif(not IS_ROOT, reason="giving a directory away needs root")
def test_a_state_directory_of_somebody_else_is_said(tmp_path: Path) -> None:
    house = Serving(tmp_path, "f: {…, handler: app.seen}")
    house.state.mkdir()
    os.chown(house.state, 12345, 12345)
    said = refusal(house)
    assert f"{house.state} must belong to uid 0, it belongs to uid 12345" in said
    assert list(house.state.iterdir()) == []


@pytest.mark.skipif(not IS_ROOT, reason="mounting needs root")
def test_a_state_directory_on_a_read_only_file_system_is_said(tmp_path: Path) -> None:
    house = Serving(tmp_path, "f: {…, handler: app.seen}")
    house.state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m,mode=0700", "tmpfs", house.state], check=True)
    try:
        assert f"{house.state} cannot be written" in refusal(house)
    finally:
        subprocess.run(["umount", house.state], check=True)


@pytest.mark.parametrize("name", ["code", "tmp", "sandbox", "runtime", "tables"])
def test_a_file_in_the_place_of_a_directory_is_said(tmp_path: Path, name: str) -> None:
    house = Serving(tmp_path, "f: {…, handler: app.seen}")
    house.state.mkdir(mode=0o700)
    (house.state / name).write_text("")
    said = refusal(house)
    assert f"{house.state / name}" in said
    assert said.endswith(f"{house.state / name} is no directory: move it away")


@pytest.mark.skipif(not IS_ROOT, reason="mounting needs root")
@pytest.mark.parametrize(
    ("limit", "told"), [("size=1m", "no space left on the device"), ("size=1m,nr_inodes=4", "unable to open database file")]
)
def test_a_first_start_without_space_is_said(tmp_path: Path, limit: str, told: str) -> None:
    house = Serving(tmp_path, "f: {…, handler: app.seen}")
    house.state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{limit},mode=0700", "tmpfs", house.state], check=True)
    try:
        with (house.state / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        assert f"{house.state / 'journal.db'}: {told}" in refusal(house)
    finally:
        subprocess.run(["umount", house.state], check=True)


def test_a_store_that_was_emptied_is_no_first_start(tmp_path: Path) -> None:
    """Nor is it silently begun with nothing what is left of a store that is gone."""
    with Serving(tmp_path, "f: {…, handler: app.seen}") as house:
        house.up()
        house.emit("f", {})
        assert house.stop() == 0
        os.truncate(house.state / "journal.db", 0)
        said = refusal(house)
        assert f"{house.state / 'journal.db'} is empty although" in said
        (house.state / "journal.db").unlink()
        house.log.write_text("")
        house.up()
        told = [line for line in house.log.read_text().splitlines() if '"store_made_anew"' in line]
        assert len(told) == 1
        assert '"level":"error"' in told[0]
        assert house.stop() == 0
        house.log.write_text("")
        house.up()
        assert "store_made_anew" not in house.log.read_text()
        assert house.stop() == 0
