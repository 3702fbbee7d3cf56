"""`router run` and `router try`, for real."""

import contextlib
import http.client
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.cli.shipped import sample
from router.cli.trial import Trial, copy_sample

ROOT = Path(__file__).parents[2]
READY = 10.0  # seconds


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "router.cli", *words]


def run(*words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **extra}
    return subprocess.run(command(*words), capture_output=True, text=True, cwd=ROOT, timeout=60, env=environment, check=False)


@pytest.fixture
def temp(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `router try` makes its directory."""
    directory = tmp_path_factory.mktemp("t")
    monkeypatch.setenv("TMPDIR", str(directory))
    return directory


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    made = Trial(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_try_shows_all_four_triggers_and_cleans_up(temp: Path) -> None:
    started = time.monotonic()
    done = run("try")
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - started < 15
    for trigger in ("s3: dropped", "http: POST", "table: ", "schedule: fired"):
        assert trigger in done.stdout
    assert done.stdout.count("| START RequestId: ") == 4
    assert done.stdout.count("| END RequestId: ") == 4
    assert done.stdout.count("| REPORT RequestId: ") == 4
    assert not list(temp.iterdir())


def test_try_as_json_is_one_document(temp: Path) -> None:
    done = run("try", "--output", "json")
    report = json.loads(done.stdout)
    assert report["ok"]
    assert [step["trigger"] for step in report["steps"]] == ["s3", "http", "table", "schedule"]
    assert all(step["log"][0].startswith("START ") and step["log"][-1].startswith("REPORT ") for step in report["steps"])


def test_try_keep_leaves_a_daemon_that_serves(temp: Path) -> None:
    report = json.loads(run("try", "--keep", "--output", "json").stdout)
    directory, pid = Path(report["kept"]["directory"]), report["kept"]["pid"]
    try:
        connection = http.client.HTTPConnection(report["kept"]["url"].removeprefix("http://"), timeout=5)
        connection.request("GET", "/orders/1")
        assert json.loads(connection.getresponse().read())["status"] == "paid"
        connection.close()
    finally:
        os.kill(pid, signal.SIGTERM)
        with contextlib.suppress(ProcessLookupError):
            for _ in range(500):
                os.kill(pid, 0)
                time.sleep(0.02)
    assert directory.parent == temp


def test_try_says_what_it_saw_when_the_sample_does_not_work(tmp_path: Path, temp: Path) -> None:
    broken = tmp_path / "sample"
    broken.mkdir()
    shutil.copytree(sample() / "handlers", broken / "handlers")
    (broken / "config.yaml").write_text((sample() / "config.yaml").read_text().replace("handler: app.handler", "handlr: app.handler"))
    program = f"import router.cli.trial as t, pathlib; t.sample = lambda: pathlib.Path({str(broken)!r}); from router.cli import main; import sys; sys.argv = ['router', 'try']; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 1
    assert "the daemon ended with exit code 2" in done.stderr
    assert "did you mean handler?" in done.stderr
    assert not list(temp.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_try_cleans_up_when_it_is_interrupted(temp: Path, number: signal.Signals) -> None:
    with subprocess.Popen(command("try"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as trying:
        assert trying.stdout is not None
        assert trying.stdout.readline().startswith("a daemon serves ")
        (made,) = temp.iterdir()
        trying.send_signal(number)
        _, said = trying.communicate(timeout=20)
    assert (trying.returncode, said.strip()) == (1, "interrupted")
    assert not list(temp.iterdir())
    assert not [line for line in processes() if str(made) in line]


def processes() -> list[str]:
    """The command line of every process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


def test_the_first_signal_drains(trial: Trial) -> None:
    os.kill(trial.pid, signal.SIGINT)
    assert trial._process is not None
    assert trial._process.wait(10) == 0
    assert "daemon_stopped" in trial.evidence()
    (told,) = [line for line in trial.evidence().splitlines() if "drain_started" in line]
    assert "SIGINT" in told


def test_on_a_terminal_run_says_what_it_serves_and_ctrl_c_drains(tmp_path: Path) -> None:
    config = copy_sample(tmp_path)
    master, slave = pty.openpty()
    with subprocess.Popen(command("run", "--config", str(config)), stdout=slave, stderr=subprocess.PIPE, cwd=ROOT) as daemon:
        os.close(slave)
        said = b""
        while b"Ctrl-C drains" not in said:
            said += os.read(master, 65536)
        daemon.send_signal(signal.SIGINT)
        assert daemon.wait(15) == 0
        assert daemon.stderr is not None
        assert b"Traceback" not in daemon.stderr.read()
    os.close(master)
    for part in ("GET /orders → shop", "/data/inbox → summarise", "rate(1 minute) → heartbeat", f"-m router.cli logs -f --config {config}"):
        assert part in said.decode()


def test_a_second_daemon_on_one_state_is_refused(trial: Trial) -> None:
    done = run("run", "--config", str(trial.config))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in done.stderr


def test_commands_against_a_running_daemon(trial: Trial, tmp_path: Path) -> None:
    config = ["--config", str(trial.config)]
    assert run("invoke", "heartbeat", "--tail", *config).stderr.count("REPORT RequestId: ") == 1
    (tmp_path / "data/inbox/a.csv").write_text("n\n1\n")
    event = run("event", "s3-put", "bucket=inbox", "key=a.csv").stdout
    piped = subprocess.run(
        command("invoke", "summarise", "-e", "-", *config), input=event, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert json.loads(piped.stdout) == {"written": ["results/a.csv.json"]}
    assert run("invoke", "nobody", *config).returncode == 1
    assert run("invoke", "summarise", *config).returncode == 3
    queued = json.loads(run("invoke", "heartbeat", "--async", "--output", "json", *config).stdout)["id"]
    detail = trial.until("the event to end", lambda: json.loads(run("events", "show", queued, "--output", "json", *config).stdout))
    assert detail["event"]["id"] == queued
    assert {row["function"] for row in json.loads(run("ps", "--output", "json", *config).stdout)} == {
        "summarise",
        "shop",
        "notify",
        "heartbeat",
    }
    assert json.loads(run("schedules", "--output", "json", *config).stdout)[0]["name"] == "heartbeat-0"
    assert list(trial.steps())
    printed = run("feeds", "install", "orders", "--print", *config)
    assert (printed.returncode, printed.stdout.count("CREATE TRIGGER")) == (0, 5)
    assert run("feeds", "install", "orders", *config).stdout == "installed\n"
    printed = run("feeds", "uninstall", "orders", "--print", *config)
    assert (printed.returncode, printed.stdout.count("DROP T")) == (0, 8)
    refused = run("feeds", "uninstall", "orders", *config)
    assert (refused.returncode, "is read by function notify" in refused.stderr) == (1, True)
    found = {row["name"]: row for row in json.loads(run("doctor", "--output", "json", *config).stdout)}
    assert {"daemon", "daemon version", "store", "state lock", "open descriptors", "source http", "listener http"} <= found.keys()
    assert [row["name"] for row in found.values() if row["required"] and not row["ok"]] == []
    refused = run("feeds", "install", "order", "--print", *config)
    assert (refused.returncode, refused.stderr) == (1, "Error: the config has no table order; did you mean orders?\n")


def test_events_by_hand_go_through_the_triggers_of_a_running_daemon(trial: Trial, tmp_path: Path) -> None:
    config = ["--config", str(trial.config)]
    results = tmp_path / "data/results"
    (tmp_path / "data/inbox/b.csv").write_text("n\n1\n")
    trial.until("the file's own event", (results / "b.csv.json").exists)
    (results / "b.csv.json").unlink()
    (row,) = json.loads(run("event", "s3-copy", "bucket=inbox", "key=b.csv", "--send", "--output", "json", *config).stdout)
    assert (row["function"], row["source"], row["state"]) == ("summarise", "s3:inbox", "queued")
    trial.until("the file to be summarised again", (results / "b.csv.json").exists)
    other = run("event", "s3-put", "bucket=inbox", "key=b.txt", "--send", *config)
    assert (other.returncode, other.stdout) == (1, "")
    assert "summarise wants" in other.stderr
    made = run("event", "http", "method=POST", "path=/orders", 'body={"item": "tea", "quantity": 2}', "--send", *config)
    assert (made.returncode, json.loads(made.stdout)["item"]) == (0, "tea")
    assert made.stderr.startswith("HTTP 201\n")
    (row,) = json.loads(run("event", "dynamodb", "--send", "--output", "json", *config).stdout)
    assert (row["function"], row["state"]) == ("notify", "succeeded")
    (row,) = json.loads(run("event", "schedule", "name=heartbeat-0", "--send", "--output", "json", *config).stdout)
    assert json.loads(run("events", "show", row["id"], "--output", "json", *config).stdout)["event"]["source"] == "schedule:heartbeat-0"


def test_mistakes_in_the_config_are_all_said_and_exit_2(tmp_path: Path) -> None:
    config = copy_sample(tmp_path)
    config.write_text(config.read_text().replace("suffix: .csv", "sufix: .csv").replace("rate(1 minute)", "rate(1 minutes)"))
    started, checked = run("run", "--config", str(config)), run("check", "--config", str(config))
    assert (started.returncode, checked.returncode) == (2, 1)
    assert started.stderr == checked.stderr
    lines = started.stderr.splitlines()
    assert len(lines) == 2
    assert "sufix" in lines[0]
    assert "did you mean suffix?" in lines[0]
    assert "write rate(1 minute)" in lines[1]
    assert json.loads(run("check", "--config", str(config), "--output", "json").stdout) == {"ok": False, "problems": lines}


def test_the_shipped_config_checks_out() -> None:
    done = run("check", "--config", str(ROOT / "config.yaml"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ok: 4 functions, 7 triggers, 2 buckets, 1 table\n")
    assert "rate(1 minute) → heartbeat: " in done.stdout


def test_no_config_is_no_traceback(tmp_path: Path) -> None:
    for words in (["run"], ["check"]):
        done = run(*words, "--config", str(tmp_path / "none.yaml"))
        assert done.returncode in {1, 2}
        assert "none.yaml" in done.stderr
        assert "Traceback" not in done.stderr


def test_logs_follow_a_running_daemon(trial: Trial) -> None:
    config = ["--config", str(trial.config)]
    with subprocess.Popen(
        command("logs", "-f", "heartbeat", *config), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as following:
        run("invoke", "heartbeat", *config)
        assert following.stdout is not None
        lines = [following.stdout.readline() for _ in range(5)]
        following.send_signal(signal.SIGINT)
        _, said = following.communicate(timeout=10)
    assert "REPORT RequestId: " in lines[-1]
    assert said == "\ninterrupted\n"
    assert following.returncode == 1


def test_doctor_tries_what_would_confine_functions_where_no_daemon_runs(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context): return event\n")
    (tmp_path / "config.yaml").write_text(
        "version: 1\nfunctions: {f: {code: ., handler: app.handler, require: [own_user]}}\n"  # and the config names no users
    )
    done = run("doctor", "--output", "json", "--config", str(tmp_path / "config.yaml"))
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert {"isolation system_calls", "isolation files", "isolation memory_limit"} <= rows.keys()
    assert (rows["isolation always_on"]["ok"], rows["isolation always_on"]["effective"]) == (True, "all of them")
    row = rows["isolation own_user"]
    assert (done.returncode, row["required"], row["ok"]) == (1, True, False)
    assert "until then refused: f" in row["remedy"]
    assert not (tmp_path / "state").exists()
