"""A Link over the Runtime API: a port for every environment, and nobody but its processes is heard on it."""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Final, NamedTuple

import structlog

from router.runtime import frames, peers, sandbox_enter
from router.runtime.api_session import Front, Session
from router.runtime.api_wire import Wire
from router.runtime.frames import Frame
from router.runtime.output import Allowance
from router.runtime.pipes import Channel
from router.runtime.recipe import OnFrame

PORT: Final = "port"  # where an environment's spec holds the port that its runtime shares with extensions
_CONNECTIONS: Final = 16  # of one process at one time; AWS's clients have one
_SEARCHES: Final = (20.0, 2.0)  # for whom is not found at once: burst, then per second
_PAUSE: Final = 1.0  # seconds between tries to accept when there are no descriptors
_DYING: Final = 0.5  # seconds in which the exit of a process is told whose connections ended
log: Final = structlog.get_logger(__name__)


class ApiPort:
    """A listener that serves the processes of one environment, and nobody else."""

    def __init__(self, front: Front, now: Callable[[], float], connections: int = _CONNECTIONS, *, apart: bool = False) -> None:
        """*front*: takes the calls; *now*: epoch seconds; *connections*: at one time; *apart*: the processes have a network of their
        own, and the first of them makes the listener there. Raises OSError (no descriptors, no port)."""
        self._front, self._now, self._connections = front, now, connections
        self._loop = asyncio.get_running_loop()
        self._wires: set[Wire] = set()
        self._strangers: set[Wire] = set()  # connected before it was known who may
        self._searches, self._searched = Allowance(*_SEARCHES), 0
        self._pids: list[int] = []  # whose connections, and those of whom is below them, are served
        self._expected = 0  # processes that start and are not known yet
        self._closed = False
        self._apart = apart
        self._socket = None if apart else _listening()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listen()

    @property
    def address(self) -> str:
        """AWS_LAMBDA_RUNTIME_API."""
        if self._socket is None:
            return f"127.0.0.1:{sandbox_enter.PORT}"
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def expect(self) -> None:
        """A process starts: whoever connects and is not known yet waits until admit() or forgo()."""
        self._expected += 1

    def admit(self, pid: int) -> None:
        """It has started."""
        self._pids.append(pid)
        self.forgo()

    def adopt(self, listener: int) -> None:
        """Listen on this descriptor: the processes' own network has no other way in."""
        self._socket = socket.socket(fileno=listener)
        self._listen()

    def forgo(self) -> None:
        """One that was expected is known now, or does not come."""
        self._expected -= 1
        strangers, self._strangers = self._strangers, set()
        for wire in strangers:
            self._greet(wire)

    def pump(self) -> None:
        """Take what has arrived, without waiting for the loop to say so."""
        for wire in [*self._wires]:
            wire.pump()

    def close(self) -> None:
        """Drop everybody. No call comes after this."""
        if self._closed:
            return
        self._closed = True
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
        for task in self._tasks:
            task.cancel()
        for wire in [*self._wires]:
            wire.drop()

    def _listen(self) -> None:
        if not self._closed and self._socket is not None:
            self._loop.add_reader(self._socket.fileno(), self._accept)

    def _accept(self) -> None:
        assert self._socket is not None
        while True:
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no descriptors: who waits goes on waiting, and the loop is not asked again and again
                self._loop.remove_reader(self._socket.fileno())
                self._loop.call_later(_PAUSE, self._listen)
                return
            if len(self._wires) + len(self._tasks) >= self._connections:
                connection.close()
                continue
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._connected(connection), name="runtime-api-connection")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connected(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: Wire(self._front, self._greet, self._now, self._lost), connection)
        except BaseException:  # cancelled, most likely
            connection.close()
            raise

    def _greet(self, wire: Wire) -> None:
        """Serve it if it is the environment's own."""
        self._wires.add(wire)
        client, server = wire.ends
        if self._closed or client is None or server is None:
            wire.drop()
            return
        if self._apart:  # nobody else is in that network
            wire.serve()
            return
        searched = self._searched
        if any(peers.belongs(client, server, pid, self._may_search) for pid in self._pids):
            wire.serve()
        elif self._expected:
            self._strangers.add(wire)
        else:
            if self._searched > searched:  # at most as often as that is done
                log.warning("runtime_api_stranger_refused", pid=self._pids[0] if self._pids else 0, client=f"{client[0]}:{client[1]}")
            wire.drop()

    def _lost(self, wire: Wire) -> None:
        self._wires.discard(wire)
        self._strangers.discard(wire)

    def _may_search(self) -> bool:
        """Whether a connection of somebody who is not found at once is worth a longer look."""
        if self._expected or self._searches.left(self._loop.time()) < 1:
            return False
        self._searches.take(1)
        self._searched += 1
        return True


class SharedPort(NamedTuple):
    """A port that a runtime shares with extensions."""

    port: ApiPort
    attach: Callable[[Front], None]  # whom its calls go to


class ApiLink:
    """See recipe.Link. The pipes carry what the process says before it is the program: READY or NO_PROGRAM."""

    bare: Final = False  # see Link

    def __init__(self, on_frame: OnFrame, now: Callable[[], float], shared: SharedPort | None = None, *, apart: bool = False) -> None:
        """*now*: epoch seconds; *apart*: see ApiPort. Raises OSError (no descriptors, no port)."""
        self._on_frame = on_frame
        self._loop = asyncio.get_running_loop()
        self.session = Session(on_frame, now, self._memory, self._later)
        self._pid = 0
        self.port = ApiPort(self.session, now, apart=apart) if shared is None else shared.port  # where the process's calls come in
        self._owns_port = shared is None
        if shared is not None:
            shared.attach(self.session)
        try:
            self._pipes = Channel(self._told, lambda: None)
        except OSError:
            if self._owns_port:
                self.port.close()
            raise
        self.port.expect()

    @property
    def address(self) -> str:
        """AWS_LAMBDA_RUNTIME_API."""
        return self.port.address

    @property
    def theirs(self) -> tuple[int, ...]:
        """See Link."""
        return self._pipes.theirs

    @property
    def taken(self) -> bool:
        """See Link."""
        return self.session.taken

    def passed_on(self, pid: int, listener: int = -1) -> None:
        """See Link. From now on it is known who may connect."""
        self._pipes.passed_on()
        self._pid = pid
        if listener >= 0:
            self.port.adopt(listener)
        self.port.admit(pid)

    def send(self, kind: int, meta: bytes, body: bytes) -> bool:  # noqa: ARG002  # an INVOKE, there is no other
        """See Link. The event waits for the process's next `next`."""
        self.session.invoke(meta, body)
        return True

    def pump(self) -> None:
        """See Link."""
        self._pipes.pump()
        self.port.pump()

    def pause(self) -> None:
        """See Link."""
        self.session.pause()

    def resume(self) -> None:
        """See Link."""
        self.session.resume()

    def close(self) -> None:
        """See Link."""
        self.session.on_frame = lambda _: None
        self._pipes.close()
        if self._owns_port:
            self.port.close()
        elif not self._pid:
            self.port.forgo()

    def _later(self, call: Callable[[], None]) -> None:
        self._loop.call_later(_DYING, call)

    def _told(self, frame: Frame) -> None:
        if frame.kind == frames.NO_PROGRAM:
            self._on_frame(frame)

    def _memory(self) -> int:
        """The process's own high-water mark so far, KiB; what its children needed shows in its exit."""
        return max(map(high_water, peers.family(self._pid)))


def high_water(pid: int) -> int:
    """VmHWM of a process, KiB; 0 when it is gone."""
    try:
        file = os.open(f"/proc/{pid}/status", os.O_RDONLY)
    except OSError:
        return 0
    try:
        text = os.read(file, 4096)
    except OSError:
        return 0
    finally:
        os.close(file)
    _, found, rest = text.partition(b"\nVmHWM:")
    return int(rest.split(None, 1)[0]) if found else 0


def _listening() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.bind(("127.0.0.1", 0))
        made.listen(_CONNECTIONS)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made
