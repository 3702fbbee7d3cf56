"""Workers that are forked before anybody wants one: they are taken, replaced, and know of nothing."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.runtime import processes
from router.runtime.blanks import TITLE
from router.telemetry.metrics import Metrics
from tests.helpers.house import ROOT
from tests.helpers.logs import MemoryLogs
from tests.helpers.pools import PoolBench, serving, written
from tests.integration.daemon_rig import alive, title_of

HANDLERS = """
import os
def echo(event, context): return event
def secret(event, context): return len(os.environ["SECRET"])
def mounts(event, context):
    with open("/proc/self/mountinfo") as file: return sorted(line.split()[4] for line in file)
"""


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[PoolBench]:
    logs, metrics, code = MemoryLogs(), Metrics(), written(tmp_path / "code", {"app.py": HANDLERS})
    async with serving(tmp_path, logs, metrics) as pool:
        yield PoolBench(pool, logs, metrics, code)


def waiting(bench: PoolBench) -> list[int]:
    """The spawner's blanks that have settled: those that have an init are that init."""
    guard = bench.pool._runtimes["python"].shared.launcher.pid
    rows = processes.table()
    (spawner,) = [row.pid for row in rows if row.parent == guard]
    blanks = [row.pid for row in rows if row.parent == spawner and title_of(row.pid) == TITLE and not row.zombie]
    apart = bench.pool.machine().works("namespaces")
    return [pid for pid in blanks if not apart or any(row.parent == pid for row in rows)]


async def blank(bench: PoolBench, other_than: int = 0) -> int:
    """The one that waits, once it does."""
    async with asyncio.timeout(10):
        while not (found := [pid for pid in waiting(bench) if pid != other_than]):
            await asyncio.sleep(0.01)
    (pid,) = found
    return pid


async def ran(bench: PoolBench, handler: str, event: Any = None, **rest: Any) -> Any:
    outcome = await bench.run(bench.function(f"app.{handler}", **rest), event)
    assert not outcome.function_error, outcome.payload
    return json.loads(outcome.payload)


def worker(bench: PoolBench, name: str) -> int:
    (found,) = [one for one in bench.pool._roster if one.function.name == name]  # type: ignore[attr-defined]
    pid: int = found._worker.pid  # type: ignore[attr-defined]
    return pid


def holds(pid: int, text: bytes) -> bool:
    """Whether a process has these bytes in memory that it may write."""
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights = line.split()[:2]
            begin, end = (int(part, 16) for part in place.split("-"))
            if rights.startswith("rw"):
                memory.seek(begin)
                if text in memory.read(end - begin):
                    return True
    return False


async def test_a_cold_start_takes_the_one_that_waits_and_another_comes(bench: PoolBench) -> None:
    first = await blank(bench)
    assert await ran(bench, "echo", 1) == 1
    assert worker(bench, "echo") == first
    second = await blank(bench, first)
    assert await ran(bench, "mounts")
    assert worker(bench, "mounts") == second


async def test_many_at_once_need_not_wait_for_one(bench: PoolBench) -> None:
    first = await blank(bench)
    found = await asyncio.gather(*(ran(bench, "echo", number, name=f"f{number}") for number in range(8)))
    assert found == [*range(8)]
    pids = {worker(bench, f"f{number}") for number in range(8)}
    assert len(pids) == 8
    assert first in pids
    await blank(bench)


@pytest.mark.fault
async def test_one_that_is_killed_costs_nothing_and_is_replaced_when_one_is_wanted(bench: PoolBench) -> None:
    first = await blank(bench)
    os.kill(first, signal.SIGKILL)
    while alive(first):
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.3)
    assert waiting(bench) == []  # what kills them must not have us fork for ever
    assert await ran(bench, "echo", 1) == 1
    await blank(bench)


@pytest.mark.fault
async def test_one_whose_process_is_killed_while_its_init_lives_is_not_taken(bench: PoolBench) -> None:
    if not bench.pool.machine().works("namespaces"):
        pytest.skip(f"this machine lacks namespaces: {bench.pool.machine().why('namespaces')}")
    first = await blank(bench)
    os.kill(first, signal.SIGSTOP)  # so that it does not end with its child
    (child,) = [row.pid for row in processes.table() if row.parent == first]
    os.kill(child, signal.SIGKILL)
    while alive(child):
        await asyncio.sleep(0.001)
    assert await ran(bench, "echo", 1) == 1
    assert worker(bench, "echo") != first
    async with asyncio.timeout(5):
        while alive(first):
            await asyncio.sleep(0.01)


@pytest.mark.skipif(os.geteuid() != 0, reason="reading another process's memory takes root")
async def test_it_holds_nothing_of_a_function(bench: PoolBench) -> None:
    secret = "swordfish-" + os.urandom(8).hex()
    first = await blank(bench)
    assert await ran(bench, "secret", environment={"SECRET": secret}) == len(secret)
    assert any(holds(row.pid, secret.encode()) for row in processes.below([first], processes.table()) or [first])
    second = await blank(bench, first)
    family = [second, *(row.pid for row in processes.below([second], processes.table()))]
    assert not any(holds(pid, secret.encode()) for pid in family)


async def test_what_is_mounted_for_one_later_does_not_show_in_another(bench: PoolBench) -> None:
    before = await ran(bench, "mounts")
    for number in range(3):
        await blank(bench)
        await ran(bench, "echo", name=f"f{number}")
    assert await ran(bench, "mounts") == before


async def test_nothing_is_left_of_them(tmp_path: Path) -> None:
    logs, metrics = MemoryLogs(), Metrics()
    async with serving(tmp_path, logs, metrics) as pool:
        bench = PoolBench(pool, logs, metrics, written(tmp_path / "code", {"app.py": HANDLERS}))
        first = await blank(bench)
        lines = Path(f"/proc/{first}/cgroup").read_text().splitlines()
    assert not alive(first)
    groups = [
        Path("/sys/fs/cgroup", name, path.lstrip("/")) for _, name, path in (line.split(":", 2) for line in lines) if "router-" in path
    ]
    assert [group for group in groups if group.exists()] == []


UNSETTLED = """
import os, sys, time
from router.runtime import blanks, frames, sandbox_calls
made = blanks.fork(blanks.Kind(sandbox_calls.CLONE_NEWNS, False), blanks.Grounds("/nowhere"), name="", parent=blanks.Parent(os.getpid(), 64, 0))
if isinstance(made, blanks.Assignment):
    os._exit(3)
until = time.monotonic() + 10
while made.fit() and time.monotonic() < until:
    time.sleep(0.005)
print(made.fit())
requests, responses = os.pipe(), os.pipe()
body = memoryview(b'\\n{"function": "f", "tmp": "", "variables": {}}')
blanks.Blank(made.pid, made.handle, made.control, blanks.Place()).tell({"spawn": 1}, body, [requests[0], responses[1], 1], blanks.Grounds())
print(*frames.Decoder(1 << 20).feed(os.read(responses[0], 65536)))
print(os.waitstatus_to_exitcode(os.waitpid(made.pid, 0)[1]))
"""


BROKEN = """
import os
from router.runtime import blanks
def broken(self, kind):
    raise {error}
blanks._Fork._settle = broken
spawner = os.getpid()
try:
    made = blanks.fork(blanks.Kind(0, False), blanks.Grounds(), name="", parent=blanks.Parent(spawner, 64, 0))
except BaseException:  # as the spawner goes on when it can stock none
    print("went on", os.getpid() == spawner, flush=True)
    os._exit(7)
print(type(made).__name__, flush=True)
if {deaf}:
    made.control.close()
print(os.waitstatus_to_exitcode(os.waitpid(made.pid, 0)[1]))
"""


@pytest.mark.parametrize("error", ["ValueError('no fault that is expected')", "SystemExit(0)"])
def test_one_that_breaks_ends_and_does_not_go_on_as_another_spawner(error: str) -> None:
    program = BROKEN.format(error=error, deaf=False)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.splitlines() == ["Blank", "1"], done
    assert error.partition("(")[0] in done.stderr


def test_one_that_could_not_settle_and_finds_nobody_to_tell_ends() -> None:
    program = BROKEN.format(error="OSError(12, 'Cannot allocate memory')", deaf=True)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.splitlines()[0] == "Blank", done
    assert done.stdout.splitlines()[1:] in (["0"], ["1"]), done  # by whether it had spoken before nobody listened


@pytest.mark.skipif(os.geteuid() != 0, reason="a mount namespace of one's own takes root here")
def test_one_that_could_not_settle_says_so_and_so_does_the_worker_it_is_made_all_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", UNSETTLED], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    fit, said, status = done.stdout.splitlines()
    assert (fit, status) == ("False", "1"), done
    assert "The sandbox could not be made: No such file or directory" in said
    assert "Sandbox.Failure" in said
