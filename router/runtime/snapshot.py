"""A template: a function's module initialised once; each of its environments is a fork of that (Lambda SnapStart).

Standard library only; runs in a worker whose requests are not frames but the messages of spawner.py, over a socket of the
same kind. The template is isolated as any worker, and what it forks is born so. An init that leaves behind what no fork
carries over (threads) or what forks would share (sockets, pipes) is refused."""

import fcntl
import gc
import json
import os
import resource
import signal
import socket
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple, NoReturn

from router.runtime import bootstrap, isolation, processes, snapshot_hooks, titles
from router.runtime.blanks import Assignment, Place
from router.runtime.marshalling import Fault
from router.runtime.spawner import Spawner, wakeup

REFUSED: Final = "Runtime.SnapshotRefused"
BEFORE: Final = "Runtime.BeforeSnapshotError"
AFTER: Final = "Runtime.AfterRestoreError"
_FIRST: Final = isolation.RESPONSES + 1  # the first descriptor that may be the function's own


class Opened(NamedTuple):
    """A file that the function has opened while it initialised."""

    number: int
    flags: int
    offset: int
    inheritable: bool


class Template(Spawner):
    """The loop that forks environments, in the process that has initialised the function."""

    def __init__(self, control: socket.socket, files: list[Opened], tmp: str) -> None:
        self._child_signal = signal.getsignal(signal.SIGCHLD)  # the function's own
        self._wakeup = wakeup()
        self._files, self._tmp = files, tmp
        super().__init__(control, os.pidfd_open(os.getppid()), 0, 0)

    def serve_forks(self) -> Assignment | None:
        """See Spawner.serve()."""
        return self.serve(self._wakeup)

    def _drop(self, room: str) -> None:
        left = f"{self._tmp}/{room}"
        if os.path.isdir(left):  # noqa: PTH112
            import shutil  # noqa: PLC0415  # no fork needs it

            shutil.rmtree(left, ignore_errors=True)

    def _work(self, head: dict[str, Any], body: memoryview, descriptors: list[int]) -> Assignment | None:
        """Fork the worker: what it needs to know of the function is here. Raises OSError."""
        pid = os.fork()
        if pid == 0:
            return self._become(head, body, descriptors)
        self._employ(head["spawn"], pid, Place(), os.pidfd_open(pid))
        return None

    def _become(self, head: dict[str, Any], body: memoryview, descriptors: list[int]) -> Assignment:
        """In the fork, which is in its template's sandbox."""
        spec = json.loads(bytes(body)) | {"spawn": head["spawn"]}
        os.setsid()
        isolation.bind_to_parent(self._parent.pid)
        isolation.become_subreaper()
        _place(*descriptors, keep={file.number for file in self._files})
        self._control.detach()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, self._child_signal)
        titles.set_title(f"fn:{spec['function']}")
        isolation.private_tmp(spec["tmp"])
        isolation.prctl(isolation.PR_SET_DUMPABLE, 0)
        _bound(int(spec["variables"]["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]))
        os.environ.update(spec["variables"])  # what the function has added stays
        _move_tmp(self._tmp)
        for file in self._files:
            _reopen(file)
        return Assignment(spec)


def run(spec: dict[str, Any]) -> NoReturn:
    """The whole life of a template, and of every environment forked off it."""
    worker = bootstrap.prepared(spec)
    isolation.become_subreaper()  # in a pid namespace, too, what an environment leaves behind is the template's to end
    handler = worker.loaded(spec["handler"])
    _hooked(worker, snapshot_hooks.run_before_snapshot, BEFORE)
    files, wrong = standing()
    if wrong:
        worker.fail_init(refusal(wrong), REFUSED, [])
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=isolation.REQUESTS)
    template = Template(control, files, spec["tmp"])
    worker.ready()
    assignment = template.serve_forks()
    if assignment is None:
        template.end_all()
        os._exit(0)
    worker.renew(assignment.spec["separator"])
    _vary()
    _hooked(worker, snapshot_hooks.run_after_restore, AFTER)
    worker.ready()
    worker.run(handler)


def _hooked(worker: bootstrap.Worker, hooks: Callable[[], None], error_type: str) -> None:
    try:
        hooks()
    except Fault as fault:
        worker.fail_init(str(fault), error_type, list(fault.trace))
    except Exception as error:  # noqa: BLE001  # whatever a hook raises is its init's error
        message, _, trace = bootstrap.told(error)
        worker.fail_init(message, error_type, trace)


def refusal(wrong: list[str]) -> str:
    """What an operator reads when the snapshot cannot be taken."""
    return (
        f"snap_start needs an init that leaves no threads, sockets, pipes or processes behind; there are: {', '.join(wrong)}. "
        "Start them in the handler or in an after-restore hook, or end them in a before-snapshot hook"
    )


def standing() -> tuple[list[Opened], list[str]]:
    """The files that an init left open, and what it left that cannot be forked, in words."""
    files: list[Opened] = []
    wrong = [f"thread {name}" for name in _threads()]
    for number in sorted(int(name) for name in os.listdir("/proc/self/fd")):  # noqa: PTH208  # no pathlib in a worker
        with suppress(OSError):  # the one that listed the directory is gone
            if number >= _FIRST:
                _sort(number, files, wrong)
    rows = processes.table()
    wrong += [f"process {row.pid}" for row in rows if row.parent == os.getpid() and not row.zombie]
    return files, wrong


def _threads() -> list[str]:
    """All but this one, of whatever language."""
    threading = sys.modules.get("threading")
    names = {} if threading is None else {thread.native_id: thread.name for thread in threading.enumerate()}
    tasks = [name for name in os.listdir("/proc/self/task") if int(name) != os.getpid()]  # noqa: PTH208
    return sorted(names.get(int(name)) or _comm(name) for name in tasks)


def _comm(task: str) -> str:
    try:
        with open(f"/proc/self/task/{task}/comm", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read().strip()
    except OSError:
        return task


def _sort(number: int, files: list[Opened], wrong: list[str]) -> None:
    mode = os.fstat(number).st_mode
    if stat.S_ISREG(mode):
        flags = fcntl.fcntl(number, fcntl.F_GETFL)
        files.append(Opened(number, flags, os.lseek(number, 0, os.SEEK_CUR), os.get_inheritable(number)))
    elif stat.S_ISSOCK(mode):
        wrong.append(f"socket {number}{_peer(number)}")
    elif stat.S_ISCHR(mode) or stat.S_ISDIR(mode):
        files.append(Opened(number, -1, 0, False))
    else:
        wrong.append(f"descriptor {number} ({os.readlink(f'/proc/self/fd/{number}')})")  # noqa: PTH115


def _peer(number: int) -> str:
    """Whom a socket is connected to."""
    try:
        with socket.socket(fileno=os.dup(number)) as found:
            peer = found.getpeername()
    except OSError:
        return ""
    return f" (connected to {peer[0]}:{peer[1]})" if isinstance(peer, tuple) else ""


def _place(requests: int, responses: int, output: int, *, keep: set[int]) -> None:
    """Put a fork's three where a worker has them; all of ours go, the function's files stay."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(requests, isolation.REQUESTS, inheritable=False)
    os.dup2(responses, isolation.RESPONSES, inheritable=False)
    for number in [int(name) for name in os.listdir("/proc/self/fd")]:  # noqa: PTH208
        if number >= _FIRST and number not in keep:
            with suppress(OSError):
                os.close(number)


def _reopen(file: Opened) -> None:
    """A position in a file is shared by all who inherit it: have one of our own."""
    if file.flags < 0:
        return
    with suppress(OSError):  # what may not be opened again stays shared
        fresh = os.open(f"/proc/self/fd/{file.number}", file.flags & ~(os.O_CREAT | os.O_EXCL | os.O_TRUNC))
        os.lseek(fresh, file.offset, os.SEEK_SET)
        os.dup2(fresh, file.number, inheritable=file.inheritable)
        os.close(fresh)


def _bound(memory: int) -> None:
    """All forks are in one group of processes: what each may have is its own data, *memory* MB more than the template has."""
    with open("/proc/self/status", encoding="utf-8") as file:  # noqa: PTH123
        now = next((int(line.split()[1]) for line in file if line.startswith("VmData:")), 0) * 1024
    limit = now + memory * 2**20
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _move_tmp(old: str) -> None:
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None and getattr(tempfile, "tempdir", None) == old:
        tempfile.tempdir = None  # type: ignore[attr-defined]  # looked up anew


def _vary() -> None:
    """No two environments draw the same numbers. uuid4, secrets and TLS ask the kernel or notice the fork themselves."""
    for name in ("random", "numpy.random"):
        module = sys.modules.get(name)
        if module is not None:
            with suppress(Exception):
                module.seed()
