"""Bounds of a function's own: memory, temporary files, processes, and what it may ask of the machine. At every level it offers."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router import names
from router.config.types import Function
from router.errors import EnvironmentUnavailable
from router.model import Outcome
from router.runtime import node_programs, processes
from router.runtime.base import Invocation
from router.runtime.environment import _HUNG_UP
from router.runtime.lifecycle import State
from router.runtime.pool import WarmPool
from tests.helpers.confined import left
from tests.helpers.logs import MemoryLogs
from tests.helpers.pools import serving

HANDLERS = '''
import ctypes, json, os, socket, subprocess, sys, tempfile, threading, time
def grow(event, context):
    held = []
    for _ in range(event // 8): held.append(bytearray(8 * 2**20)); time.sleep(0.002)
    return len(held)
def grow_at_once(event, context): return len(bytearray(event * 2**20))
def child_grows(event, context):
    return subprocess.run([sys.executable, "-I", "-S", "-c", f"import time; x = bytearray({event} * 2**20); time.sleep(30)"]).returncode
def fill(event, context):
    where = os.path.join(tempfile.gettempdir(), "big")
    try:
        with open(where, "wb") as file:
            for _ in range(event): file.write(b"x" * 2**20)
    except OSError as error:
        return [error.strerror, os.path.getsize(where) // 2**20]
    finally:
        os.unlink(where)
    return ["written", event]
def bomb(event, context):
    made = 0
    try:
        while made < 5000:
            if os.fork() == 0: time.sleep(600)
            made += 1
    except OSError as error:
        return [error.strerror, made]
def seen(event, context):
    return {"pid": os.getpid(), "tmp": tempfile.gettempdir(), "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
            "user": os.getuid(), "groups": os.getgroups(), "devices": sorted(os.listdir("/dev")),
            "caps": [line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm", "CapInh", "CapAmb"))]}
def network(event, context):
    try:
        with socket.create_connection(("127.0.0.1", event), timeout=3): return "connected"
    except OSError as error:
        return error.strerror
def own_network(event, context):
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()): return "connected"
    except OSError as error:
        return error.strerror
def leaves(event, context):
    while not os.path.exists("gate"): time.sleep(0.01)
    os._exit(7)
def usual(event, context):
    """What ordinary libraries need: threads, subprocesses, TLS contexts, time zones, random numbers, name look-up, temporary files."""
    import ssl, sqlite3, uuid, zoneinfo, multiprocessing
    thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
    database = sqlite3.connect(os.path.join(tempfile.mkdtemp(), "x.db")); database.execute("PRAGMA journal_mode=WAL"); database.execute("CREATE TABLE t (x)")
    return [subprocess.run(["/bin/echo", "hello"], capture_output=True, text=True).stdout, ssl.create_default_context() is not None,
            zoneinfo.ZoneInfo("Europe/Berlin").key, len(os.urandom(8)), uuid.uuid4().version, socket.gethostbyname("localhost"),
            multiprocessing.Lock() is not None]
'''
LEVELS = ("auto", "strict")


class Rig:
    """A pool over those handlers."""

    def __init__(self, pool: WarmPool, logs: MemoryLogs, code: Path) -> None:
        self.pool, self.logs, self.code = pool, logs, code
        self.users: dict[str, int] = {}  # function → its user, as long as the config names users

    def function(self, name: str, **rest: Any) -> Function:
        return Function(**({"name": name, "code": self.code, "handler": f"app.{name}", "timeout": 20.0} | rest))

    async def run(self, function: Function | str, event: Any = None, **rest: Any) -> Outcome:
        function = self.function(function, **rest) if isinstance(function, str) else function
        return await self.pool.invoke(Invocation(function, json.dumps(event).encode(), names.request_id(), f"arn:f:{function.name}"))

    async def told(self, function: Function | str, event: Any = None, **rest: Any) -> Any:
        outcome = await self.run(function, event, **rest)
        assert not outcome.function_error, (outcome.payload, outcome.log)
        return json.loads(outcome.payload)

    def offers(self, name: str) -> bool:
        return self.pool.machine().works(name)

    def only_with(self, name: str) -> None:
        """Skip, saying so, what this machine does not offer."""
        if not self.offers(name):
            pytest.skip(f"this machine lacks {name}: {self.pool.machine().why(name)}")


@pytest.fixture(params=LEVELS)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/app.py").write_text(HANDLERS)
    logs = MemoryLogs()
    async with serving(tmp_path, logs, users=lambda: made.users) as pool:
        made = Rig(pool, logs, tmp_path / "code")
        inner = made.function
        made.function = lambda name, **rest: inner(name, **({"isolation": request.param} | rest))  # type: ignore[method-assign]
        yield made
    assert left() == []


@pytest.mark.parametrize(("handler", "size"), [("grow", 512), ("grow_at_once", 4096), ("child_grows", 4096)])
async def test_more_memory_than_it_has_ends_it_and_is_told(rig: Rig, handler: str, size: int) -> None:
    other = await rig.told("seen")
    outcome = await rig.run(handler, size, memory=128)
    if handler == "child_grows" and not outcome.function_error:
        assert json.loads(outcome.payload) == -9  # the kernel took the child alone, as it does where it chooses
        return
    error = json.loads(outcome.payload)
    assert outcome.error_type == error["errorType"] == "Runtime.OutOfMemory"
    assert error["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert outcome.log[-1].endswith("\tStatus: error\tError Type: Runtime.OutOfMemory")
    assert "\tMemory Size: 128 MB\tMax Memory Used: 128 MB\t" in outcome.log[-1]
    assert (await rig.told("seen"))["pid"] == other["pid"]
    if handler != "child_grows":
        assert await rig.told(handler, 8, memory=128) in {1, 8 * 2**20}


async def test_a_tmp_that_is_full_says_so_and_is_empty_again_for_the_next(rig: Rig) -> None:
    rig.only_with("namespaces")
    function = rig.function("fill", memory=128)
    error, size = await rig.told(function, 600)
    assert (error, 500 <= size <= 512) == ("No space left on device", True)
    assert await rig.told(function, 400) == ["written", 400]  # more than its memory, and no matter


async def test_a_fork_bomb_meets_a_bound_and_ends_with_its_environment(rig: Rig) -> None:
    error, made = await rig.told("bomb", memory=3000)  # each fork has some pages of its own
    assert (error, 500 < made <= 1024) == ("Resource temporarily unavailable", True)
    assert (await rig.told("seen"))["processes"] < 10
    rig.pool.retire("bomb")
    async with asyncio.timeout(10):
        while len(left()) > 4:
            await asyncio.sleep(0.02)


async def test_what_a_function_sees(rig: Rig) -> None:
    rig.only_with("namespaces")
    found = await rig.told("seen")
    assert (found["pid"], found["tmp"], found["processes"] <= 3) == (2, "/tmp", True)
    assert set(found["caps"]) == {"0000000000000000"}
    assert not {"vda", "sda", "mem", "kmsg", "kvm", "fuse"} & set(found["devices"])


def stopped(pid: int) -> bool:
    """Whether the process stands still."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


async def test_what_a_function_ended_with_is_told_though_its_init_gets_the_processor_late(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.only_with("namespaces")
    monkeypatch.setattr("router.runtime.environment._KILLED", 60.0)
    running = asyncio.create_task(rig.run("leaves"))
    async with asyncio.timeout(20):
        while not any(one.state is State.BUSY for one in rig.pool._roster):
            await asyncio.sleep(0.01)
        (environment,) = rig.pool._roster
        init = environment._worker.pid
        os.kill(init, signal.SIGSTOP)
        while not stopped(init):  # until it is, it may still collect its child
            await asyncio.sleep(0.001)
        (rig.code / "gate").touch()
        while not any(row.parent == init and row.zombie for row in processes.table()):
            await asyncio.sleep(0.01)
    await asyncio.sleep(_HUNG_UP + 0.3)  # the daemon has seen no more than a closed channel
    os.kill(init, signal.SIGCONT)
    error = json.loads((await running).payload)
    assert error["errorMessage"].endswith("Error: Runtime exited with error: exit status 7")


async def test_a_user_of_its_own(rig: Rig) -> None:
    rig.only_with("user")
    with pytest.raises(EnvironmentUnavailable, match=r"function seen requires own_user, .*\(the config names no users"):
        await rig.run(rig.function("seen", require=("own_user",)))
    assert (await rig.told("seen"))["user"] == os.getuid()
    rig.users["private"] = 200007
    found = await rig.told(rig.function("private", handler="app.seen"))
    assert (found["user"], found["groups"]) == (200007, [])
    assert await rig.told(rig.function("private", handler="app.fill"), 3) == ["written", 3]
    with pytest.raises(EnvironmentUnavailable, match=r"function other is to run as a user of its own, .*\(the config names too few users"):
        await rig.run(rig.function("other", handler="app.seen"))


async def test_no_network_but_its_own(rig: Rig) -> None:
    rig.only_with("network")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await rig.told("network", port) == "connected"
        assert await rig.told(rig.function("alone", handler="app.network", require=("no_network",)), port) == "Connection refused"
        assert await rig.told(rig.function("alone2", handler="app.own_network", require=("no_network",))) == "connected"


async def test_what_libraries_need_still_works(rig: Rig) -> None:
    assert await rig.told("usual") == ["hello\n", True, "Europe/Berlin", 8, 4, "127.0.0.1", True]


async def test_node_fetches_and_compiles(rig: Rig) -> None:
    if not node_programs.installed():
        pytest.skip("apt-get install nodejs")
    (rig.code / "n.mjs").write_text(
        "import http from 'node:http';\n"
        "export const handler = async () => {\n"
        "  const wasm = await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));\n"
        "  const server = http.createServer((_, answer) => answer.end('served')).listen(0, '127.0.0.1');\n"
        "  await new Promise(done => server.once('listening', done));\n"
        "  const text = await (await fetch(`http://127.0.0.1:${server.address().port}/`)).text();\n"
        "  server.closeAllConnections(); server.close();\n"
        "  return [text, wasm instanceof WebAssembly.Module];\n"
        "};\n"
    )
    for require in ((), ("no_network",)):
        function = rig.function(f"node{len(require)}", handler="n.handler", runtime="nodejs", memory=256, require=require)
        assert await rig.told(function) == ["served", True]


async def test_a_custom_runtime_without_a_network_is_asked_all_the_same(rig: Rig) -> None:
    rig.only_with("network")
    (rig.code / "bootstrap").write_text(
        "#!/usr/bin/python3\n"
        "import http.client, os\n"
        "api = http.client.HTTPConnection(os.environ['AWS_LAMBDA_RUNTIME_API'])\n"
        "while True:\n"
        "    api.request('GET', '/2018-06-01/runtime/invocation/next'); answer = api.getresponse(); body = answer.read()\n"
        "    path = f\"/2018-06-01/runtime/invocation/{answer.getheader('Lambda-Runtime-Aws-Request-Id')}/response\"\n"
        "    api.request('POST', path, body); api.getresponse().read()\n"
    )
    (rig.code / "bootstrap").chmod(0o755)
    function = rig.function("custom", handler="x", runtime="provided.al2023", require=("no_network",))
    assert [await rig.told(function, number) for number in range(2)] == [0, 1]


async def test_a_function_that_cannot_have_what_it_requires_is_refused_and_no_other(rig: Rig) -> None:
    rig.pool.machine()
    (shared,) = {runtime.shared for runtime in rig.pool._runtimes.values()}  # type: ignore[attr-defined]
    shared.launcher.controls["namespaces"] = "Operation not permitted"
    with pytest.raises(
        EnvironmentUnavailable, match=r"function seen requires private_tmp, .*Operation not permitted.*run the daemon as root"
    ):
        await rig.run(rig.function("seen", require=("private_tmp",)))
    assert (await rig.told(rig.function("seen", isolation="auto")))["tmp"] != "/tmp"
