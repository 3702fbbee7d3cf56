"""The spawner: forks a worker for each environment (a fork server), reports their ends, and leaves nothing behind them.

A process of its own, started by guard.py; standard library only. It speaks over a SOCK_SEQPACKET socket, one message each way at
a time, a JSON object and in a spawn message, after a newline, another that only the worker reads:

    daemon → spawner   {"spawn": id, "sandbox": null or what sandbox_plan.py says}
                       {…what bootstrap.py wants}  with its requests, responses, output (SCM_RIGHTS)
                       {"kill": id}    {"hang_up": id}   what it runs, not its init    {"term": id}
                       {"drop": room}   a room's /tmp goes    {"measure": n}
    spawner → daemon   {"controls": {…}}  first of all: what sandbox_probe.py found
                       {"spawned": id, "pid": n}  with the worker's pidfd and, when it has a network of its own, the listeners of
                       the Runtime API and the AWS endpoint in there        {"failed": id, "error": text}
                       {"exited": id, "status": wait status, "memory": KiB, "left": n, "starved": bool, "used": bytes of /tmp}
                       n processes that would not die
                       {"measured": {room: bytes of /tmp}}

The end of the socket is the daemon's death, and every worker's. What only a worker reads never becomes an object here: a
worker is a copy of this process, and other functions' variables must not lie in its memory."""

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

from router.runtime import blanks, isolation, processes, sandbox_enter, sandbox_mounts, sandbox_probe, titles
from router.runtime.blanks import DESCRIPTORS, MESSAGE_LIMIT, Assignment, Blank, Grounds, Kind, Place

_QUIET: Final = 20  # milliseconds without a message after which a blank is forked: not beside the start of a worker
STUBBORN: Final = 2.0  # seconds after which an exit is reported though descendants are left (uninterruptible sleep)


class Exit(NamedTuple):
    """A reaped worker whose tree is not proven gone yet."""

    number: int
    status: int
    memory: int
    at: float
    place: Place


class Spawner:
    """The event loop of the spawner proper. Single-threaded: workers' parent-death signal is bound to this thread."""

    def __init__(self, control: Any, guard: int, highest: int, niceness: int, grounds: Grounds = Grounds()) -> None:  # noqa: B008  # frozen
        self._control = control
        self._grounds = grounds
        self._message = bytearray(MESSAGE_LIMIT)  # of the daemon's; wiped once it is obeyed
        self._guard = guard  # pidfd
        self._parent = blanks.Parent(os.getpid(), highest, niceness)
        self._workers: dict[int, int] = {}  # pid → id
        self._places: dict[int, Place] = {}  # by id
        self._kinds: set[Kind] = set()  # a blank of each is kept
        self._blanks: dict[Kind, Blank] = {}
        self._untold: dict[int, Place] = {}  # of all that were never made workers, by pid
        self._made = 0
        self._exits: list[Exit] = []
        self._sweep = False

    def serve(self, wakeup: int) -> Assignment | None:
        """Serve until the daemon or the guard is gone; give an Assignment in each forked worker, None in the spawner."""
        poll = select.poll()
        for watched in (self._control.fileno(), wakeup, self._guard):
            poll.register(watched, select.POLLIN)
        while True:
            ready = {number for number, _ in poll.poll(2 if self._sweep else _QUIET if self._lacking() else None)}
            if wakeup in ready:
                os.read(wakeup, 4096)
                self._reap()
            if self._sweep:
                self._settle()
            if self._guard in ready:
                return None
            assignment = None
            if self._control.fileno() in ready:
                message, body, descriptors = self._receive()
                if not message:
                    return None
                assignment = self._obey(message, body, descriptors)
            elif not ready and not self._sweep:
                assignment = self._stock()
            if assignment is not None:
                return assignment

    @property
    def grounds(self) -> Grounds:
        """What it can offer its workers."""
        return self._grounds

    def tell(self, controls: dict[str, Any]) -> None:
        """Say first of all what there is."""
        self._send({"controls": controls})

    def expect(self, kind: Kind) -> None:
        """Have a blank of this kind ready."""
        self._kinds.add(kind)

    def end_all(self) -> None:
        """Kill every worker and all that is below this process."""
        for pid in self._workers:
            _kill_group(pid)
        processes.sweep(self._parent.pid)

    def _receive(self) -> tuple[dict[str, Any], memoryview, list[int]]:
        """The message's head, what only a worker may read, and descriptors; ({}, …) at the end."""
        try:
            size, ancillary, _, _ = self._control.recvmsg_into([self._message], socket.CMSG_SPACE(DESCRIPTORS * 4))
        except OSError:
            return {}, memoryview(b""), []
        found = [data for level, kind, data in ancillary if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)]
        descriptors = [number for data in found for number in memoryview(data[: len(data) - len(data) % 4]).cast("i")]
        end = self._message.find(b"\n", 0, size)
        end = size if end < 0 else end
        head = json.loads(self._message[:end]) if size else {}
        return head, memoryview(self._message)[end:size], descriptors

    def _obey(self, message: dict[str, Any], body: memoryview, descriptors: list[int]) -> Assignment | None:
        try:
            if "spawn" in message:
                return self._spawn(message, body, descriptors)
        finally:
            body[:] = bytes(len(body))
        if "kill" in message:
            self._kill(message["kill"])
        elif "hang_up" in message:
            self._hang_up(message["hang_up"])
        elif "term" in message:
            for pid in self._pids(message["term"]):
                _terminate(pid)
        elif "drop" in message:
            self._drop(os.path.basename(message["drop"]))  # noqa: PTH119
        elif "measure" in message:
            rooms = {place.tmp for place in self._places.values() if place.tmp}
            self._send({"measured": {os.path.basename(tmp): sandbox_mounts.used(tmp) for tmp in rooms}})  # noqa: PTH119
        return None

    def _kill(self, number: int) -> None:
        for pid in self._pids(number):
            _kill_group(pid)
            group = self._places[number].group
            if group is not None:
                group.kill()

    def _hang_up(self, number: int) -> None:
        """Kill what a worker runs. Its init, where it has one, stays to tell what that ended with: by itself, perhaps, a moment ago."""
        if number in self._places and self._places[number].slot is None:
            self._kill(number)
            return
        inits = self._pids(number)
        for row in [row for row in processes.table() if row.parent in inits]:
            with suppress(OSError):
                os.kill(row.pid, signal.SIGKILL)

    def _pids(self, number: int) -> list[int]:
        """The process of a worker, as long as it is not reaped."""
        return [pid for pid, found in self._workers.items() if found == number]

    def _drop(self, room: str) -> None:
        """An environment's own /tmp goes."""
        if self._grounds.house:
            sandbox_mounts.clear(f"{self._grounds.house}/{room}")

    def _spawn(self, head: dict[str, Any], body: memoryview, descriptors: list[int]) -> Assignment | None:
        assignment = None
        try:
            if len(descriptors) != DESCRIPTORS:
                self._send({"failed": head["spawn"], "error": "the spawner is out of descriptors"})
                return None
            try:
                assignment = self._work(head, body, descriptors)
            except OSError as error:
                self._send({"failed": head["spawn"], "error": blanks.why(error)})
        finally:
            if assignment is None:
                for descriptor in descriptors:
                    os.close(descriptor)
        return assignment

    def _work(self, head: dict[str, Any], body: memoryview, descriptors: list[int]) -> Assignment | None:
        """Make a blank the worker: the one that waits, or else a new one. Raises OSError."""
        sandbox = head.get("sandbox") or {}
        kind = blanks.kind(sandbox, self._grounds)
        self.expect(kind)
        if kind in self._blanks and not self._blanks[kind].fit():
            self._discard(self._blanks.pop(kind))
        if kind not in self._blanks:
            assignment = self._fork(kind)
            if assignment is not None:
                return assignment
        blank = self._blanks.pop(kind)
        try:
            place = blank.tell(head, body, descriptors, self._grounds)
        except OSError:
            self._discard(blank)
            raise
        del self._untold[blank.pid]
        self._employ(head["spawn"], blank.pid, place, blank.handle, *blank.listeners(sandbox))
        blank.control.close()
        return None

    def _employ(self, number: int, pid: int, place: Place, *handles: int) -> None:
        """Count it among the workers, and say so."""
        self._workers[pid] = number
        self._places[number] = place
        self._send({"spawned": number, "pid": pid}, *handles)
        for handle in handles:
            os.close(handle)

    def _discard(self, blank: Blank) -> None:
        """It will never be a worker; its place goes when it is reaped."""
        _kill_group(blank.pid)
        blank.close()

    def _fork(self, kind: Kind) -> Assignment | None:
        """A new blank; None in the spawner. Raises OSError."""
        self._made += 1
        made = blanks.fork(kind, self._grounds, name=str(self._made), parent=self._parent)
        if isinstance(made, Assignment):
            return made
        self._blanks[kind], self._untold[made.pid] = made, made.place
        return None

    def _lacking(self) -> Kind | None:
        return next((kind for kind in self._kinds if kind not in self._blanks), None)

    def _stock(self) -> Assignment | None:
        """Have a blank of each kind that is wanted."""
        kind = self._lacking()
        if kind is not None:
            try:
                return self._fork(kind)
            except OSError:
                self._kinds.discard(kind)  # until one is wanted: who asks for it is told why
        return None

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
                place = self._places.pop(number)
                if place.slot is not None:
                    told = sandbox_enter.ended(place.slot)
                    status = status if told is None else told
                self._exits.append(Exit(number, status, usage.ru_maxrss, time.monotonic(), place))
            elif pid in self._untold:
                self._lose(pid)

    def _lose(self, pid: int) -> None:
        """A blank has died. The next is forked when a worker is asked for: whatever kills them must not have us fork without end."""
        for kind, blank in list(self._blanks.items()):
            if blank.pid == pid:
                del self._blanks[kind]
                self._kinds.discard(kind)
                blank.close()
        self._untold.pop(pid).vacate()

    def _settle(self) -> None:
        """End what workers left behind; report their exits once nothing is left, or STUBBORN seconds later."""
        self._reap()
        left = processes.orphans(self._parent.pid, {*self._workers, *self._untold}, processes.table())
        processes.kill(left, spare=os.getpgrp())
        self._sweep = bool(left)
        for exit_ in list(self._exits):
            if not left or time.monotonic() - exit_.at > STUBBORN:
                self._exits.remove(exit_)
                self._tell_exit(exit_, len(left))

    def _tell_exit(self, exit_: Exit, left: int) -> None:
        group, tmp = exit_.place.group, exit_.place.tmp
        self._send(
            {
                "exited": exit_.number,
                "status": exit_.status,
                "memory": exit_.memory,
                "left": left,
                "starved": group is not None and group.starved(),
                "used": sandbox_mounts.used(tmp) if tmp else 0,
            }
        )
        exit_.place.vacate()

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


def serve(control: int, guard: int, lock: int, niceness: int, house: str) -> Assignment | None:
    """The spawner's whole life in this process; an Assignment in each worker. *guard*: pid; *lock*: -1 for none."""
    titles.set_title("router-spawner", house)
    isolation.become_subreaper()  # not inherited over fork
    handle = os.pidfd_open(guard)
    if os.getppid() != guard:
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = min(isolation.NOFILE, soft)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))  # so that a worker knows what to close
    grounds, controls = sandbox_probe.probe(house, guard)
    woken = wakeup()
    server = Spawner(socket.socket(fileno=control), handle, max(soft, control, lock), niceness, Grounds(*grounds))
    server.tell(controls)
    server.expect(blanks.usual(server.grounds))
    gc.collect()
    gc.freeze()  # a worker's collector never looks at what is loaded by now, so those pages stay shared
    assignment = server.serve(woken)
    if assignment is None:
        server.end_all()
        if server.grounds.tree is not None:
            server.grounds.tree.close()
    return assignment
