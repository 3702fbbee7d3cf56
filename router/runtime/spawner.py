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
from typing import Any, Final, NamedTuple, NoReturn

from router.runtime import frames, isolation, processes, sandbox_calls, sandbox_enter, sandbox_mounts, sandbox_probe
from router.runtime.sandbox_cgroups import Group, Tree

MESSAGE_LIMIT: Final = 256 * 1024  # bytes of one message
_DESCRIPTORS: Final = 3
_LISTENING: Final = 5.0  # seconds for a worker to make the listener of its own network
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
    place: "Place"


class Place(NamedTuple):
    """What a worker has beside its process."""

    group: Group | None = None
    slot: Any = None  # memory in which its init says how it ended; None without one
    tmp: str = ""  # its mounted /tmp


class Grounds(NamedTuple):
    """What this spawner can offer its workers; see sandbox_probe."""

    house: str = ""
    tree: Tree | None = None
    users: tuple[int, int] | None = None  # user and group, when every worker has to have a user namespace


class Spawner:
    """The event loop of the spawner proper. Single-threaded: workers' parent-death signal is bound to this thread."""

    def __init__(self, control: Any, guard: int, highest: int, niceness: int, grounds: Grounds = Grounds()) -> None:  # noqa: B008  # frozen
        self._control = control
        self._grounds = grounds
        self._message = bytearray(MESSAGE_LIMIT)  # of the daemon's; wiped once it is obeyed
        self._places: dict[int, Place] = {}  # by id
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
                message, body, descriptors = self._receive()
                if not message:
                    return None
                assignment = self._obey(message, body, descriptors)
                if assignment is not None:
                    return assignment

    @property
    def tree(self) -> Tree | None:
        """Where groups of processes are made."""
        return self._grounds.tree

    def tell(self, controls: dict[str, Any]) -> None:
        """Say first of all what there is."""
        self._send({"controls": controls})

    def end_all(self) -> None:
        """Kill every worker and all that is below this process."""
        for pid in self._workers:
            _kill_group(pid)
        processes.sweep(self._pid)

    def _receive(self) -> tuple[dict[str, Any], memoryview, list[int]]:
        """The message's head, what only a worker may read, and descriptors; ({}, …) at the end."""
        try:
            size, ancillary, _, _ = self._control.recvmsg_into([self._message], socket.CMSG_SPACE(_DESCRIPTORS * 4))
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
        number = head["spawn"]
        assignment, place = None, Place()
        try:
            if len(descriptors) != _DESCRIPTORS:
                self._send({"failed": number, "error": "the spawner is out of descriptors"})
                return None
            try:
                place = self._prepare(number, head.get("sandbox") or {})
                assignment = self._fork(head, body, descriptors, place)
            except OSError as error:
                self._vacate(place)
                self._send({"failed": number, "error": f"{error.strerror}: {error.filename}" if error.filename else f"{error.strerror}"})
        finally:
            if assignment is None:
                for descriptor in descriptors:
                    os.close(descriptor)
        return assignment

    def _prepare(self, number: int, sandbox: dict[str, Any]) -> Place:
        """What a worker needs before it is there. Raises OSError."""
        tree, group = self._grounds.tree, None
        if tree is not None and sandbox.get("memory"):
            group = tree.group(str(number), memory=sandbox["memory"], processes=sandbox["processes"])
        if not sandbox.get("namespaces"):
            return Place(group)
        tmp = f"{self._grounds.house}/{sandbox['room']}"
        sandbox_mounts.furnish(tmp, sandbox["storage"], sandbox.get("user"))
        return Place(group, sandbox_enter.page(), tmp)

    def _vacate(self, place: Place) -> None:
        if place.group is not None:
            place.group.kill()
            place.group.remove()
        if place.slot is not None:
            place.slot.close()

    def _fork(self, head: dict[str, Any], body: memoryview, descriptors: list[int], place: Place) -> Assignment | None:
        number, sandbox = head["spawn"], head.get("sandbox") or {}
        ours, theirs = socket.socketpair() if sandbox_enter.ports(sandbox) else (None, None)
        try:
            pid = sandbox_calls.fork_into(sandbox_enter.namespaces(sandbox, own_users=self._grounds.users is not None))
            if pid == 0:
                if ours is not None:
                    ours.close()  # now: later its number is somebody else's
                return self._become(head, body, descriptors, place, theirs)
            self._workers[pid] = number
            self._places[number] = place
            if theirs is not None:
                theirs.close()  # so that its death is an end
            self._announce(number, pid, ours)
        finally:
            for end in (ours, theirs):
                if end is not None:
                    end.close()
        return None

    def _announce(self, number: int, pid: int, telling: socket.socket | None) -> None:
        try:
            handles = [os.pidfd_open(pid)]  # before anything is reaped: the number is still this worker's
        except OSError as error:
            _kill_group(pid)
            self._send({"failed": number, "error": f"pidfd_open: {error.strerror}"})
            return
        if telling is not None:
            telling.settimeout(_LISTENING)
            with suppress(OSError):
                handles += socket.recv_fds(telling, 16, 2)[1]
        self._send({"spawned": number, "pid": pid}, *handles)
        for handle in handles:
            os.close(handle)

    def _become(
        self, head: dict[str, Any], body: memoryview, descriptors: list[int], place: Place, telling: socket.socket | None
    ) -> Assignment:
        """In the worker: what it is, and its confinement. A worker that cannot be confined says so and ends."""
        spec = json.loads(bytes(body)) | {"spawn": head["spawn"]}
        body[:] = bytes(len(body))
        sandbox = head.get("sandbox") or {}
        parent, responses = self._pid, descriptors[1]
        confining = None
        try:
            if place.group is not None:
                place.group.join()
            if sandbox:
                confining = sandbox_enter.Confinement(sandbox, count=place.group is None)
            if place.slot is not None:
                view = {**sandbox, "view": {**sandbox["view"], "tmp": place.tmp}}
                sandbox_enter.enter(view, house=self._grounds.house, users=self._grounds.users, slot=place.slot, told=telling)
                parent = 1
            missing = isolation.apply(
                parent,
                descriptors=descriptors,
                highest=self._highest,
                niceness=self._niceness,
                title=f"fn:{spec['function']}",
                tmp="" if place.tmp else spec["tmp"],
                variables=spec["variables"],
                confining=confining,
                reaped=place.slot is not None,
            )
        except OSError as error:
            _give_up(error, responses, isolation.RESPONSES)
        self._control.detach()  # closed already; its number may be somebody else's by now
        if telling is not None:
            telling.detach()
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
                place = self._places.pop(number)
                if place.slot is not None:
                    told = sandbox_enter.ended(place.slot)
                    status = status if told is None else told
                self._exits.append(Exit(number, status, usage.ru_maxrss, time.monotonic(), place))

    def _settle(self) -> None:
        """End what workers left behind; report their exits once nothing is left, or STUBBORN seconds later."""
        self._reap()
        left = processes.orphans(self._pid, self._workers, processes.table())
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
        self._vacate(exit_.place)

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


def _give_up(error: OSError, *responses: int) -> NoReturn:
    """Say why there is no sandbox, over whichever descriptor is the one by now, and end."""
    said = f"The sandbox could not be made: {error.strerror}" + (f": {error.filename}" if error.filename else "")
    for descriptor in responses:
        try:
            for data in frames.encode(frames.NO_PROGRAM, b"Sandbox.Failure", said.encode()):
                os.write(descriptor, data)
        except OSError:
            continue
        break
    os._exit(1)


def serve(control: int, guard: int, lock: int, niceness: int, house: str) -> Assignment | None:
    """The spawner's whole life in this process; an Assignment in each worker. *guard*: pid; *lock*: -1 for none."""
    isolation.set_title("router-spawner")
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
    gc.collect()
    gc.freeze()  # a worker's collector never looks at what is loaded by now, so those pages stay shared
    assignment = server.serve(woken)
    if assignment is None:
        server.end_all()
        if server.tree is not None:
            server.tree.close()
    return assignment
