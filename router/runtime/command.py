"""Any executable: the event on its standard input, the result on its standard output, one process for each invocation.

What it writes to standard error is its log. An exit status other than 0 is a function error."""

import array
import asyncio
import fcntl
import os
import termios
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import orjson
import structlog

from router.config import programs
from router.config.types import Function
from router.model import RESPONSE_LIMIT, Outcome
from router.runtime import assignment, frames
from router.runtime.base import Invocation
from router.runtime.endings import Exit
from router.runtime.environment import ProcessEnvironment
from router.runtime.extensible import has_extensions
from router.runtime.family import Family
from router.runtime.frames import Frame
from router.runtime.lifecycle import Initialization, State
from router.runtime.outcomes import Failure
from router.runtime.recipe import OnEnd, OnFrame
from router.runtime.shared import Shared
from router.telemetry import report
from router.telemetry.report import LogStream

log: Final = structlog.get_logger(__name__)
_CHUNK: Final = 65536  # bytes
_TURN: Final = 1024 * 1024  # bytes taken in one turn of the loop
EVENT: Final = "event"  # where an environment's spec holds what the next process gets


class CommandLink:
    """A Link to a process that is one invocation: all it gets is there before it starts."""

    bare: Final = False  # see Link

    def __init__(self, event: bytes, on_frame: OnFrame) -> None:
        """Raises OSError (no descriptors)."""
        self._on_frame = on_frame
        self._loop = asyncio.get_running_loop()
        stdin = _held(event)
        try:
            self._reading, stdout = os.pipe()
        except OSError:
            os.close(stdin)
            raise
        os.set_blocking(self._reading, False)
        self._theirs: tuple[int, ...] = (stdin, stdout)
        self._start: bytes | None = b""  # of what came, up to the frame that it begins with; None: that is over
        self._output = bytearray()
        self._over = False  # the output is over the limit
        self._open = True
        self._loop.add_reader(self._reading, self._readable)

    @property
    def theirs(self) -> tuple[int, ...]:
        """See Link."""
        return self._theirs

    @property
    def taken(self) -> bool:
        """See Link."""
        return True

    def passed_on(self, pid: int = 0, listener: int = -1) -> None:  # noqa: ARG002
        """See Link."""
        for descriptor in self._theirs:
            os.close(descriptor)
        self._theirs = ()

    def send(self, kind: int, meta: bytes, body: bytes) -> bool:  # noqa: ARG002
        """See Link. The process has it already."""
        return True

    def pump(self) -> None:
        """See Link. What is there now, and no more: a process that goes on writing holds nobody up."""
        unread = array.array("i", [0])
        fcntl.ioctl(self._reading, termios.FIONREAD, unread)
        taken = 0
        while self._open and taken < unread[0] and (size := self._read()):
            taken += size

    def pause(self) -> None:
        """See Link. A result is one piece."""

    def resume(self) -> None:
        """See Link."""

    def close(self) -> None:
        """See Link."""
        self._stop()
        self.passed_on()
        os.close(self._reading)

    def answer(self, exit_: Exit) -> Frame | None:
        """What the process said before it ended with that; None: nothing that counts."""
        if self._over:
            return Frame(frames.OVERSIZED, memory=exit_.memory)
        output = bytes(self._output)
        if exit_.status == 0:
            return Frame(frames.RESULT, body=output or b"null", memory=exit_.memory)
        error_type = _error_type(output)
        return None if error_type is None else Frame(frames.ERROR, error_type.encode(), output, exit_.memory)

    def _readable(self) -> None:
        taken = 0
        while self._open and taken < _TURN:
            size = self._read()
            if not size:
                return
            taken += size

    def _read(self) -> int:
        """Take a chunk; how many bytes it had."""
        try:
            chunk = os.read(self._reading, _CHUNK)
        except (BlockingIOError, InterruptedError):
            return 0
        if not chunk:
            self._stop()
        elif self._start is None:
            self._keep(chunk)
        else:
            self._begin(chunk)
        return len(chunk)

    def _begin(self, chunk: bytes) -> None:
        self._start = (self._start or b"") + chunk
        found = frames.first(self._start)
        if found is not None:
            self._start = None
            self._keep(found[1])
            self._on_frame(found[0])

    def _keep(self, output: bytes) -> None:
        self._over = self._over or len(self._output) + len(output) > RESPONSE_LIMIT
        if self._over:
            self._output.clear()
        else:
            self._output += output

    def _stop(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._reading)


class CommandEnvironment(ProcessEnvironment):
    """A log stream and a temporary directory, and one process after another."""

    INITIALISES: ClassVar[bool] = False

    def __init__(self, recipe: "CommandRuntime", function: Function, stream: LogStream) -> None:
        super().__init__(recipe, function, stream)
        self.state = State.BROKEN  # there is nothing to initialise before an event is there
        self._always = self._spec

    async def invoke(self, invocation: Invocation) -> Outcome:
        """See ProcessEnvironment. The process finds in its variables what a context object would tell."""
        deadline = self._clock.now() + invocation.function.timeout
        told = {
            "AWS_LAMBDA_REQUEST_ID": invocation.request_id,
            "AWS_LAMBDA_INVOKED_FUNCTION_ARN": invocation.arn,
            "AWS_LAMBDA_DEADLINE_MS": str(round(deadline * 1000)),
            "AWS_LAMBDA_CLIENT_CONTEXT": invocation.client_context.replace("\0", " "),
            "_X_AMZN_TRACE_ID": invocation.trace.replace("\0", " "),
        }
        variables = {**self._always["variables"], **{name: value for name, value in told.items() if value}}
        self._spec = {**self._always, "variables": variables, EVENT: invocation.payload}
        try:
            return await super().invoke(invocation)
        finally:
            self._spec = self._always

    async def _run(self, invocation: Invocation, began: float) -> Failure | Frame:
        answer = await super()._run(invocation, began)
        if self.state is State.READY:
            await self._forget_worker()
        return answer

    def _exited(self, exit_: Exit) -> None:
        link = self._channel
        if not isinstance(link, CommandLink):
            super()._exited(exit_)
            return
        link.pump()  # whoever could write has ended
        answer = link.answer(exit_) if self.state is State.BUSY and not exit_.orphaned else None
        self._resolve(answer or exit_)


class CommandRuntime(Family):
    """See Family."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._told: set[str] = set()

    def environment(self, function: Function, stream: LogStream, initialization: Initialization) -> CommandEnvironment:  # noqa: ARG002
        """An environment without a process; and without extensions, which is said once: there is no init in which they could register."""
        if function.name not in self._told and has_extensions(function):
            self._told.add(function.name)
            log.warning("extensions_not_started", function=function.name, opt=str(function.opt))
        return CommandEnvironment(self, function, stream)

    def spec(self, function: Function, *, log_stream: str, tmp: str, separator: str) -> Mapping[str, Any]:  # noqa: ARG002
        """See Recipe."""
        path = programs.program(function.code, function.command[0])
        return assignment.program(
            function,
            function.command,
            str(path or ""),
            passes="streams",
            absent=f"Couldn't find the command: {path or function.command[0]}",
            region=self.shared.region,
            log_stream=log_stream,
            tmp=tmp,
            extra=self.shared.added(function),
        )

    def link(self, spec: Mapping[str, Any], on_frame: OnFrame, on_end: OnEnd) -> tuple[CommandLink, Mapping[str, Any]]:  # noqa: ARG002
        """See Recipe."""
        return CommandLink(spec[EVENT], on_frame), {name: value for name, value in spec.items() if name != EVENT}

    def init_start(self, function: Function) -> report.InitStart:
        """See Recipe."""
        return report.init_start(self.shared.region, "command:1.v1", function.name)  # never written: nothing initialises


def _held(event: bytes) -> int:
    """A descriptor that reads the event; memory, so that a program that does not read it holds nobody up."""
    descriptor = os.memfd_create("event", os.MFD_CLOEXEC)
    try:
        view = memoryview(event)
        while view:
            view = view[os.write(descriptor, view) :]
        os.lseek(descriptor, 0, os.SEEK_SET)
    except OSError:  # no memory for it
        os.close(descriptor)
        raise
    return descriptor


def _error_type(output: bytes) -> str | None:
    """The errorType of an error object; None when it is none."""
    try:
        found = orjson.loads(output)
    except ValueError:
        return None
    error_type = found.get("errorType") if isinstance(found, dict) else None
    return error_type if isinstance(error_type, str) else None
