"""Deaths around the spawner: of the daemon, the guard, the spawner; and a machine that is out of something."""

import asyncio
import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router import names
from router.config.types import Function, Limits
from router.errors import EnvironmentUnavailable, SpawnerDied
from router.runtime import frames, processes
from router.runtime.base import Invocation
from router.runtime.blanks import TITLE
from router.runtime.node_programs import installed
from router.runtime.pool import WarmPool
from tests.helpers.logs import MemoryLogs
from tests.helpers.pools import serving
from tests.integration.daemon_rig import title_of

HANDLERS = '''
import os, signal, sys, time
def echo(event, context): return event
def family(event, context):
    """The worker, and a double-forked grandchild in a session of its own without a parent-death signal."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            write(event)
            time.sleep(600)
        os._exit(0)
    write(event)
    time.sleep(600)
def write(path):
    with open(path, "a") as file: file.write(str(os.getpid()) + "\\n")
'''

DAEMON = """
import asyncio, fcntl, os, sys
from pathlib import Path
from router.clock import SystemClock
from router.config.types import Function, Limits
from router.runtime.base import Invocation
from router.runtime.pools import warm_pool
from router.telemetry.metrics import Metrics
from tests.helpers.logs import MemoryLogs

async def main(state, code, mark):
    lock = os.open(state / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    pool = warm_pool(state=state, lock_fd=lock, region="r", variables=lambda f: {}, logs=MemoryLogs(), clock=SystemClock(), limits=Limits(),
                     metrics=Metrics())
    await pool.open()
    f = Function("family", code, "app.family", timeout=600, isolation="none")
    await asyncio.gather(*(pool.invoke(Invocation(f, b'"%s"' % str(mark).encode(), "id", "arn")) for _ in range(2)))

asyncio.run(main(*map(Path, sys.argv[1:])))
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text(HANDLERS)
    return tmp_path / "code"


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[WarmPool]:
    async with serving(tmp_path, MemoryLogs(), limits=Limits()) as pool:
        yield pool


def alive(pid: int) -> bool:
    return any(row.pid == pid and not row.zombie for row in processes.table())


def descendants(pid: int) -> list[int]:
    return [row.pid for row in processes.below([pid], processes.table())]


def pids(mark: Path, count: int) -> list[int]:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if mark.exists() and len(found := mark.read_text().split()) == count:
            return [int(pid) for pid in found]
        time.sleep(0.01)
    raise TimeoutError(mark)


async def echo(pool: WarmPool, code: Path, name: str = "echo") -> object:
    function = Function(name, code, "app.echo", timeout=5)
    return json.loads((await pool.invoke(Invocation(function, b"1", names.request_id(), "arn"))).payload)


def spawner(pool: WarmPool) -> tuple[int, int]:
    """The guard's and the spawner's pid, once the guard has begun."""
    guard = pool._runtimes["python"].shared.launcher.pid
    until = time.monotonic() + 10
    while not (found := [row.pid for row in processes.table() if row.parent == guard and not row.zombie]):
        assert time.monotonic() < until
        time.sleep(0.01)
    (child,) = found
    return guard, child


@pytest.mark.fault
@pytest.mark.parametrize("stopped", [False, True], ids=["", "spawner stopped"])
def test_the_daemon_is_killed_and_nothing_of_it_lives_when_the_lock_is_free(tmp_path: Path, code: Path, stopped: bool) -> None:
    state, mark = tmp_path / "state", tmp_path / "mark"
    state.mkdir()
    daemon = subprocess.Popen([sys.executable, "-c", DAEMON, str(state), str(code), str(mark)])
    workers = pids(mark, 4)
    family = descendants(daemon.pid)
    assert set(workers) <= set(family)
    (guard,) = [row.pid for row in processes.table() if row.parent == daemon.pid]
    if stopped:
        (child,) = [row.pid for row in processes.table() if row.parent == guard]
        os.kill(child, signal.SIGSTOP)
    daemon.kill()
    daemon.wait()
    with (state / "lock").open() as lock:
        until = time.monotonic() + (5 if stopped else 2)
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                assert time.monotonic() < until
                time.sleep(0.002)
            else:
                break
        living = [pid for pid in family if pid != guard and alive(pid)]  # the guard itself may be on its last instructions
    assert living == []


@pytest.mark.fault
@pytest.mark.parametrize("victim", ["guard", "spawner"])
async def test_guard_or_spawner_is_killed_and_both_are_replaced(pool: WarmPool, code: Path, tmp_path: Path, victim: str) -> None:
    function = Function("family", code, "app.family", timeout=60, isolation="none")
    running = asyncio.create_task(pool.invoke(Invocation(function, json.dumps(str(tmp_path / "mark")).encode(), names.request_id(), "arn")))
    family = await asyncio.to_thread(pids, tmp_path / "mark", 2)
    guard, child = spawner(pool)
    os.kill(guard if victim == "guard" else child, signal.SIGKILL)
    with pytest.raises(SpawnerDied):
        await running
    assert [pid for pid in (*family, guard) if alive(pid)] == []
    assert await echo(pool, code) == 1


@pytest.mark.fault
async def test_a_spawner_that_does_not_answer_is_replaced(pool: WarmPool, code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.runtime.launcher._ANSWER", 0.3)
    guard, child = spawner(pool)
    os.kill(child, signal.SIGSTOP)
    with pytest.raises(EnvironmentUnavailable, match="does not answer"):
        await echo(pool, code)
    monkeypatch.undo()
    assert await echo(pool, code) == 1
    assert not alive(child)
    assert not alive(guard)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_the_daemon_alone_decides_when_they_leave(pool: WarmPool, code: Path, number: int) -> None:
    for pid in spawner(pool):
        os.kill(pid, number)
    assert await echo(pool, code) == 1
    assert pool._runtimes["python"].shared.launcher._deaths == 0


async def test_a_spawner_without_descriptors_is_no_fault_of_the_function(pool: WarmPool, code: Path) -> None:
    _, child = spawner(pool)
    limits = resource.prlimit(child, resource.RLIMIT_NOFILE)
    resource.prlimit(child, resource.RLIMIT_NOFILE, (8, limits[1]))
    with pytest.raises(EnvironmentUnavailable, match="no process for an execution environment"):
        await echo(pool, code)
    resource.prlimit(child, resource.RLIMIT_NOFILE, limits)
    assert await echo(pool, code) == 1


async def test_a_daemon_without_descriptors_is_no_fault_of_the_function(pool: WarmPool, code: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    await asyncio.sleep(0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, limits[1]))
    try:
        with pytest.raises(EnvironmentUnavailable, match="no descriptors"):
            await echo(pool, code)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert await echo(pool, code) == 1


async def test_variables_too_large_for_the_start_message_are_said_to_be(pool: WarmPool, code: Path) -> None:
    function = Function("large", code, "app.echo", environment={"A": "x" * 1024 * 1024})
    with pytest.raises(EnvironmentUnavailable, match="start message is too large: the function"):
        await pool.invoke(Invocation(function, b"1", names.request_id(), "arn"))
    assert await echo(pool, code) == 1


FORGED = (b"\xff{", b"[[1]]", b"7", b'["x y"]', b"[" * 5000, b'["' + b"x" * 1000 + b'"]')
FORGERS = {
    "python3.11": ("forger.py", "import os\nos.write(4, bytes.fromhex('{}'))\ndef handler(event, context): pass\n"),
    "nodejs": (
        "forger.cjs",
        "require('fs').writeSync(4, Buffer.from('{}', 'hex')); exports.handler = async () => null\n",
    ),
}


@pytest.mark.server
@pytest.mark.parametrize("runtime", FORGERS)
@pytest.mark.parametrize("meta", FORGED)
async def test_who_forges_that_it_is_ready_is_ended_as_one_that_broke(
    pool: WarmPool, tmp_path: Path, caplog: pytest.LogCaptureFixture, runtime: str, meta: bytes
) -> None:
    """Anything that a function's module writes to the runtime's pipe is the function's error, never the daemon's."""
    if runtime == "nodejs" and not installed():
        pytest.skip("node 18 or later: apt-get install nodejs")
    name, text = FORGERS[runtime]
    (tmp_path / "forged").mkdir()
    (tmp_path / "forged" / name).write_text(text.format(b"".join(frames.encode(frames.READY, meta)).hex()))
    function = Function("forger", tmp_path / "forged", "forger.handler", runtime=runtime, timeout=10)
    outcome = await pool.invoke(Invocation(function, b"1", names.request_id(), "arn"))
    assert (outcome.function_error, outcome.error_type) == ("Unhandled", "Runtime.ExitError")
    assert not caplog.records  # what goes wrong in a callback of the loop is told there


async def settled(spawner: int) -> None:
    """A worker that waits for a function is there again, with its init."""
    async with asyncio.timeout(10):
        while [title_of(pid) for pid in descendants(spawner)].count(TITLE) < 2:
            await asyncio.sleep(0.01)


async def test_nothing_leaks_over_many_environments(pool: WarmPool, code: Path) -> None:
    await echo(pool, code)
    _, child = spawner(pool)
    await settled(child)
    before = (len(os.listdir("/proc/self/fd")), len(os.listdir(f"/proc/{child}/fd")))
    for round_ in range(20):
        assert await echo(pool, code, f"f{round_}") == 1
        pool.retire(f"f{round_}")
    while closing := pool._roster._closing.values():
        await asyncio.wait(closing)
    await settled(child)
    assert (len(os.listdir("/proc/self/fd")), len(os.listdir(f"/proc/{child}/fd"))) == before
    assert len(descendants(child)) == 4  # the one that is idle, the one that waits for a function, and their inits
