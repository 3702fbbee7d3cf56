"""Hostile and unlucky handlers in a whole daemon, faults D1 to D22, at every level of isolation that can be had here.

A level is a daemon of its own: without a sandbox; on a machine that refuses namespaces (Landlock, seccomp and looking at memory are what
is left); of an ordinary user; and of root with isolation: strict."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from router.runtime.marshalling import raw_utf8
from tests.helpers.house import ROOT, House

pytestmark = [pytest.mark.fault, pytest.mark.timeout(180)]

NOBODY: Final = 65534
SYSTEM_PYTHON: Final = "/usr/bin/python3"
FUNCTIONS: Final = ROOT / "tests/faults/functions"
LIMITED: Final = ("loops", "sleeps", "blocks", "detached", "bomb", "stopped")  # functions that run into their timeout of a second
OTHERS: Final = (
    *("pid", "echo", "keeps_output_open", "grows", "floods", "forges", "closes", "kills", "leaves", "returns", "leaks", "changes"),
    *("surroundings", "fails", "fills", "sleeps_then_reads", "killed", "runs_on"),
)
PARTLY: Final = "{queue: {name: jobs, batch_size: 10, report_batch_item_failures: true}}"
FEWER: Final = """
for kind in mnt pid net ipc user; do echo 0 > /proc/sys/user/max_${kind}_namespaces; done
exec "$@"
"""


class Level(NamedTuple):
    """How a daemon is started, and what its functions ask for."""

    isolation: str
    prefix: tuple[str, ...] = ()
    user: int = -1  # another than this one
    contained: bool = True  # signals reach nobody else

    def python(self) -> str:
        return SYSTEM_PYTHON if self.user >= 0 else sys.executable


LEVELS: Final = {
    "none": Level("none", contained=False),
    "sandbox": Level("auto", ("unshare", "--user", "--map-root-user", "sh", "-c", FEWER, "sh"), contained=False),
    "ordinary": Level("auto", ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"), NOBODY),
    "strict": Level("strict"),
}


class Confined(House):
    """A daemon at one level."""

    def __init__(self, directory: Path, level: Level) -> None:
        code = directory / "code"
        shutil.copytree(FUNCTIONS, code)
        common = f"code: {code}, isolation: {level.isolation}, maximum_retry_attempts: 0"
        lines = [f"  {name}: {{{common}, handler: hostile.{name}, timeout: 1}}" for name in LIMITED]
        lines += [f"  {name}: {{{common}, handler: hostile.{name}, timeout: 30}}" for name in OTHERS]
        lines += [
            f"  poison: {{{common}, handler: hostile.poison, timeout: 30}}",
            f"  twice: {{{common}, runtime: provided.al2023, timeout: 30}}",
            f"  broken: {{{common}, handler: broken.handler, timeout: 5}}",
            f"  partly: {{{common}, handler: hostile.partly, timeout: 5, triggers: [{PARTLY}]}}",
        ]
        queues = "queues: {jobs: {visibility_timeout: 12, redrive: {queue: dead, max_receive_count: 1}}, dead: {}}"
        super().__init__(
            directory,
            "\n".join(("version: 1", "state: ./state", "listen: {http: off, aws: off, console: off}", queues, "functions:", *lines)),
        )
        self.level = level
        if level.user >= 0:
            for path in (directory, *directory.rglob("*")):
                os.chown(path, level.user, level.user)

    def start(self, *, step: str = "", count: int = 0) -> None:
        """Start the daemon at its level."""
        del step, count
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join((str(ROOT), sysconfig.get_path("purelib"))),
            "HOME": "/nonexistent",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [*self.level.prefix, self.level.python(), "-m", "router.cli", "run", "--config", str(self.config)]
        with self.log.open("ab") as out:
            self.process = self.launch(command, out, env=environment)

    def invoke(self, function: str, event: Any = None) -> tuple[Any, str, str]:
        """The answer, the error's type ("" for none) and the log of one invocation."""
        connection_headers = {"X-Amz-Log-Type": "Tail"}
        status, headers, body = self.request("POST", f"/functions/{function}/invocations", json.dumps(event).encode(), connection_headers)
        assert status == 200, (status, body, self.log.read_text()[-3000:])
        answer = json.loads(body)
        log = base64.b64decode(headers.get("x-amz-log-result", "")).decode()
        return answer, answer["errorType"] if "x-amz-function-error" in headers else "", log

    def result(self, function: str, event: Any = None) -> Any:
        """The answer of an invocation that goes well."""
        answer, error, log = self.invoke(function, event)
        assert error == "", (answer, log)
        return answer

    def said(self, function: str) -> bytes:
        """What `router logs` shows of a function."""
        command = [sys.executable, "-m", "router.cli", "logs", function, "--config", str(self.config)]
        return subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout

    def family(self, name: str = "") -> list[int]:
        """Live processes below the daemon, or those of this name anywhere."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and (entry / "comm").read_text().strip() == name[:15] and " Z " not in (entry / "stat").read_text():
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def memory(self) -> int:
        """Bytes of the daemon's memory."""
        assert self.process is not None
        return int((Path("/proc") / str(self.process.pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def lacking(level: Level) -> str:
    """Why this level cannot be had here, or ""."""
    if not level.prefix:
        return ""
    if os.geteuid() != 0:
        return "only root can start a daemon of somebody else, or take namespaces away from one"
    probe = f"import sys; assert sys.version_info[:2] == {sys.version_info[:2]!r}; import apsw, router.daemon"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))}
    try:
        done = subprocess.run([*level.prefix, level.python(), "-c", probe], env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return done.stderr.strip().rpartition("\n")[2] if done.returncode else ""


@pytest.fixture(scope="module", params=LEVELS)
def house(request: pytest.FixtureRequest) -> Iterator[Confined]:
    level = LEVELS[request.param]
    if why := lacking(level):
        pytest.skip(f"this machine lacks the level {request.param}: {why}")
    directory = Path(f"/var/tmp/router-handlers-{os.getpid()}-{time.monotonic_ns()}")
    directory.mkdir(mode=0o755)
    try:
        with Confined(directory, level) as house:
            house.start()
            assert house.ready(30), house.log.read_text()[-3000:]
            if level.isolation == "strict" and (refused := [row["name"] for row in house.get("/doctor") if lacks(row)]):
                pytest.skip(f"this machine lacks for strict: {', '.join(refused)}")
            yield house
            assert house.alive(), house.log.read_text()[-3000:]
            log = house.log.read_text()
            assert "Traceback" not in log, log[-3000:]
            assert house.stop() == 0
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def lacks(row: dict[str, Any]) -> bool:
    """Whether a row of the doctor is a control that is needed and not there."""
    return row["name"].startswith("isolation ") and row["required"] and not row["ok"]


def unique(name: str) -> str:
    """A name for a process that no other has."""
    return f"{name}-{time.monotonic_ns() % 10**7}"


@pytest.mark.parametrize("handler", ["loops", "sleeps", "blocks"])
def test_d1_what_does_not_end_is_ended(house: Confined, handler: str) -> None:
    began = time.monotonic()
    answer, error, log = house.invoke(handler)
    assert error == "Sandbox.Timedout"
    assert answer["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert "Status: timeout" in log
    assert time.monotonic() - began < 10


def test_d2_grandchildren_of_another_session_end_with_the_timeout(house: Confined) -> None:
    name = unique("d2")
    assert house.invoke("detached", name)[1] == "Sandbox.Timedout"
    assert house.until(lambda: house.family(name) == [], 5)


def test_d3_an_answer_waits_for_no_grandchild(house: Confined) -> None:
    began = time.monotonic()
    assert house.result("keeps_output_open") == "answered"
    assert time.monotonic() - began < 10


def test_d4_a_fork_bomb_ends_while_others_work(house: Confined) -> None:
    name = unique("d4")
    with ThreadPoolExecutor(1) as pool:
        bomb = pool.submit(house.invoke, "bomb", name)
        while not bomb.done():
            assert house.result("echo", 1) == 1
        assert bomb.result()[1] in {"Sandbox.Timedout", "Runtime.OutOfMemory", "Runtime.ExitError"}
    assert house.until(lambda: house.family(name) == [], 10)


def test_d5_more_memory_than_it_has_is_told(house: Confined) -> None:
    answer, error, log = house.invoke("grows")
    if house.level.isolation == "none":  # which is what it asks for: a gigabyte, where nobody bounds it
        assert (answer, error) == (128, "")
        return
    assert error == "Runtime.OutOfMemory", log
    assert "Memory Size: 128 MB\tMax Memory Used: 128 MB" in log


def test_d6_a_flood_of_output_costs_the_daemon_nothing(house: Confined) -> None:
    size = 128 << 20
    house.result("floods", 1 << 20)
    before = house.memory()
    assert house.result("floods", size) == size
    assert house.memory() - before < 16 << 20


def test_d7_what_looks_like_a_record_is_text(house: Confined) -> None:
    log = house.invoke("forges")[2]
    *_, end, report = log.splitlines()
    request = log.split()[2]
    assert (end, report.split("\t")[0]) == (f"END RequestId: {request}", f"REPORT RequestId: {request}")
    assert "REPORT RequestId: 00000000" in log
    shown = house.said("forges")
    assert not {0, 0x1B} & set(shown), shown


def test_d8_a_worker_without_descriptors_is_a_runtime_exit(house: Confined) -> None:
    assert house.invoke("closes")[1] == "Runtime.ExitError"
    assert house.result("echo", "well") == "well"


def test_d9_who_kills_kills_himself_alone(house: Confined) -> None:
    """Where signals are not contained, everybody who may be killed is this machine: there it is parent and group alone."""
    assert house.process is not None
    daemon, other = house.process.pid, house.result("pid")
    status, headers, body = house.request("POST", "/functions/kills/invocations", json.dumps(house.level.contained).encode())
    if status == 200 and "x-amz-function-error" in headers:
        assert json.loads(body)["errorType"] == "Runtime.ExitError"
    elif status != 200:  # a dead spawner: no fault of the function, and said to be none
        assert (status, house.level.contained) == (503, False)
    assert house.process.pid == daemon
    assert house.alive()
    assert house.until(lambda: house.request("POST", "/functions/echo/invocations", b"1")[0] == 200, 10)
    if house.level.contained:
        assert house.result("pid") == other


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("exit", "exited without providing a reason"),
        ("sys", "exited without providing a reason"),
        ("segv", "signal: segmentation fault"),
        ("abort", "signal: aborted"),
    ],
)
def test_d10_leaving_is_no_success(house: Confined, how: str, said: str) -> None:
    answer, error, _ = house.invoke("leaves", how)
    assert error == "Runtime.ExitError"
    assert said in answer["errorMessage"]


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("set", "Runtime.MarshalError"),
        ("recursion", "Runtime.MarshalError"),
        ("large", "Function.ResponseSizeTooLarge"),
    ],
)
def test_d11_results_that_are_none(house: Confined, what: str, error: str) -> None:
    assert house.invoke("returns", what)[1] == error


def test_d11_results_that_are_some_after_all(house: Confined) -> None:
    answer, error, _ = house.invoke("returns", "surrogate")
    if raw_utf8(house.result("runs_on")):  # from Python 3.12 on text is not escaped, and half a character has no bytes
        assert error == "Runtime.MarshalError"
    else:
        assert (answer, error) == ("\ud800", "")
    status, headers, body = house.request("POST", "/functions/returns/invocations", b'"nan"')
    assert (status, "x-amz-function-error" in headers, body) == (200, False, b"NaN")  # as Python's runtime answers on AWS


def test_d12_the_runtime_api_takes_one_answer_to_ones_own_request(house: Confined) -> None:
    house.result("twice")
    foreign, again, error = house.result("twice")
    assert foreign in {400, 403}
    assert again in {400, 403}
    assert error in {400, 403}


def test_d13_a_failing_init_is_told_and_starts_no_storm(house: Confined) -> None:
    answers = [house.invoke("broken") for _ in range(20)]
    assert {error for _, error, _ in answers} == {"Runtime.ImportModuleError"}
    begun = house.said("broken").count(b"INIT_START")
    assert 1 <= begun <= 12, "its processes are started without end"


def test_d14_what_is_left_behind_stays_in_its_environment(house: Confined) -> None:
    found = [house.result("leaks") for _ in range(5)]
    assert found == [[found[0][0], number] for number in range(1, 6)]


def test_d15_what_a_worker_changes_is_its_own(house: Confined) -> None:
    before = house.result("surroundings")
    assert house.result("changes") is True
    assert house.result("surroundings") == before


def test_d16_a_worker_that_is_killed_from_outside_is_an_exit(house: Confined) -> None:
    name = unique("d16")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(house.invoke, "killed", name)
        assert house.until(lambda: house.family(name) != [], 10)
        for pid in house.family(name):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        answer, error, _ = running.result()
    assert error == "Runtime.ExitError", answer


def test_d17_a_stopped_worker_is_ended_all_the_same(house: Confined) -> None:
    name = unique("d17")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(house.invoke, "stopped", name)
        assert house.until(lambda: house.family(name) != [] or running.done(), 10)
        for pid in house.family(name):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        assert running.result()[1] == "Sandbox.Timedout"
    assert house.until(lambda: house.family(name) == [], 5)


def test_d18_a_poison_event_is_given_up_and_no_other(house: Confined) -> None:
    ids = {house.emit("poison", event): event for event in ("a", "poison", "b", "c")}
    states: dict[str, str] = {}

    def ended() -> bool:
        states.update({row["id"]: row["state"] for row in house.get("/events?limit=1000") if row["id"] in ids})
        return len(states) == len(ids) and set(states.values()) <= {"succeeded", "dead"}

    assert house.until(ended, 20), states
    assert {ids[key]: state for key, state in states.items()} == {"a": "succeeded", "b": "succeeded", "c": "succeeded", "poison": "dead"}


def test_d19_code_that_goes_away_under_it_is_still_there_for_what_runs(house: Confined) -> None:
    code = house.directory / "code"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(house.result, "sleeps_then_reads", 1.0)
        time.sleep(0.3)
        code.rename(house.directory / "gone")
        try:
            assert running.result().startswith('"""Handlers')
        finally:
            (house.directory / "gone").rename(code)


def test_d20_errors_cost_no_processes(house: Confined) -> None:
    pids = {house.invoke("fails")[0]["errorMessage"] for _ in range(100)}
    assert len(pids) == 1


def test_d21_a_file_of_a_hundred_gigabytes_is_its_own_error(house: Confined) -> None:
    assert house.result("fills") in {"File too large", "No space left on device"}


def test_d22_only_what_is_named_comes_again(house: Confined) -> None:
    def sent(*bodies: str) -> None:
        for body in bodies:
            status, _, said = house.request("POST", "/queues/jobs/messages", json.dumps({"body": body}).encode())
            assert status == 200, said

    def dead() -> int:
        return next(row["messages"] for row in house.get("/queues") if row["name"] == "dead")

    sent("good", "bad", "good", "good")
    assert house.until(lambda: dead() == 1, 60), house.get("/queues")
