"""Functions that are initialised once, and whose environments are forks of that."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router import names
from router.config.types import Function
from router.errors import SpawnerDied
from router.model import Outcome
from router.runtime.base import Invocation
from router.runtime.lifecycle import State
from router.runtime.pool import WarmPool
from tests.conformance.runtime.bench import alive, processes_of, until
from tests.helpers.confined import here
from tests.helpers.logs import MemoryLogs
from tests.helpers.pools import serving

APP = """
import logging, os, random, signal, sys, tempfile, time, uuid
print("initialising")
with open(os.environ["MARK"], "a") as mark: mark.write("x")
os.environ["LEFT_BY_INIT"] = "1"
lines = open(os.environ["LINES"])
lines.readline()
tempfile.gettempdir()
born, count = random.random(), 0

def told(event, context):
    global count
    count += 1
    logging.error("two\\nlines")
    return {"pid": os.getpid(), "count": count, "random": random.random(), "born": born, "line": lines.readline(),
        "uuid": str(uuid.uuid4()), "tmp": tempfile.gettempdir() == os.environ["TMPDIR"], "left": os.environ["LEFT_BY_INIT"],
        "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], "stream": context.log_stream_name,
        "fds": sorted(map(int, os.listdir("/proc/self/fd")))}
def main(event, context):
    if event == "vanish": os._exit(3)
    if event == "bye": signal.signal(signal.SIGTERM, lambda *_: (print("bye"), sys.exit(0)))
    if event == "kill_template": os.kill(os.getppid(), signal.SIGKILL)
    if event == "grow":
        os.fork()
        held = b"x" * (90 * 2**20)
        time.sleep(8)
    if event == "detach" and os.fork() == 0:
        os.setsid()
        time.sleep(600)
    if event: time.sleep(event if isinstance(event, float) else 9 if event == "kill_template" else 0)
    return told(event, context)
"""
HOOKS = """
import snapshot_restore_py as snapshot
seen = []
@snapshot.register_before_snapshot
def first(): seen.append("first before")
snapshot.register_before_snapshot(seen.append, "second before")
snapshot.register_after_restore(seen.append, "first after")
@snapshot.register_after_restore
def second(): seen.append("second after")
def told(event, context): return seen
"""
BAD_BEFORE = """
from snapshot_restore_py import register_before_snapshot
@register_before_snapshot
def no(): raise ValueError("not now")
def told(event, context): return 1
"""
BAD_AFTER = BAD_BEFORE.replace("before_snapshot", "after_restore")
STANDING = """
import os, socket, subprocess, threading, time
from snapshot_restore_py import register_before_snapshot
threading.Thread(target=time.sleep, args=(600,), daemon=True, name="poller").start()
listening = socket.create_server(("127.0.0.1", 0))
connected = socket.create_connection(listening.getsockname())
pipe = os.pipe()
child = subprocess.Popen(["sleep", "600"])
def told(event, context): return 1
"""
CLEAN = STANDING.replace(
    "def told",
    """
@register_before_snapshot
def end():
    listening.close(); connected.close(); os.close(pipe[0]); os.close(pipe[1]); child.kill(); child.wait()
def told""",
).replace('threading.Thread(target=time.sleep, args=(600,), daemon=True, name="poller").start()', "")
HOSTILE = """
import os, socket
control = socket.socket(fileno=os.dup(3))
mine = os.pidfd_open(1)
for text in (b"{}", b"[", b'{"spawned": 1, "pid": 1}', b'{"exited": 1, "status": -1, "memory": 0, "left": 0}', b"[" * 60000):
    socket.send_fds(control, [text], [mine])
control.close()
os.close(mine)
def told(event, context): return 1
"""
LIAR = """
import os, socket, time
def told(event, context):
    held = b"x" * (90 * 2**20)
    time.sleep(8)
def lie(control, buffers, *rest, send=socket.send_fds):
    return send(control, [b.replace(b'"pid": ', b'"pid": 9') for b in buffers], *rest)
socket.send_fds = lie
"""
MODULES = {"app": APP, "hooks": HOOKS, "bad_before": BAD_BEFORE, "bad_after": BAD_AFTER, "standing": STANDING, "clean": CLEAN}
MODULES |= {
    "hostile": HOSTILE,
    "broken": "import no_such_module\n",
    "liar": LIAR.replace("held", "os.fork()\n    held", 1),
    "own": "from snapshot_restore_py import told\n",
}


class Rig:
    """A pool over the modules above."""

    def __init__(self, pool: WarmPool, logs: MemoryLogs, directory: Path) -> None:
        self.pool, self.logs, self.code, self.mark = pool, logs, directory / "code", directory / "mark"
        self._variables = {"MARK": str(self.mark), "LINES": str(directory / "lines")}

    def function(self, handler: str, **rest: Any) -> Function:
        """A function named as its module."""
        given = {"name": handler.partition(".")[0], "code": self.code, "handler": handler, "timeout": 10.0, "snap_start": True}
        return Function(**(given | {"environment": self._variables} | rest))

    async def run(self, handler: str, event: Any = None, **rest: Any) -> Outcome:
        """Invoke it."""
        invocation = Invocation(self.function(handler, **rest), json.dumps(event).encode(), names.request_id(), "arn:f")
        return await self.pool.invoke(invocation)

    async def told(self, event: Any = None, handler: str = "app.main") -> Any:
        """Its result."""
        outcome = await self.run(handler, event)
        assert not outcome.function_error, outcome.payload
        return json.loads(outcome.payload)

    def lines(self, name: str, start: str) -> list[str]:
        """What the log of a function has of such lines."""
        return [line for line in self.logs.of(name) if line.startswith(start)]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    (tmp_path / "code").mkdir()
    for name, text in MODULES.items():
        (tmp_path / f"code/{name}.py").write_text(text)
    (tmp_path / "lines").write_text("one\ntwo\nthree\n")
    logs = MemoryLogs()
    async with serving(tmp_path, logs) as pool:
        yield Rig(pool, logs, tmp_path)
    assert all(stream.closed for stream in logs.streams)
    assert list((tmp_path / "state" / "tmp").iterdir()) == []
    assert processes_of("fn:app") == []


async def test_an_init_for_all_environments(rig: Rig) -> None:
    rig.pool.provision([rig.function("app.main")])
    assert await rig.pool.provisioned(20)
    assert rig.mark.read_text() == "x"
    found = await asyncio.gather(*(rig.told(0.3) for _ in range(3)))
    again = await rig.told()
    assert rig.mark.read_text() == "x"
    for unlike in ("pid", "random", "uuid", "stream"):
        assert len({one[unlike] for one in found}) == 3, unlike
    assert {one["born"] for one in found} == {again["born"]}
    assert [one["line"] for one in [*found, again]] == ["two\n", "two\n", "two\n", "three\n"]  # each with a position of its own
    assert [one["count"] for one in [*found, again]] == [1, 1, 1, 2]
    assert {(one["type"], one["left"], one["tmp"]) for one in found} == {("snap-start", "1", True)}
    assert all(one["fds"][:5] == [0, 1, 2, 3, 4] and len(one["fds"]) == 7 for one in found)  # the file, and the directory that was listed


async def test_what_is_logged(rig: Rig) -> None:
    outcome = await rig.run("app.main")
    await rig.run("app.main")
    template, environment = [[line.partition("\t")[0] for line in rig.logs.streams[at].messages] for at in (1, 0)]
    assert [template[0][:33], *template[1:]] == [
        "INIT_START Runtime Version: pytho",
        "initialising",
        template[2],
    ]
    assert re.fullmatch(r"INIT_REPORT Init Duration: \d+\.\d\d ms", template[2])
    assert [line.split()[0] for line in environment] == ["RESTORE_START", "RESTORE_REPORT", *["START", "[ERROR]", "END", "REPORT"] * 2]
    first, second = rig.lines("app", "REPORT")
    pattern = r"Max Memory Used: \d+ MB\tRestore Duration: (\d+\.\d\d) ms\tBilled Restore Duration: (\d+) ms\t$"
    said = re.search(pattern, first)
    assert said is not None
    assert outcome.billed_ms >= float(said[1])
    assert ("Restore" in second, "Init Duration" in first) == (False, False)
    (record,) = [line for line in outcome.log if "ERROR" in line]
    assert record.endswith("\ttwo\nlines")


async def test_an_environment_that_crashed_is_followed_by_another_fork(rig: Rig) -> None:
    first = await rig.told()
    outcome = await rig.run("app.main", "vanish")
    assert outcome.error_type == "Runtime.ExitError"
    second = await rig.told()
    assert (second["count"], second["pid"] != first["pid"]) == (1, True)
    pid = here(second["pid"])
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not alive(pid))
    assert (await rig.told())["count"] == 1
    assert rig.mark.read_text() == "x"


async def test_a_timeout_ends_the_environment_and_what_it_started(rig: Rig) -> None:
    await rig.run("app.main", "detach", timeout=2.5)
    assert len(processes_of("fn:app")) == 3  # template, environment, and its child
    (environment,) = rig.pool._roster
    outcome = await rig.run("app.main", 30.0, timeout=2.5)
    assert outcome.error_type == "Sandbox.Timedout"
    await until(lambda: len(processes_of("fn:app")) == 1, 5)
    await until(lambda: environment.state is State.CLOSED)


async def test_a_fork_that_grows_with_what_it_starts_is_ended_and_no_other(rig: Rig) -> None:
    rig.pool.provision([rig.function("app.main", memory=128)])
    assert await rig.pool.provisioned(20)
    other = asyncio.create_task(rig.run("app.main", 1.5, memory=128))
    outcome = await rig.run("app.main", "grow", memory=128)
    assert outcome.error_type == "Runtime.OutOfMemory"
    assert json.loads((await other).payload)["count"] == 1
    assert json.loads((await rig.run("app.main", None, memory=128)).payload)["count"] == 2


async def test_a_template_that_lies_about_its_forks_ends_when_they_grow(rig: Rig) -> None:
    with pytest.raises(SpawnerDied):
        await rig.run("liar.told", memory=128)


async def test_a_fork_that_listens_is_told_of_its_end(rig: Rig) -> None:
    await rig.told("bye")
    rig.pool.evict("app")
    await until(lambda: not rig.pool._roster, 5)
    assert [stream.messages[-1] for stream in rig.logs.streams if stream.messages[0].startswith("RESTORE")] == ["bye"]


async def test_a_template_that_dies_takes_its_environments_along_and_is_followed_by_another(rig: Rig) -> None:
    rig.pool.provision([rig.function("app.main")])
    slow = asyncio.create_task(rig.run("app.main", 8.0))
    await until(lambda: bool(rig.lines("app", "START")), 10)
    with pytest.raises(SpawnerDied):  # by whose hand it died nobody can tell
        await rig.run("app.main", "kill_template")
    with pytest.raises(SpawnerDied):
        await slow
    assert (await rig.told())["count"] == 1
    assert rig.mark.read_text() == "xx"


async def test_code_that_changed_is_initialised_anew_while_the_old_goes_on(rig: Rig) -> None:
    slow = asyncio.create_task(rig.told(1.0))
    await until(lambda: bool(rig.lines("app", "START")), 10)
    (rig.code / "app.py").write_text(APP.replace("def told", "born = 'new'\ndef told"))
    rig.pool.retire("app")
    assert (await rig.told())["born"] == "new"
    assert (await slow)["born"] != "new"
    await until(lambda: len(processes_of("fn:app")) == 2, 5)  # the old template is gone with its last environment


async def test_hooks_run_in_awss_order(rig: Rig) -> None:
    assert await rig.told(handler="hooks.told") == ["second before", "first before", "first after", "second after"]
    (rig.code / "snapshot_restore_py.py").write_text(
        "def told(event, context): return 'my own'\nget_before_snapshot = get_after_restore = list\n"
    )
    assert await rig.told(handler="own.told") == "my own"


async def test_hooks_without_a_snapshot_are_not_run(rig: Rig) -> None:
    assert json.loads((await rig.run("hooks.told", snap_start=False)).payload) == []


@pytest.mark.parametrize(("module", "kind"), [("bad_before", "Runtime.BeforeSnapshotError"), ("bad_after", "Runtime.AfterRestoreError")])
async def test_a_hook_that_fails_is_an_error_that_says_so(rig: Rig, module: str, kind: str) -> None:
    outcome = await rig.run(f"{module}.told")
    error = json.loads(outcome.payload)
    assert (outcome.error_type, error["errorType"], error["errorMessage"]) == (kind, kind, "not now")


async def test_an_init_that_cannot_be_forked_is_refused_by_name(rig: Rig) -> None:
    outcome = await rig.run("standing.told")
    error = json.loads(outcome.payload)
    assert error["errorType"] == outcome.error_type == "Runtime.SnapshotRefused"
    for part in (
        r"there are: thread poller, ",
        r"socket \d+, ",
        r"socket \d+ \(connected to 127\.0\.0\.1:\d+\)",
        r"\(pipe:\[\d+\]\)",
        r"process \d+\. ",
    ):
        assert re.search(part, error["errorMessage"]), (part, error["errorMessage"])
    assert rig.lines("standing", "INIT_REPORT")[0].endswith("Status: error\tError Type: Runtime.SnapshotRefused")
    await until(lambda: processes_of("fn:standing") == [], 5)
    assert await rig.told(handler="clean.told") == 1


async def test_an_init_that_fails_is_told_as_ever(rig: Rig) -> None:
    outcome = await rig.run("broken.told")
    assert json.loads(outcome.payload)["errorMessage"] == "Unable to import module 'broken': No module named 'no_such_module'"
    assert outcome.log[-1].endswith("Status: error\tError Type: Runtime.ImportModuleError")


async def test_nothing_that_a_template_says_is_believed(rig: Rig) -> None:
    """Its init has the daemon's socket in its hands; it only harms itself."""
    outcomes = await asyncio.gather(*(rig.run("hostile.told") for _ in range(2)), return_exceptions=True)
    assert not any(isinstance(one, Outcome) and one.payload == b"2" for one in outcomes)
    assert (await rig.told())["count"] == 1


@pytest.mark.parametrize("given", [None, Path(sys.executable)])
async def test_a_template_in_an_interpreter_of_its_own(rig: Rig, given: Path | None) -> None:
    """The function's, or one whose loader knows where the function's shared libraries are."""
    (rig.code / "libnone.so").touch()
    outcomes = await asyncio.gather(*(rig.run("app.main", 0.2, python=given) for _ in range(2)))
    found = [json.loads(outcome.payload) for outcome in outcomes]
    assert (len({one["pid"] for one in found}), rig.mark.read_text()) == (2, "x")
    assert found[0]["fds"][:5] == [0, 1, 2, 3, 4]


async def test_a_template_heeds_variables_for_the_interpreter(rig: Rig) -> None:
    variables = {**rig.function("app.main").environment, "PYTHONHASHSEED": "0"}
    (rig.code / "seeded.py").write_text("def told(event, context): return hash('a')\n")
    told = [await rig.run("seeded.told", environment=variables) for _ in range(2)]
    seeded = subprocess.run(
        [sys.executable, "-c", "print(hash('a'))"], env={"PYTHONHASHSEED": "0"}, capture_output=True, timeout=30, check=True
    )
    assert {one.payload for one in told} == {seeded.stdout.strip()}
