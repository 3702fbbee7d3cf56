"""An execution environment with extensions: processes and threads beside the runtime that are told what it is told.

Init ends when the runtime and all extensions have asked for their first event, an invocation when all that were told of it have
asked for the next. Lambda developer guide, "Lambda Extensions API" and "Lambda execution environment lifecycle"."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from router.config.types import Function
from router.errors import EnvironmentUnavailable
from router.model import Outcome
from router.runtime import assignment, extension_api, extension_processes, frames, lifecycle, outcomes
from router.runtime.api_link import PORT, ApiPort, SharedPort
from router.runtime.api_session import Front
from router.runtime.base import Invocation
from router.runtime.endings import Closed, Ending, Exhausted, Exit, Expired, ExtensionFailed, Settled
from router.runtime.environment import CLOSED, ProcessEnvironment
from router.runtime.extension_api import Reason
from router.runtime.extension_processes import ExtensionProcesses
from router.runtime.extensions import Doors, Extensions
from router.runtime.lifecycle import Event, Initialization
from router.runtime.outcomes import Failure
from router.runtime.recipe import Recipe
from router.runtime.telemetry_calls import Subscriptions
from router.runtime.telemetry_feed import Telemetry
from router.telemetry import report
from router.telemetry.report import LogStream, Report

_CONNECTIONS: Final = 64  # at one time, of the runtime and at most ten extensions
_SHUTDOWN: Final = 2.0  # seconds for external extensions to end; what the runtime has before them: farewell.py


class ExtendedEnvironment(ProcessEnvironment):
    """See ProcessEnvironment."""

    def __init__(
        self, recipe: Recipe, function: Function, stream: LogStream, initialization: Initialization = Initialization.ON_DEMAND
    ) -> None:
        super().__init__(recipe, function, stream, initialization)
        self._always = self._spec
        self._telemetry = self._log.telemetry = Telemetry(self._clock.now, self._pids)
        self._port: ApiPort | None = None
        self._extensions: Extensions | None = None
        self._processes: ExtensionProcesses | None = None
        self._failed: ExtensionFailed | None = None  # of this generation; the first
        self._going: asyncio.Task[None] | None = None  # the generation before this one ends
        self._reason = Reason.SPINDOWN
        self._deadline = 0.0  # of init
        self._between = False  # extensions are waited for, and the runtime is not
        self._extra = 0  # KiB, of extensions

    async def invoke(self, invocation: Invocation) -> Outcome:
        """See ProcessEnvironment. An extension that ended while nothing ran is no fault of this invocation."""
        if self._failed is not None and self.state is lifecycle.READY:
            await self._forget_worker()
        return await super().invoke(invocation)

    async def close(self) -> None:
        """See ProcessEnvironment: extensions are told SPINDOWN, and have their time."""
        self._reason = Reason.SPINDOWN
        await super().close()

    @property
    def _over(self) -> bool:
        """Whether it was closed; meanwhile, mostly."""
        return self.state is lifecycle.CLOSED

    # -- a generation begins

    async def _launch(self) -> None:
        """Extensions first; the runtime starts when every external one has registered. Raises EnvironmentUnavailable."""
        await self._gone()
        self._reason, self._failed = Reason.FAILURE, None
        limit = self._limit() if self.state is lifecycle.COLD else self.function.timeout  # within an invocation its own
        self._deadline = self._clock.monotonic() + limit
        files = await asyncio.to_thread(extension_processes.found, self.function.opt)
        if self._over:
            raise EnvironmentUnavailable(CLOSED)
        try:
            ending = await self._begin(files)
        except OSError as error:
            raise EnvironmentUnavailable(f"no descriptors for an execution environment: {error.strerror}") from error
        finally:
            self._waiting = None
        if ending is None and not self._over:
            await self._launch_runtime()
            return
        if ending is None or self._over:
            raise EnvironmentUnavailable(CLOSED)
        self._change(Event.START)  # and ends at once: who waits for the runtime is told why
        self._waiting = asyncio.get_running_loop().create_future()
        self._waiting.set_result(ending)

    async def _begin(self, files: Mapping[str, Any]) -> Ending | None:
        """Open the port, start external extensions, wait for them; what came instead of their registration."""
        function = extension_api.Function(self.function.name, self.function.version, self.function.handler, self._shared.account)
        self._extensions = Extensions(files, function, self._clock.now, self._moved)
        doors = Doors(self._extensions, Subscriptions(self._telemetry, self._extensions, self._log.subscribed).calls)
        self._port = ApiPort(doors, self._clock.now, _CONNECTIONS)
        self._processes = ExtensionProcesses(self._shared, self._log, self._port, self._extension_failed)
        self._spec = self._spec_of(self._port, doors.attach)
        if len(files) > extension_api.MOST:
            return ExtensionFailed("", "Extension.TooManyExtensions", f"{len(files)} of them; {extension_api.MOST} are the most")
        await self._processes.start(files, self._always)
        if self._over:
            return Closed()
        return await self._until_registered()

    def _spec_of(self, port: ApiPort, attach: Callable[[Front], None]) -> dict[str, Any]:
        speaks_api = self._always.get("passes") == ""  # and not in frames: see program.py
        variables = {**self._always["variables"], "AWS_LAMBDA_RUNTIME_API": port.address}
        return {**self._always, "variables": variables, **({PORT: SharedPort(port, attach)} if speaks_api else {})}

    async def _launch_runtime(self) -> None:
        """The runtime, whose process is heard on the port too."""
        port = self._port
        assert port is not None
        port.expect()
        try:
            await super()._launch()
        except BaseException:
            port.forgo()
            raise
        assert self._worker is not None
        port.admit(self._worker.pid)

    async def _until_registered(self) -> Ending | None:
        assert self._extensions is not None
        while not self._extensions.registered:
            ending = await self._wait(self._deadline)
            if not isinstance(ending, Settled):
                return ending
        return self._failed

    async def _initialised(self, ending: Ending, invocation: Invocation | None) -> Failure | None:
        """See ProcessEnvironment: the runtime, and then its extensions."""
        failure = await super()._initialised(ending, invocation)
        if failure is not None:
            return failure
        late = await self._until_settled(self._deadline if invocation is None else self._clock.monotonic() + invocation.function.timeout)
        if late is not None:
            request_id = invocation.request_id if invocation else ""
            limit = lifecycle.init_limit(self.initialization, self.function.timeout)
            self.init_failure = await self._broken(late, request_id, invocation.function.timeout if invocation else limit)
            return self.init_failure
        assert self._extensions is not None
        self._extensions.open = False
        self._telemetry.close()
        for extension in self._extensions.all.values():
            self._log.extension(extension.name, extension.state, sorted(extension.events))
        return None

    # -- an invocation

    def _send(self, invocation: Invocation, left: float) -> bool:
        """See ProcessEnvironment: runtime and extensions are told at the same time."""
        assert self._extensions is not None
        sent = super()._send(invocation, left)
        if sent:
            self._extensions.invoke(assignment.requested(assignment.request(invocation, max(0, round(left * 1000)))))
        return sent

    async def _run(self, invocation: Invocation, began: float) -> Failure | frames.Frame:
        """See ProcessEnvironment: what the runtime answered, once all extensions have done with the invocation."""
        answer = await super()._run(invocation, began)
        if self.state is not lifecycle.READY or self._processes is None:
            return answer
        assert self._extensions is not None
        so_far = self._so_far(invocation, answer, began)
        if self._log.runtime_done(so_far) and invocation.on_answer is not None and not self._extensions.settled:
            invocation.on_answer(self._answered(so_far, answer))
        late = await self._until_settled(began + invocation.function.timeout)
        if late is None:
            self._processes.drain()
            self._extra = max(self._extra, self._processes.memory())
        elif isinstance(late, Closed):
            self._reason = Reason.SPINDOWN
        else:
            self._afterwards = await self._broken(late, invocation.request_id, invocation.function.timeout)
        return answer

    def _so_far(self, invocation: Invocation, answer: Failure | frames.Frame, began: float) -> Report:
        """The figures of an invocation that its runtime has answered."""
        duration_ms = (self._clock.monotonic() - began) * 1000
        told = Report(invocation.request_id, duration_ms, 0, self.function.memory, 0, trace=invocation.trace)
        if isinstance(answer, Failure):
            return told._replace(status=answer.status, error_type=answer.error_type, produced=len(answer.payload))
        return told._replace(produced=len(answer.body))

    def _answered(self, so_far: Report, answer: Failure | frames.Frame) -> Outcome:
        """What the caller gets while extensions go on."""
        if isinstance(answer, Failure):
            payload, error_type = answer.payload, answer.error_type
        else:
            payload, error_type = answer.body, answer.meta.decode("utf-8", "replace") if answer.kind in frames.ERRORS else ""
        failed = isinstance(answer, Failure) or answer.kind in frames.ERRORS
        billed = report.billed_ms(so_far.duration_ms, None)
        told = "Unhandled" if failed else ""
        return Outcome(
            payload,
            told,
            error_type,
            so_far.duration_ms,
            billed,
            log=self._log.tail(),
            log_stream=self._log.name,
            version=self.function.version,
        )

    def _finish(self, invocation: Invocation, answer: Failure | frames.Frame, duration_ms: float, init_ms: float | None) -> Outcome:
        """See ProcessEnvironment: what extensions need counts too."""
        own, self._memory = self._memory, self._memory + self._extra
        try:
            return super()._finish(invocation, answer, duration_ms, init_ms)
        finally:
            self._memory = own

    async def _until_settled(self, deadline: float) -> Ending | None:
        """Wait until every extension waits for the next event; what came instead."""
        assert self._extensions is not None
        while self._failed is None and not self._extensions.settled:
            ending = await self._wait(deadline)
            if isinstance(ending, Exit | Expired | Exhausted | ExtensionFailed | Closed):
                return ending
        return self._failed

    async def _wait(self, deadline: float) -> Ending:
        """For the next that happens."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._between = True
        try:
            return await self._ending(deadline)
        finally:
            self._between = False

    async def _broken(self, ending: Ending, request_id: str, timeout: float) -> Failure:
        """See ProcessEnvironment."""
        self._reason = Reason.TIMEOUT if isinstance(ending, Expired) else Reason.FAILURE
        failure = await super()._broken(ending, request_id, timeout)
        if not isinstance(ending, ExtensionFailed):
            return failure
        if self._extensions is not None and ending.name:
            state = "LaunchError" if ending.error_type == "Extension.LaunchError" else "Failed"
            self._log.extension(ending.name, state, [], ending.error_type)
        return outcomes.extension_failed(request_id, *ending)

    # -- what extensions do

    def _pids(self) -> list[int]:
        """See ProcessEnvironment: extensions share its memory."""
        return super()._pids() + (self._processes.pids() if self._processes is not None else [])

    def _moved(self) -> None:
        """One of them has called."""
        assert self._extensions is not None
        if self._extensions.failure is not None:
            extension, error_type = self._extensions.failure
            step = "Extension.InitError" if extension.state is extension_api.State.INIT_ERROR else "Extension.ExitError"
            self._extension_failed(ExtensionFailed(extension.name, step, error_type))
        elif self._between:
            self._resolve(Settled())

    def _extension_failed(self, failed: ExtensionFailed) -> None:
        if self._failed is not None:
            return
        self._failed = failed
        if self._waiting is None and self.state is lifecycle.READY:
            self.on_lost()
        self._resolve(failed)

    # -- a generation ends

    async def _end_worker(self) -> Exit:
        """See ProcessEnvironment: the runtime first, then the extensions, in the time that they have."""
        exit_ = await super()._end_worker()
        if self._going is None and self._processes is not None:
            self._going = asyncio.create_task(self._end_extensions(), name="extensions-shutdown")
        if self._over:
            await self._gone()
        return exit_

    async def _end_extensions(self) -> None:
        extensions, processes, port = self._extensions, self._processes, self._port
        if extensions is None or processes is None or port is None:
            return
        processes.expected_to_end()
        self._telemetry.flush()
        extensions.shut_down(self._reason, _SHUTDOWN)
        await processes.end(_SHUTDOWN, {extension.name for extension in extensions.shutting})
        port.close()
        await self._telemetry.end()
        self._extensions = self._processes = self._port = None

    async def _gone(self) -> None:
        """Wait until the extensions of the generation before have ended."""
        if self._going is not None:
            await self._going
            self._going = None
