"""Blanks: processes forked ahead of need, that wait to be told what they are to be. Standard library only; runs in spawner and worker.

fork() makes one. In it, what is the same for every function is settled: a group of processes, namespaces with an init, devices,
/proc. That is most of what a cold start waits for, and joining a group alone some 10 ms at any speed of the machine: the kernel
lets every processor come round first. Then it waits. Blank.tell() in the spawner makes it a worker.

A blank is a copy of the spawner and knows of no function: not even the one that is started meanwhile."""

import json
import os
import signal
import socket
import traceback
from contextlib import suppress
from typing import Any, Final, NamedTuple, NoReturn

from router.runtime import bootstrap, frames, isolation, sandbox_calls, sandbox_enter, sandbox_mounts, titles
from router.runtime.sandbox_cgroups import Group, Tree

MESSAGE_LIMIT: Final = 256 * 1024  # bytes of one message
DESCRIPTORS: Final = 3  # of a worker: requests, responses, output
TITLE: Final = "router-blank"
_LISTENING: Final = 5.0  # seconds for a worker to make the listeners of its own network


class Grounds(NamedTuple):
    """What the spawner can offer its workers; see sandbox_probe."""

    house: str = ""
    tree: Tree | None = None
    users: tuple[int, int] | None = None  # user and group, when every worker has to have a user namespace


class Kind(NamedTuple):
    """What has to be known of a worker before it is forked."""

    namespaces: int  # CLONE_NEW…, 0 for none
    grouped: bool  # in a group of processes of its own


class Place(NamedTuple):
    """What a worker has beside its process."""

    group: Group | None = None
    slot: Any = None  # memory in which its init says how it ended; None without one
    tmp: str = ""  # its mounted /tmp

    def vacate(self) -> None:
        """It is needed no more; /tmp stays."""
        if self.group is not None:
            self.group.kill()
            self.group.remove()
        if self.slot is not None:
            self.slot.close()


class Assignment(NamedTuple):
    """What a fresh worker is to become; only the worker ever holds one."""

    spec: dict[str, Any]  # see bootstrap.py


class Told(NamedTuple):
    """What a blank is told."""

    head: dict[str, Any]  # of the message of spawner.py, and tmp: where its /tmp is mounted, or ""
    spec: dict[str, Any]  # see bootstrap.py
    descriptors: list[int]


class Parent(NamedTuple):
    """What a fork has to know of the spawner."""

    pid: int
    highest: int  # descriptor number
    niceness: int


class Blank(NamedTuple):
    """A process that waits, as the spawner sees it."""

    pid: int
    handle: int  # pidfd
    control: socket.socket
    place: Place

    def fit(self) -> bool:
        """Whether it waits still: it says something only when it could not settle, and its end is an end."""
        return not _said(self.control)

    def tell(self, head: dict[str, Any], body: memoryview, descriptors: list[int], grounds: Grounds) -> Place:
        """Make it the worker that the message of spawner.py asks for; where it is. Raises OSError."""
        sandbox, place = head.get("sandbox") or {}, self.place
        if place.group is not None and grounds.tree is not None:
            grounds.tree.limit(place.group, memory=sandbox["memory"], processes=sandbox["processes"])
        if place.slot is not None:
            place = place._replace(tmp=f"{grounds.house}/{sandbox['room']}")
            sandbox_mounts.furnish(place.tmp, sandbox["storage"], sandbox.get("user"))
        socket.send_fds(self.control, [json.dumps({**head, "tmp": place.tmp}).encode(), body], descriptors)
        return place

    def listeners(self, sandbox: dict[str, Any]) -> list[int]:
        """Descriptors of sandbox_enter.ports(), once it has made them; none when it does not."""
        if not sandbox_enter.ports(sandbox):
            return []
        self.control.settimeout(_LISTENING)
        with suppress(OSError):
            return socket.recv_fds(self.control, 16, 2)[1]
        return []

    def close(self) -> None:
        """Know it no more; where it has been told nothing, that ends it."""
        os.close(self.handle)
        self.control.close()


def _said(control: socket.socket) -> bool:
    """Whether the other end has said something, or is gone."""
    try:
        control.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def kind(sandbox: dict[str, Any], grounds: Grounds) -> Kind:
    """Of the worker that such a sandbox wants."""
    made = sandbox_enter.namespaces(sandbox, own_users=grounds.users is not None)
    return Kind(made, grounds.tree is not None and bool(sandbox.get("memory")))


def usual(grounds: Grounds) -> Kind:
    """Of most workers here."""
    return kind({"namespaces": bool(grounds.house), "memory": 1}, grounds)


def fork(kind: Kind, grounds: Grounds, *, name: str, parent: Parent) -> Blank | Assignment:
    """Fork one: the Blank here, and in the worker what it has been told. *name*: of its group. Raises OSError."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    place, pid = Place(), -1
    try:
        if grounds.tree is not None and kind.grouped:
            place = Place(grounds.tree.group(name))
        if kind.namespaces:
            place = place._replace(slot=sandbox_enter.page())
        pid = sandbox_calls.fork_into(kind.namespaces)
        if pid == 0:
            ours.close()
            return _Fork(theirs, grounds, place, parent).assignment(kind)
        return Blank(pid, os.pidfd_open(pid), ours, place)  # before anything is reaped: the number is still its own
    except OSError:
        ours.close()
        if pid > 0:
            os.kill(pid, signal.SIGKILL)
        place.vacate()
        raise
    finally:
        theirs.close()  # of the worker too: it has closed or detached it


class _Fork:
    """The worker's side of fork()."""

    def __init__(self, control: socket.socket, grounds: Grounds, place: Place, parent: Parent) -> None:
        self._control, self._grounds, self._place, self._parent = control, grounds, place, parent
        self._init = -1  # the descriptor on which its init is told the user

    def assignment(self, kind: Kind) -> Assignment:
        """Settle, wait, become; ends the process where that fails or nothing is told."""
        try:
            return self._assignment(kind)
        except BaseException:  # noqa: BLE001  # whatever it is, this must not go on as a second spawner
            traceback.print_exc()
            os._exit(1)

    def _assignment(self, kind: Kind) -> Assignment:
        failed: OSError | None = None
        try:
            self._settle(kind)
        except OSError as error:
            failed = error
            self._control.send(why(error).encode())
        if not _said(self._control):
            bootstrap.rehearse()
        told = self._told()
        try:
            if failed is not None:
                raise failed
            self._become(told)
        except OSError as error:
            _give_up(error, told.descriptors[1], isolation.RESPONSES)
        return Assignment(told.spec)

    def _settle(self, kind: Kind) -> None:
        """What is the same for every function. Raises OSError."""
        signal.set_wakeup_fd(-1)
        os.closerange(3, self._control.fileno())
        os.closerange(self._control.fileno() + 1, self._parent.highest + 1)
        titles.set_title(TITLE)
        if self._place.group is not None:
            self._place.group.join()
        if not kind.namespaces:
            isolation.bind_to_parent(self._parent.pid)
            return
        offline = bool(kind.namespaces & sandbox_calls.CLONE_NEWNET)
        self._init = sandbox_enter.settle(self._grounds.house, self._grounds.users, offline=offline, slot=self._place.slot)

    def _told(self) -> Told:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_LIMIT, DESCRIPTORS)
        except OSError:
            data, descriptors = b"", []
        if len(descriptors) != DESCRIPTORS:
            os._exit(0)
        head, _, body = data.partition(b"\n")
        message = json.loads(head)
        return Told(message, json.loads(body) | {"spawn": message["spawn"]}, descriptors)

    def _become(self, told: Told) -> None:
        """Take the worker's confinement on. Raises OSError."""
        sandbox, spec, apart = told.head.get("sandbox") or {}, told.spec, self._place.slot is not None
        confining = sandbox_enter.Confinement(sandbox, count=self._place.group is None) if sandbox else None
        if apart:
            view = {**sandbox["view"], "tmp": told.head["tmp"]}
            sandbox_enter.enter({**sandbox, "view": view}, house=self._grounds.house, init=self._init, told=self._control)
        isolation.apply(
            1 if apart else self._parent.pid,
            descriptors=told.descriptors,
            highest=self._parent.highest,
            niceness=self._parent.niceness,
            title=f"fn:{spec['function']}",
            tmp="" if apart else spec["tmp"],
            variables=spec["variables"],
            confining=confining,
            reaped=apart,
        )
        self._control.detach()  # closed already; its number may be somebody else's by now


def why(error: OSError) -> str:
    """In words."""
    return f"{error.strerror}: {error.filename}" if error.filename else f"{error.strerror}"


def _give_up(error: OSError, *responses: int) -> NoReturn:
    """Say why there is no sandbox, over whichever descriptor is the one by now, and end."""
    for descriptor in responses:
        try:
            for data in frames.encode(frames.NO_PROGRAM, b"Sandbox.Failure", f"The sandbox could not be made: {why(error)}".encode()):
                os.write(descriptor, data)
        except OSError:
            continue
        break
    os._exit(1)
