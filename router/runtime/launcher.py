"""The daemon's side of the spawner: start it, ask it for workers, hear of their ends, replace it when it dies."""

import asyncio
import errno
import json
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Final

import structlog

from router.clock import Clock
from router.errors import EnvironmentUnavailable
from router.runtime.endings import Exit
from router.runtime.spawning import Process, Spawning
from router.runtime.worker import Worker

_ANSWER: Final = 10.0  # seconds for a fork; a spawner that takes longer (stopped, wedged) is replaced
_PROBED: Final = 60.0  # seconds for a new spawner to try what there is; a machine that boots is busy
_PAUSES: Final = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)  # seconds before the n-th restart in a row
_MESSAGES: Final = 64  # of one process, that are heard before others have a turn
_STEADY: Final = 30.0  # seconds after which a spawner that dies counts as the first in a row again
_TOO_LARGE: Final = (
    "a worker's start message is too large: the function's environment variables, or the paths that its sandbox hides and shows"
)
log: Final = structlog.get_logger(__name__)


class Launcher:
    """Workers on demand, from a spawner that is replaced when it dies. One for each interpreter."""

    KNOWS: ClassVar[bool] = True  # a worker's process number means something to us

    def __init__(
        self, interpreter: str, *, lock_fd: int | None, clock: Clock, on_restart: Callable[[], None], house: Path = Path()
    ) -> None:
        """*lock_fd*: the state directory's lock, an flock: it is shared by inheritance. *on_restart*: the spawner died and is replaced.

        *house*: an empty directory for the spawner (sandbox_mounts.py)."""
        self._interpreter, self._lock_fd, self._clock, self._on_restart = interpreter, lock_fd, clock, on_restart
        self._house = house
        self.controls: dict[str, Any] = {}  # what confines workers here: see sandbox_probe.py
        self.used: dict[str, int] = {}  # room → bytes of its private /tmp, when last measured
        self._probed = asyncio.Event()
        self._process: Spawning | None = None
        self._ready = asyncio.Event()
        self._workers: dict[int, Worker] = {}
        self._answers: dict[int, asyncio.Future[None]] = {}
        self._numbers = 0
        self._turns = asyncio.Semaphore(8)  # forks are one after another anyway; their messages must fit the socket
        self._deaths = 0
        self._restarting: asyncio.Task[None] | None = None
        self._started = 0.0
        self._closed = False

    @property
    def pid(self) -> int:
        """The guard's process, parent of the spawner; 0 when there is none."""
        return self._process.pid if self._process else 0

    async def open(self) -> None:
        """Start the spawner. Raises EnvironmentUnavailable."""
        try:
            self._process = await asyncio.to_thread(Process, self._interpreter, self._lock_fd, self._house)
        except OSError as error:
            raise EnvironmentUnavailable(f"the spawner did not start: {error}") from error
        self._started = self._clock.monotonic()
        asyncio.get_running_loop().add_reader(self._process.control.fileno(), self._readable)
        self._ready.set()

    async def probed(self) -> None:
        """Wait until it is known what confines workers here. Raises EnvironmentUnavailable."""
        try:
            async with asyncio.timeout(_PROBED):
                await self._probed.wait()
        except TimeoutError as error:
            raise EnvironmentUnavailable("the spawner does not say what it can confine workers with") from error

    async def spawn(self, spec: Mapping[str, Any], descriptors: Sequence[int], on_exit: Callable[[Exit], None]) -> Worker:
        """Fork a worker with *spec* (see bootstrap.py) and its ends of requests, responses and output. Raises EnvironmentUnavailable."""
        async with self._turns:
            try:
                async with asyncio.timeout(_ANSWER):
                    await self._ready.wait()
                    return await self._asked(spec, descriptors, on_exit)
            except TimeoutError as error:
                self._lost()
                raise EnvironmentUnavailable("the spawner does not answer") from error

    async def _asked(self, spec: Mapping[str, Any], descriptors: Sequence[int], on_exit: Callable[[Exit], None]) -> Worker:
        self._numbers += 1
        number, loop = self._numbers, asyncio.get_running_loop()
        worker = self._workers[number] = Worker(number, loop.create_future(), on_exit)
        worker.listens = bool((spec.get("sandbox") or {}).get("listen"))
        answer = self._answers[number] = loop.create_future()
        try:
            rest = {name: value for name, value in spec.items() if name != "sandbox"}
            self._send({"spawn": number, "sandbox": spec.get("sandbox")}, *descriptors, body=b"\n" + json.dumps(rest).encode())
        except EnvironmentUnavailable:
            del self._workers[number], self._answers[number]
            raise
        try:
            await answer
        except BaseException:
            self._abandon(number)
            raise
        finally:
            del self._answers[number]
        return worker

    def kill(self, worker: Worker) -> None:
        """End the worker and all below it; its exit is reported when none is left."""
        if worker.exited.done():
            return
        try:
            self._send({"kill": worker.number})
        except EnvironmentUnavailable:
            worker.signal(signal.SIGKILL)  # the spawner sweeps the rest when it reaps it

    def hang_up(self, worker: Worker) -> None:
        """End what the worker runs, whose channel is closed; what it had ended with before is told all the same."""
        if not worker.exited.done():
            with suppress(EnvironmentUnavailable):
                self._send({"hang_up": worker.number})

    def terminate(self, worker: Worker) -> None:
        """Send SIGTERM to the worker alone."""
        worker.signal(signal.SIGTERM)

    def drop(self, room: str) -> None:
        """An environment's private /tmp goes, if it has one."""
        with suppress(EnvironmentUnavailable):
            self._send({"drop": room})

    def measure(self) -> None:
        """Have `used` brought up to date."""
        with suppress(EnvironmentUnavailable):
            self._send({"measure": 1})

    async def close(self) -> None:
        """End the spawner and every process below it."""
        self._closed = True
        if self._restarting is not None:
            self._restarting.cancel()
            await asyncio.gather(self._restarting, return_exceptions=True)
        await self._end_process()
        self._end_workers()

    def _abandon(self, number: int) -> None:
        worker = self._workers.get(number)
        if worker is not None:
            worker.on_exit = lambda _: None
            if worker.pid:
                self.kill(worker)  # if it is spawned only later, it is killed when the answer comes

    def _send(self, message: dict[str, Any], *descriptors: int, body: bytes = b"") -> None:
        if self._process is None:
            raise EnvironmentUnavailable("the spawner is being replaced")
        try:
            socket.send_fds(self._process.control, [json.dumps(message).encode() + body], descriptors)
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                raise EnvironmentUnavailable(_TOO_LARGE) from error
            raise EnvironmentUnavailable(f"the spawner cannot be reached: {error.strerror}") from error

    def _readable(self) -> None:
        process = self._process
        for _ in range(_MESSAGES):  # the rest when the loop comes round: it is still readable
            if process is None or process is not self._process:  # given up meanwhile
                return
            try:
                data, descriptors, _, _ = socket.recv_fds(process.control, 65536, 3)
            except BlockingIOError:
                return
            except OSError:
                data, descriptors = b"", []
            if not data:
                self._lost()
                return
            self._received(data, descriptors)

    def _received(self, data: bytes, descriptors: list[int]) -> None:
        """A message of the spawner's, which is trusted."""
        self._heard(json.loads(data), descriptors)

    def _heard(self, message: dict[str, Any], descriptors: list[int]) -> None:
        if "spawned" in message:
            self._spawned(message["spawned"], message["pid"], descriptors)
        elif "failed" in message:
            self._workers.pop(message["failed"], None)
            answer = self._answers.get(message["failed"])
            if answer is not None and not answer.done():
                answer.set_exception(EnvironmentUnavailable(f"no process for an execution environment: {message['error']}"))
        elif "controls" in message:
            self.controls = message["controls"]
            self._probed.set()
        elif "measured" in message:
            self.used = message["measured"]
        else:
            worker = self._workers.pop(message["exited"], None)
            if message["left"]:
                log.warning("environment_processes_left", processes=message["left"])
            if worker is not None:
                worker.end(Exit(message["status"], message["memory"], starved=message.get("starved", False), used=message.get("used", 0)))

    def _spawned(self, number: int, pid: int, descriptors: list[int]) -> None:
        worker = self._workers[number]
        worker.pid = pid
        worker.handle, *listeners = descriptors or [-1]
        if worker.listens and listeners:
            worker.listener = listeners.pop(0)
        if listeners:
            worker.endpoint = listeners.pop(0)
        answer = self._answers.get(number)
        if answer is None or answer.done():
            self.kill(worker)  # nobody waits for it any more
        else:
            answer.set_result(None)

    def _lost(self) -> None:
        """The spawner is gone. Its guard ends what is left of it; then a new one starts."""
        process, self._process = self._process, None
        self._ready.clear()
        if process is None or self._closed:
            return
        asyncio.get_running_loop().remove_reader(process.control.fileno())
        log.error("spawner_died", workers=len(self._workers))
        self._deaths = 1 if self._clock.monotonic() - self._started > _STEADY else self._deaths + 1
        self._restarting = asyncio.create_task(self._restart(process), name="spawner-restart")

    async def _restart(self, process: Spawning) -> None:
        for worker in self._workers.values():
            worker.signal(signal.SIGKILL)
        await asyncio.to_thread(process.leave)
        self._end_workers()
        self._on_restart()
        while not self._ready.is_set():
            await self._clock.sleep(_PAUSES[min(self._deaths, len(_PAUSES)) - 1])
            try:
                await self.open()
            except EnvironmentUnavailable as error:
                self._deaths += 1
                log.error("spawner_not_started", error=str(error))

    def _end_workers(self) -> None:
        for number, worker in list(self._workers.items()):
            answer = self._answers.get(number)
            if answer is not None and not answer.done():
                answer.set_exception(EnvironmentUnavailable("the spawner died"))
            worker.end(Exit(signal.SIGKILL, 0, orphaned=True))
        self._workers.clear()

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            asyncio.get_running_loop().remove_reader(process.control.fileno())
            await asyncio.to_thread(process.leave)
