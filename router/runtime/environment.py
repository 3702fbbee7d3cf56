"""An execution environment: one process after another, one invocation at a time. What the process is, its recipe knows.

After a crash or a timeout an environment is reset as on AWS: the process and its globals are gone, the temporary directory
and the log stream stay, and the next invocation initialises inside itself, under the function's own timeout."""

import asyncio
import math
import os
import uuid
from collections.abc import Callable
from typing import ClassVar, Final, Literal

from router.config.types import Function
from router.errors import EnvironmentUnavailable, SpawnerDied
from router.model import RESPONSE_LIMIT, STREAM_LIMIT, Outcome
from router.runtime import assignment, farewell, frames, lifecycle, outcomes, verdicts
from router.runtime.base import Invocation
from router.runtime.endings import Closed, Ending, Exhausted, Exit, Expired, Flooded
from router.runtime.intake import Intake
from router.runtime.invocation_log import InvocationLog
from router.runtime.lifecycle import NEXT, Event, Initialization, State
from router.runtime.outcomes import Failure
from router.runtime.output import Lines
from router.runtime.pipes import Output
from router.runtime.recipe import Link, Recipe
from router.runtime.sandbox_plan import MB
from router.runtime.sandbox_watch import Look, Watched
from router.runtime.worker import Worker
from router.telemetry import report
from router.telemetry.platform import Phase, Status
from router.telemetry.report import LogStream, Report

_KILLED: Final = 3.0  # seconds to wait for a killed tree before going on; the spawner says what would not die
CLOSED: Final = "the execution environment was closed meanwhile"
_HUNG_UP: Final = 0.5  # seconds for a worker without a channel to end by itself


class ProcessEnvironment:
    """One execution environment; see base.ExecutionEnvironment."""

    INITIALISES: ClassVar[bool] = True  # a process does something before it can run a handler
    RESTORES: ClassVar[bool] = False  # which is no init, but what follows the fork of a snapshot

    def __init__(
        self, recipe: Recipe, function: Function, stream: LogStream, initialization: Initialization = Initialization.ON_DEMAND
    ) -> None:
        self.function, self.initialization = function, initialization
        self.on_lost: Callable[[], None] = lambda: None
        self.dropped = 0  # bytes of output that were not logged, and nobody has taken note of
        self.state = State.COLD
        self.init_failure: Failure | None = None  # why the last init failed; None once one succeeded
        self._recipe, self._shared, self._clock = recipe, recipe.shared, recipe.shared.clock
        self._log = InvocationLog(stream, self._clock.now, function, initialization)
        self._tmp = self._shared.tmp / uuid.uuid4().hex
        self._separator = os.urandom(12).hex()  # the letters themselves: a random byte may be a newline
        spec = recipe.spec(function, log_stream=stream.name, tmp=str(self._tmp), separator=self._separator)
        spec = self._shared.confined(function, spec, self._tmp)
        self._spec = {**spec, "variables": {**spec["variables"], "AWS_LAMBDA_INITIALIZATION_TYPE": initialization.value}}
        self._worker: Worker | None = None
        self._launcher = self._shared.launcher
        self._channel: Link | None = None
        self._output: Output | None = None
        self._waiting: asyncio.Future[Ending] | None = None
        self._intake: Intake | None = None  # of the running invocation, when its answer may be streamed
        self._plain = type(self)._run is ProcessEnvironment._run  # noqa: SLF001 - its own; nothing more is to be done for an invocation
        self._memory = 0  # KiB
        self._init_ms: float | None = None  # of an early init phase that no REPORT has told of yet
        self._afterwards: Failure | None = None  # what went wrong with the running invocation once it was answered

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run it; see base. Raises EnvironmentUnavailable when no process could be had, or when closed meanwhile."""
        init_ms = await self._init_phase() if self.state is lifecycle.COLD else self._init_ms
        self._init_ms = None
        if self.state is lifecycle.READY and self._worker is not None and self._worker.exited.done():
            await self._forget_worker()
        self._log.started(invocation.request_id, invocation.trace)
        if self.state is lifecycle.BROKEN:
            await self._launch_again(invocation.request_id)
        began = self._clock.monotonic()
        if self._plain and self.state is lifecycle.READY:  # as _run() does, which would be one more coroutine for every invocation
            ending = None
            if self._send(invocation, timeout := invocation.function.timeout):
                waiting = self._awaits(began + timeout)
                try:
                    ending = await waiting
                finally:
                    self._awaits_no_more()
            answer = self._taken(ending) or await self._judged(ending, invocation, began, fresh=False)
        else:
            answer = await self._run(invocation, began)
        duration_ms = (self._clock.monotonic() - began) * 1000
        verdict = self._afterwards or answer
        if isinstance(verdict, Failure) and verdict.status == "timeout":
            duration_ms = invocation.function.timeout * 1000
        return self._finish(invocation, answer, duration_ms, init_ms)

    async def warm(self) -> Failure | None:
        """See base. Nothing waits for it, so it may take longer; the first REPORT tells how long it took, as on AWS."""
        self._init_ms = await self._init_phase()
        return self.init_failure

    async def refuse(self, invocation: Invocation, payload: bytes, error_type: str) -> Outcome:
        """Answer with the error object of an earlier init, without starting a process."""
        self._log.started(invocation.request_id, invocation.trace)
        again = f"Init failed again and again: the error of the last one is repeated until the next try.\n{error_type}"
        self._log.failed(invocation.request_id, again)
        return self._finish(invocation, Failure(error_type, payload, "", "error"), 0.0, None)

    async def close(self) -> None:
        """End the worker with all its descendants and empty its temporary directory. One that is idle is told first."""
        if self.state is lifecycle.CLOSED:
            return
        idle = self.state is lifecycle.READY
        self._change(Event.CLOSE)
        self._resolve(Closed())
        if idle and self._worker is not None:
            await farewell.bid(self._worker, self._launcher)
        await self._end_worker()
        self._log.close()
        await asyncio.to_thread(self._shared.remove, self._tmp)

    async def _run(self, invocation: Invocation, began: float) -> Failure | frames.Frame:
        """Initialise if need be, run the handler: what the platform has to say, or the answer of the worker."""
        deadline = began + invocation.function.timeout
        fresh = self.state is lifecycle.STARTING
        if fresh:
            if self.INITIALISES:
                self._tell_init("invoke")
            failure = await self._initialised(await self._ending(deadline), invocation)
            if failure is not None:
                self._init_failed(failure, began, "invoke")
                return failure
            if self.INITIALISES:
                self._tell_init_end((self._clock.monotonic() - began) * 1000, "invoke")
        left = deadline - self._clock.monotonic() if fresh else invocation.function.timeout
        ending = await self._ending(deadline) if self._send(invocation, left) or fresh else None
        return self._taken(ending) or await self._judged(ending, invocation, began, fresh=fresh)

    def _taken(self, ending: Ending | None) -> Failure | frames.Frame | None:
        """The answer that an invocation ended with; None: it ended otherwise, or its worker is done for."""
        if not isinstance(ending, frames.Frame) or ending.kind not in frames.ANSWERS:
            return None
        _, _, _, memory = ending
        self._memory = max(self._memory, memory)
        self._hear_out()
        self._change(lifecycle.ANSWERED)
        if ending.kind == frames.FATAL:
            return None
        return outcomes.too_large(self._answer_limit()) if ending.kind == frames.OVERSIZED else ending

    async def _judged(self, ending: Ending | None, invocation: Invocation, began: float, *, fresh: bool) -> Failure | frames.Frame:
        """What an invocation came to that _taken() has no answer for. *ending*: None: the event was not sent."""
        if isinstance(ending, frames.Frame) and ending.kind == frames.FATAL:
            await self._forget_worker()
            return ending
        if ending is None:  # it died idle and has seen nothing of this
            return await self._again(invocation, began)
        ending = self._counting(ending)
        if isinstance(ending, Exit) and not fresh and self._channel is not None and not self._channel.taken:
            return await self._again(invocation, began)
        return await self._broken(ending, invocation.request_id, invocation.function.timeout)

    async def _again(self, invocation: Invocation, began: float) -> Failure | frames.Frame:
        """The worker is gone and has seen nothing of the event: run it in another."""
        await self._forget_worker()
        await self._launch()
        return await self._run(invocation, began)

    def _send(self, invocation: Invocation, left: float) -> bool:
        """Hand the event to the worker, *left* seconds before its deadline. False: the worker is gone."""
        assert self._channel is not None
        self._change(lifecycle.INVOKE)
        self._waiting = self._loop.create_future()
        self._intake = Intake(invocation.sink, self._channel.pause, self._channel.resume) if invocation.sink is not None else None
        return self._channel.send(frames.INVOKE, assignment.request(invocation, max(0, round(left * 1000))), invocation.payload)

    async def _forget_worker(self) -> None:
        """The worker died idle: whatever it was is no fault of the next invocation."""
        self._change(Event.DIED)
        await self._end_worker()

    async def _init_phase(self) -> float | None:
        """The init phase of a cold start: its milliseconds, None when it did not succeed."""
        began = self._clock.monotonic()
        self._tell_init("init")
        await self._launch()
        failure = await self._initialised(await self._ending(began + self._limit()), None)
        if failure is None:
            init_ms = (self._clock.monotonic() - began) * 1000
            self._tell_init_end(init_ms, "init")
            return init_ms
        self._init_failed(failure, began, "init")
        return None

    def _init_failed(self, failure: Failure, began: float, phase: Literal["init", "invoke"]) -> None:
        spent = (self._clock.monotonic() - began) * 1000
        self._tell_init_end(spent, phase, failure.status, failure.error_type)

    def _limit(self) -> float:
        """Seconds that the init phase may take."""
        return lifecycle.RESTORE_LIMIT if self.RESTORES else lifecycle.init_limit(self.initialization, self.function.timeout)

    def _tell_init(self, phase: Phase) -> None:
        (self._log.restore_started if self.RESTORES else self._log.init_started)(self._recipe.init_start(self.function), phase)

    def _tell_init_end(self, spent: float, phase: Phase, status: Status = "", error_type: str = "") -> None:
        (self._log.restore_ended if self.RESTORES else self._log.init_ended)(spent, phase, status, error_type)

    async def _launch(self) -> None:
        """Have a worker started; it answers with READY or INIT_ERROR. Raises EnvironmentUnavailable."""
        try:
            self._channel, spec = self._recipe.link(self._spec, self._framed, self._hung_up)
            self._output = Output(Lines(self._separator.encode(), self._drop), self._log.output, self._clock.monotonic)
            self._loop = asyncio.get_running_loop()
            self._waiting = self._loop.create_future()
            self._launcher = self._recipe.launcher(self.function)
            self._worker = await self._launcher.spawn(spec, (*self._channel.theirs, self._output.theirs), self._exited)
        except OSError as error:
            self._drop_descriptors()
            raise EnvironmentUnavailable(f"no descriptors for an execution environment: {error.strerror}") from error
        except BaseException:
            self._drop_descriptors()
            raise
        if self._channel is None or self._output is None:  # closed meanwhile
            await self._end_worker()
            raise EnvironmentUnavailable(CLOSED)
        await self._shared.let_in(self._worker)
        self._channel.passed_on(self._worker.pid, self._worker.take_listener())
        self._output.passed_on()
        self._change(Event.START)

    async def _launch_again(self, request_id: str) -> None:
        """Have a worker started within an invocation, whose log begins before the worker says anything. Raises EnvironmentUnavailable."""
        try:
            await self._launch()
        except EnvironmentUnavailable as error:
            if self.state is not lifecycle.CLOSED:
                self._log.failed(request_id, outcomes.unavailable(request_id, error))
            raise

    async def _ending(self, deadline: float) -> Ending:
        """What comes first: a frame, the worker's exit, the deadline, or our closing. Cancelled, the worker is ended."""
        waiting = self._awaits(deadline)
        try:
            ending = await waiting
        finally:
            self._awaits_no_more()
        return self._counting(ending)

    def _awaits(self, deadline: float) -> asyncio.Future[Ending]:
        waiting = self._waiting
        assert waiting is not None
        if self._worker is not None and self._worker.exited.done():
            self._exited(self._worker.exited.result())  # it was told when nobody waited
        self._shared.deadlines.set(self, deadline)
        return waiting

    def _awaits_no_more(self) -> None:
        self._waiting = None
        self._shared.deadlines.clear(self)
        if self._intake is not None:
            self._intake.end()

    def _counting(self, ending: Ending) -> Ending:
        """What counts of an ending when the environment was closed meanwhile."""
        if self.state is lifecycle.CLOSED and not (isinstance(ending, frames.Frame) and ending.kind in frames.ANSWERS):
            return Closed()
        return ending

    async def _initialised(self, ending: Ending, invocation: Invocation | None) -> Failure | None:
        """Take note of how an init ended; inside an invocation or, without one, in the init phase."""
        if isinstance(ending, frames.Frame) and frames.is_ready(ending):
            self._memory = max(self._memory, ending.memory)
            self._drain()
            self._change(Event.INITIALISED)
            self.init_failure = None
            return None
        request_id, timeout = (invocation.request_id, invocation.function.timeout) if invocation else ("", self._limit())
        self.init_failure = await self._broken(ending, request_id, timeout)
        return self.init_failure

    async def _broken(self, ending: Ending, request_id: str, timeout: float) -> Failure:
        """End what is left of the worker; say what happened. Raises EnvironmentUnavailable when it was no doing of the function's."""
        if isinstance(ending, Closed):
            raise EnvironmentUnavailable(CLOSED)
        self._change(Event.DIED)
        exit_ = await self._end_worker()
        limit = self._answer_limit()
        failure = verdicts.verdict(ending, exit_, request_id, timeout=timeout, storage=self.function.ephemeral_storage, limit=limit)
        if failure is None:
            self._log.failed(request_id, outcomes.orphaned(request_id))
            raise SpawnerDied
        if isinstance(ending, Expired) and request_id:
            self._log.timed_out(request_id, timeout)
        if verdicts.out_of_memory(ending, exit_):
            self._memory = self.function.memory * 1024
        return failure

    async def _end_worker(self) -> Exit:
        """Kill the tree, wait until it is gone, log its last words."""
        worker, self._worker = self._worker, None
        exit_ = Exit(9, 0)
        if worker is not None:
            self._launcher.kill(worker)
            done, _ = await asyncio.wait([worker.exited], timeout=_KILLED)
            if done:
                exit_ = worker.exited.result()
        self._memory = max(self._memory, exit_.memory)
        self._drain()
        self._drop_descriptors()
        return exit_

    def _drop_descriptors(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._output is not None:
            self._output.close()
        self._channel = self._output = None

    def _hear_out(self) -> None:
        """Log what was written before the answer."""
        channel, output = self._channel, self._output
        assert channel is not None
        assert output is not None
        if self._intake is None and channel.bare:
            output.settle()
        else:
            output.drain()

    def _drop(self, size: int) -> None:
        self.dropped += size

    def _drain(self) -> None:
        if self._output is not None:
            self._output.drain()

    def _finish(self, invocation: Invocation, answer: Failure | frames.Frame, duration_ms: float, init_ms: float | None) -> Outcome:
        """END and REPORT, and the outcome."""
        status: Literal["", "error", "timeout"] = ""
        request_id, function = invocation.request_id, self.function
        if isinstance(answer, Failure):
            failed = True
            error_type, payload, line, status = answer
            if line:
                self._log.failed(request_id, line)
        else:
            kind, meta, payload, _ = answer
            failed = kind in frames.ERRORS
            error_type = meta.decode("utf-8", "replace") if failed else ""
        most, billed = math.ceil(self._memory / 1024), report.billed_ms(duration_ms, init_ms)
        said = error_type if status == "error" else ""
        if self._afterwards is not None:
            status, said = self._told_afterwards(request_id, self._afterwards)
        init, restore = (None, init_ms) if self.RESTORES else (init_ms, None)
        told = (request_id, duration_ms, billed, function.memory, most, init, status, said, len(payload), invocation.trace, restore)
        self._log.ended(tuple.__new__(Report, told))
        error = "Unhandled" if failed else ""
        outcome = (payload, error, error_type, duration_ms, billed, init_ms, most, self._log.tail(), self._log.name, function.version)
        return tuple.__new__(Outcome, outcome)

    def _told_afterwards(self, request_id: str, failure: Failure) -> tuple[Literal["error", "timeout"], str]:
        """Status and error type of a REPORT whose invocation was answered before it went wrong."""
        self._afterwards = None
        if failure.line:
            self._log.failed(request_id, failure.line)
        return failure.status, failure.error_type if failure.status == "error" else ""

    def watched(self) -> tuple[Watched, ...]:
        """Who is looked at while this runs."""
        return (self,)

    def look(self, *, storage: bool) -> Look | None:
        """See Watched: the running processes' memory, or the room for temporary files that nothing else bounds."""
        sandbox, pids = self._spec.get("sandbox"), tuple(self._pids())
        if sandbox is None or not pids or (storage and sandbox["namespaces"]):
            return None
        return Look(pids, self.function.ephemeral_storage * MB, str(self._tmp)) if storage else Look(pids, self.function.memory * MB)

    def exceeded(self, processes: tuple[int, ...]) -> None:  # noqa: ARG002
        """See Watched."""
        self._resolve(Exhausted("memory"))

    def overfull(self) -> None:
        """See Watched."""
        self._resolve(Exhausted("storage"))

    def _pids(self) -> list[int]:
        """Its processes, as far as their numbers are known."""
        worker = self._worker
        return [worker.pid] if worker is not None and worker.pid and not worker.exited.done() else []

    def expired(self) -> None:
        """The deadline passed; what the worker has handed over by now still counts."""
        if self._channel is not None:
            self._channel.pump()
        self._resolve(Expired())

    def _framed(self, frame: frames.Frame) -> None:
        if frame.kind not in frames.PARTS:
            self._resolve(frame)  # with nobody waiting it is nobody's answer: dropped
        elif self._intake is not None and self._waiting is not None and not self._waiting.done() and not self._intake.take(frame):
            self._resolve(Flooded())

    def _answer_limit(self) -> int:
        """Bytes that the running invocation's answer may have."""
        return STREAM_LIMIT if self._intake is not None and self._intake.begun else RESPONSE_LIMIT

    def _hung_up(self) -> None:
        """The channel ended before the exit was reported: the worker is dying, or has closed its descriptors."""
        if self._worker is not None:
            asyncio.get_running_loop().call_later(_HUNG_UP, self._launcher.hang_up, self._worker)
            asyncio.get_running_loop().call_later(_HUNG_UP + _KILLED, self._launcher.kill, self._worker)

    def _exited(self, exit_: Exit) -> None:
        if self._channel is not None:
            self._channel.pump()  # an answer sent before the end counts
        if self._waiting is None and self.state is lifecycle.READY:
            self.on_lost()
        self._resolve(exit_)

    def _resolve(self, ending: Ending) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(ending)

    def _change(self, event: Event) -> None:
        self.state = NEXT[self.state][event]
