"""The spawner: forks a worker for each environment (a fork server), reports their ends, and leaves nothing behind them.

A process of its own, started by guard.py; standard library only. It speaks over a SOCK_SEQPACKET socket, one JSON object a
message:

    daemon → spawner   {"spawn": id, …what bootstrap.py wants}  with its requests, responses, output (SCM_RIGHTS)
                       {"kill": id}    {"term": id}
    spawner → daemon   {"spawned": id, "pid": n}  with the worker's pidfd        {"failed": id, "error": text}
                       {"exited": id, "status": wait status, "memory": KiB, "left": n}   n processes that would not die

The end of the socket is the daemon's death, and every worker's."""

import gc
import json
import os
import resource
import select
import signal
import socket
import time
from contextlib import suppress
from typing import Any, Final, NamedTuple

from router.runtime import isolation, processes

MESSAGE_LIMIT: Final = 256 * 1024  # bytes of one message
_DESCRIPTORS: Final = 3
STUBBORN: Final = 2.0  # seconds after which an exit is reported though descendants are left (uninterruptible sleep)


class Assignment(NamedTuple):
    """What a fresh worker is to become; only the worker ever holds one."""

    spec: dict[str, Any]
    missing: list[str]  # always-on controls that did not take


class Exit(NamedTuple):
    """A reaped worker whose tree is not proven gone yet."""

    number: int
    status: int
    memory: int
    at: float


class Spawner:
    """The event loop of the spawner proper. Single-threaded: workers' parent-death signal is bound to this thread."""

    def __init__(self, control: Any, guard: int, highest: int, niceness: int) -> None:
        self._control = control
        self._guard = guard  # pidfd
        self._highest = highest  # descriptor number
        self._niceness = niceness
        self._pid = os.getpid()
        self._workers: dict[int, int] = {}  # pid → id
        self._exits: list[Exit] = []
        self._sweep = False

    def serve(self, wakeup: int) -> Assignment | None:
        """Serve until the daemon or the guard is gone; give an Assignment in each forked worker, None in the spawner."""
        poll = select.poll()
        for watched in (self._control.fileno(), wakeup, self._guard):
            poll.register(watched, select.POLLIN)
        while True:
            ready = {number for number, _ in poll.poll(2 if self._sweep else None)}
            if wakeup in ready:
                os.read(wakeup, 4096)
                self._reap()
            if self._sweep:
                self._settle()
            if self._guard in ready:
                return None
            if self._control.fileno() in ready:
                message, descriptors = self._receive()
                if not message:
                    return None
                assignment = self._obey(message, descriptors)
                if assignment is not None:
                    return assignment

    def end_all(self) -> None:
        """Kill every worker and all that is below this process."""
        for pid in self._workers:
            _kill_group(pid)
        processes.sweep(self._pid)

    def _receive(self) -> tuple[dict[str, Any], list[int]]:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_LIMIT, _DESCRIPTORS)
        except OSError:
            return {}, []
        return (json.loads(data) if data else {}), descriptors

    def _obey(self, message: dict[str, Any], descriptors: list[int]) -> Assignment | None:
        for order, send in (("kill", _kill_group), ("term", _terminate)):
            if order in message:
                for pid in [pid for pid, number in self._workers.items() if number == message[order]]:
                    send(pid)
                return None
        assignment = self._fork(message, descriptors)
        if assignment is None:
            for descriptor in descriptors:
                os.close(descriptor)
        return assignment

    def _fork(self, spec: dict[str, Any], descriptors: list[int]) -> Assignment | None:
        if len(descriptors) != _DESCRIPTORS:
            self._send({"failed": spec["spawn"], "error": "the spawner is out of descriptors"})
            return None
        try:
            pid = os.fork()
        except OSError as error:
            self._send({"failed": spec["spawn"], "error": f"fork: {error.strerror}"})
            return None
        if pid == 0:
            return self._become(spec, descriptors)
        self._workers[pid] = spec["spawn"]
        try:
            handle = os.pidfd_open(pid)  # before anything is reaped: the number is still this worker's
        except OSError as error:
            _kill_group(pid)
            self._send({"failed": spec["spawn"], "error": f"pidfd_open: {error.strerror}"})
            return None
        self._send({"spawned": spec["spawn"], "pid": pid}, handle)
        os.close(handle)
        return None

    def _become(self, spec: dict[str, Any], descriptors: list[int]) -> Assignment:
        missing = isolation.apply(
            self._pid,
            descriptors=descriptors,
            highest=self._highest,
            niceness=self._niceness,
            title=f"fn:{spec['function']}",
            tmp=spec["tmp"],
            variables=spec["variables"],
        )
        self._control.detach()  # closed already; its number may be somebody else's by now
        return Assignment(spec, missing)

    def _reap(self) -> None:
        """Collect what died. Orphans are nobody's business but ours: they are only counted out."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            number = self._workers.pop(pid, None)
            self._sweep = True
            if number is not None:
                self._exits.append(Exit(number, status, usage.ru_maxrss, time.monotonic()))

    def _settle(self) -> None:
        """End what workers left behind; report their exits once nothing is left, or STUBBORN seconds later."""
        self._reap()
        left = processes.orphans(self._pid, self._workers, processes.table())
        processes.kill(left, spare=os.getpgrp())
        self._sweep = bool(left)
        for exit_ in list(self._exits):
            if not left or time.monotonic() - exit_.at > STUBBORN:
                self._exits.remove(exit_)
                self._send({"exited": exit_.number, "status": exit_.status, "memory": exit_.memory, "left": len(left)})

    def _send(self, message: dict[str, Any], *descriptors: int) -> None:
        with suppress(OSError):  # the daemon is gone: the next receive says so
            socket.send_fds(self._control, [json.dumps(message).encode()], descriptors)


def _kill_group(pid: int) -> None:
    """A worker and its process group; the sweep after its exit ends the rest of its tree."""
    for send in (os.killpg, os.kill):
        with suppress(OSError):
            send(pid, signal.SIGKILL)


def _terminate(pid: int) -> None:
    with suppress(OSError):
        os.kill(pid, signal.SIGTERM)


def wakeup() -> int:
    """A descriptor that turns readable when a child dies."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading


def serve(control: int, guard: int, lock: int, niceness: int) -> Assignment | None:
    """The spawner's whole life in this process; an Assignment in each worker. *guard*: pid; *lock*: -1 for none."""
    isolation.set_title("router-spawner")
    isolation.become_subreaper()  # not inherited over fork
    handle = os.pidfd_open(guard)
    if os.getppid() != guard:
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = min(isolation.NOFILE, soft)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))  # so that a worker knows what to close
    woken = wakeup()
    server = Spawner(socket.socket(fileno=control), handle, max(soft, control, lock), niceness)
    gc.collect()
    gc.freeze()  # a worker's collector never looks at what is loaded by now, so those pages stay shared
    assignment = server.serve(woken)
    if assignment is None:
        server.end_all()
    return assignment
