"""A hostile function in a whole daemon, with isolation: strict: what it must not reach, it does not; as root and as an ordinary user.

The handler tries and tells what it got."""

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.house import ROOT, free_port

CANARY = "swordfish-7181"
NOBODY = 65534
SYSTEM_PYTHON = "/usr/bin/python3"

HOSTILE = r'''
import ctypes, glob, json, os, signal, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def tried(call):
    """What a try brought: its result, or the error it met."""
    try: return call()
    except Exception as error: return f"{type(error).__name__}: {error}"
def read(path):
    with open(path, "rb") as file: return file.read(1 << 20).decode("latin-1")
def number(name, *arguments):
    result = libc.syscall(name, *[ctypes.c_long(one) if isinstance(one, int) else one for one in arguments])
    if result < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def pids(): return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
def everywhere(kind):
    found = []
    for pid in pids():
        for path in (f"/proc/{pid}/environ", f"/proc/{pid}/cmdline"):
            text = tried(lambda: read(path))
            if CANARY in text: found.append(path)
    return found
def files(paths):
    found = []
    for path in paths:
        for way in (path, f"/proc/self/root{path}", *[f"/proc/{pid}/root{path}" for pid in pids()[:5]], *[f"/proc/{pid}/cwd/{path}" for pid in pids()[:5]]):
            if not (tried(lambda: read(way)) or "NothingError").split(":")[0].endswith("Error"): found.append(way)
        link = "/tmp/link"
        for make in (os.symlink, os.link):
            tried(lambda: os.unlink(link)); tried(lambda: make(path, link))
            if not (tried(lambda: read(link)) or "NothingError").split(":")[0].endswith("Error"): found.append(f"{make.__name__} {path}")
    return found
def writes(paths):
    found = []
    for path in paths:
        if tried(lambda: open(path, "a").close()) is None: found.append(path)
    return found
def unix(paths):
    found = []
    for path in paths:
        with socket.socket(socket.AF_UNIX) as client:
            if tried(lambda: client.connect(path)) is None: found.append(repr(path))
    return found
def signals():
    found = []
    for pid in TARGETS:
        if tried(lambda: os.kill(pid, 0)) is None: found.append(pid)
    return found
def reach():
    found = []
    for pid in TARGETS:
        if tried(lambda: number(101 if os.uname().machine == "x86_64" else 117, 16, pid, 0, 0)) == 0: found.append(f"ptrace {pid}")
        if isinstance(tried(lambda: os.pidfd_open(pid)), int): found.append(f"pidfd {pid}")
        if not tried(lambda: read(f"/proc/{pid}/maps")).split(":")[0].endswith("Error"): found.append(f"maps {pid}")
        if not isinstance(tried(lambda: os.listdir(f"/proc/{pid}/fd")), str): found.append(f"fd {pid}")
    return found
def calls():
    """Dangerous system calls of x86_64, and what each answers; those that are not refused."""
    found = []
    for name, arguments in {"unshare user": (272, 0x10000000), "unshare mount": (272, 0x20000), "setns": (308, 0, 0), "mount": (165, b"none", b"/tmp", b"tmpfs", 0, None),
                            "umount": (166, b"/proc", 2), "pivot_root": (155, b"/", b"/"), "chroot": (161, b"/"), "bpf": (321, 5, None, 0), "keyctl": (250, 0, -1, 0),
                            "perf": (298, None, 0, -1, -1, 0), "userfaultfd": (323, 0), "io_uring": (425, 1, None), "clone3": (435, None, 0), "open_by_handle_at": (304, -100, None, 0),
                            "process_vm_readv": (310, 1, None, 0, None, 0, 0), "pidfd_getfd": (438, 0, 0, 0), "kexec": (246, 0, 0, None, 0), "init_module": (175, None, 0, b""),
                            "vsock": (41, 40, 1, 0), "packet": (41, 17, 3, 0), "netlink audit": (41, 16, 3, 9), "fsopen": (430, b"tmpfs", 0)}.items():
        text = tried(lambda: number(*arguments))
        if not (isinstance(text, str) and any(word in text for word in ("not permitted", "not implemented", "not supported by protocol"))): found.append(f"{name}: {text}")
    return found
def runtime_apis(ports):
    """Ports at which somebody else's runtime asks for events, and that answer this process too."""
    found = []
    for port in ports:
        def ask():
            with socket.create_connection(("127.0.0.1", port), timeout=3) as client:
                client.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
                client.settimeout(3)
                return client.recv(4096).split(b" ")[1]
        if tried(ask) == b"200": found.append(port)
    return found
def devices(): return [path for path in glob.glob("/dev/*") if os.path.basename(path) not in {"null","zero","full","random","urandom","tty","fd","stdin","stdout","stderr","shm"}]
def handler(event, context):
    global CANARY, TARGETS
    CANARY, TARGETS = "sword" + "fish-7181", event["pids"]
    tries = {"environments": lambda: everywhere(0), "files": lambda: files(event["files"]), "writes": lambda: writes(event["writes"]),
             "unix": lambda: unix(event["unix"]), "abstract": lambda: unix(["\0" + name for name in event["abstract"]]), "signals": signals, "reach": reach, "runtime_apis": lambda: runtime_apis(event["ports"]),
             "calls": (calls if os.uname().machine == "x86_64" else list), "devices": devices, "environ": lambda: [name for name in event["variables"] if name in os.environ],
             "tmp": lambda: [name for name in os.listdir("/tmp") if name.startswith("victim")], "own": lambda: [n for n in os.listdir("/proc/self/fd") if int(n) > 4 and os.path.exists(f"/proc/self/fd/{n}") and not os.readlink(f"/proc/self/fd/{n}").startswith("/proc")]}
    return {name: tried(call) for name, call in tries.items() if name in event.get("only", tries)}
'''
VICTIM = """
import os, tempfile, time
def handler(event, context):
    with open(os.path.join(tempfile.gettempdir(), "victim"), "w") as file: file.write(os.environ["SECRET"])
    return [os.environ["SECRET"], tempfile.gettempdir()]
"""
PROVIDED = """#!/usr/bin/python3 -ISu
import http.client, json, os
BASE = "/2018-06-01/runtime/invocation/"
def ask(method, path, body=""):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, BASE + path, body)
    answer = connection.getresponse()
    answer.read()
    return answer.headers.get("Lambda-Runtime-Aws-Request-Id")
while True:
    ask("POST", ask("GET", "next") + "/response", os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")[2])
"""
LEAK = """
import re
def handler(event, context):
    found = []
    needle = re.compile(b"swordfish-7181[-]victim")  # and not the word itself: this source is in memory too
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as mem:
        for line in maps:
            low, high = (int(part, 16) for part in line.split()[0].split("-"))
            if "r" not in line.split()[1] or "[v" in line: continue
            try:
                mem.seek(low)
                data = mem.read(high - low)
            except OSError: continue
            found += [line.strip() for _ in needle.findall(data)]
    return found
"""
CONFIG = """
version: 1
state: {state}
listen: {{http: "127.0.0.1:{http}", aws: off, console: "127.0.0.1:{console}"}}
functions:
  victim: {{code: ./victim, handler: app.handler, isolation: {level}, environment: {{SECRET: {canary}-victim}}}}
  hostile: {{code: ./hostile, handler: app.handler, isolation: {level}, timeout: 60}}
  provided: {{code: ./provided, handler: none, runtime: provided.al2023, isolation: {level}}}
  leak: {{code: ./leak, handler: app.handler, isolation: {level}, timeout: 60}}
"""


class Place:
    """A daemon of somebody's, in a directory of theirs, driven by its own command line."""

    def __init__(self, directory: Path, user: int, level: str) -> None:
        self.directory, self.user = directory, user
        self.http, self.console = free_port(), free_port()
        for name, text in (("victim", VICTIM), ("hostile", HOSTILE), ("leak", LEAK)):
            (directory / name).mkdir()
            (directory / name / "app.py").write_text(text)
        (directory / "provided").mkdir()
        (directory / "provided/bootstrap").write_text(PROVIDED)
        (directory / "provided/bootstrap").chmod(0o755)
        (directory / "config.yaml").write_text(
            CONFIG.format(state=directory / "state", http=self.http, console=self.console, level=level, canary=CANARY)
        )
        if user != os.geteuid():
            for path in (directory, *directory.rglob("*")):
                os.chown(path, user, user)
        self.log = (directory / "log").open("w+")
        self.process = subprocess.Popen(self._command("run"), env=self._environment(), stdout=self.log, stderr=self.log)

    def _command(self, *words: str) -> list[str]:
        python = sys.executable if self.user == os.geteuid() else SYSTEM_PYTHON
        drop = [] if self.user == os.geteuid() else ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"]
        return [*drop, python, "-m", "router.cli", *words, "--config", str(self.directory / "config.yaml")]

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": path,
            "DAEMONS_OWN": f"{CANARY}-daemon",
            "HOME": "/nonexistent",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def invoke(self, function: str, event: Any = None) -> Any:
        done = subprocess.run(
            self._command("invoke", function, "-e", "-"),
            env=self._environment(),
            input=json.dumps(event),
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, (done.stdout, done.stderr, self.said())
        return json.loads(done.stdout)

    def said(self) -> str:
        return (self.directory / "log").read_text()[-3000:]

    def up(self) -> None:
        until = time.monotonic() + 30
        while not (self.directory / "state/control.sock").exists():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < until, self.said()
            time.sleep(0.05)

    def family(self) -> list[int]:
        """The daemon and all below it, as they are known outside."""
        from router.runtime import processes

        return [self.process.pid, *(row.pid for row in processes.below([self.process.pid], processes.table()))]

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        finally:
            self.process.kill()
            self.process.wait()
            self.log.close()


def users() -> list[Any]:
    """The user that runs the tests, and for root somebody ordinary, too."""
    return [
        pytest.param(os.geteuid(), id="root" if os.geteuid() == 0 else "ordinary"),
        *([pytest.param(NOBODY, id="ordinary")] if os.geteuid() == 0 else []),
    ]


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = Path(f"/var/tmp/router-escape-{os.getpid()}-{time.monotonic_ns()}")
    made.mkdir(mode=0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def put_up(directory: Path, user: int, level: str) -> Place:
    if user != os.geteuid():
        reason = f"needs setpriv and a {SYSTEM_PYTHON} that can import our packages"
        ready = shutil.which("setpriv") and os.access(SYSTEM_PYTHON, os.X_OK)
        probe = [
            *("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", SYSTEM_PYTHON, "-c"),
            f"import sys; assert sys.version_info[:2] == {sys.version_info[:2]!r}; import apsw, uvloop, router.daemon",
        ]
        path = os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))
        if (
            not ready
            or subprocess.run(probe, env={"PYTHONPATH": path, "PATH": os.environ["PATH"]}, capture_output=True, check=False).returncode
        ):
            pytest.skip(reason)
    return Place(directory, user, level)


def tries(place: Place, abstract: str) -> dict[str, Any]:
    """What the hostile function is to try."""
    directory, state = place.directory, place.directory / "state"
    kept = (state / "journal.db", state / "console.token", state / "lock", directory / "config.yaml")
    told = (directory / "victim/app.py", directory / "log", *state.rglob("*.log"), Path("/etc/shadow"))
    inside = (directory / "hostile/app.py", directory / "new", state / "new")
    return {
        "pids": place.family(),
        "files": [str(path) for path in (*kept, *told)],
        "writes": [str(path) for path in (*inside, Path("/etc/new"), Path("/usr/new"), Path("/proc/sys/kernel/core_pattern"))],
        "unix": [str(state / "control.sock"), "/run/docker.sock", "/run/dbus/system_bus_socket"],
        "abstract": [abstract],
        "variables": ["DAEMONS_OWN", "SECRET", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "LISTEN_FDS"],
        "ports": [place.invoke("provided")],
    }


@pytest.fixture
def abstract() -> Iterator[str]:
    """The name of an abstract socket at which somebody listens."""
    name = f"router-escape-{os.getpid()}-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        yield name


@pytest.mark.parametrize("user", users())
def test_a_hostile_function_reaches_nothing_that_is_not_its_own(directory: Path, user: int, abstract: str) -> None:
    place = put_up(directory, user, "strict")
    try:
        place.up()
        status = json.loads(
            subprocess.run(
                place._command("doctor", "--output", "json"), env=place._environment(), capture_output=True, text=True, check=False
            ).stdout
        )
        lacking = [row["name"] for row in status if row["name"].startswith("isolation ") and row["required"] and not row["ok"]]
        if lacking:
            pytest.skip(f"this machine lacks for strict: {', '.join(lacking)}")
        assert place.invoke("victim")[0] == f"{CANARY}-victim"
        found = place.invoke("hostile", tries(place, abstract))
        found["writes"] = [path for path in found["writes"] if os.path.lexists(path)]  # elsewhere it was a /tmp of its own
        assert found == {name: [] for name in found}
        assert place.invoke("victim")[0] == f"{CANARY}-victim"
        assert place.process.poll() is None
    finally:
        place.close()


def test_without_isolation_the_same_function_reaches_what_is_there(directory: Path, abstract: str) -> None:
    """What the tries are worth: each finds something where nothing is in its way. Those that would harm this machine then are left out."""
    place = put_up(directory, os.geteuid(), "none")
    try:
        place.up()
        assert place.invoke("victim")[0] == f"{CANARY}-victim"
        asked = tries(place, abstract) | {"variables": ["AWS_LAMBDA_FUNCTION_NAME"], "writes": [str(directory / "new")]}
        found = place.invoke("hostile", asked | {"only": ["files", "writes", "unix", "abstract", "signals", "environ"]})
        assert {name for name, what in found.items() if not what} == set(), found
        assert {str(directory / "config.yaml"), str(directory / "victim/app.py")} <= set(found["files"])
        assert repr(str(directory / "state/control.sock")) in found["unix"]
    finally:
        place.close()


@pytest.mark.parametrize("user", users())
def test_a_workers_own_memory_holds_nothing_of_other_functions(directory: Path, user: int) -> None:
    place = put_up(directory, user, "none")  # as the fork server leaves it, whatever a sandbox adds
    try:
        place.up()
        assert place.invoke("victim")[0] == f"{CANARY}-victim"
        if user == 0:
            assert place.invoke("leak") == []
    finally:
        place.close()
