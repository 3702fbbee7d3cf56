"""The stages of the data flow: each runs until its event is set, and they stop in the order of the flow, those of one step together."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from router.dispatch.dispatcher import Dispatcher
from router.dispatch.fleet import Fleet
from router.web import Listener

log = structlog.get_logger("router.daemon")

Flow = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
Step = Sequence[tuple[str, Flow]]
"""Named flows that stop together."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the data flow that stops softly by its event, hard by cancellation."""

    name: str
    task: asyncio.Task[None]
    stop: asyncio.Event


def started(group: asyncio.TaskGroup, name: str, run: Flow) -> Stage:
    """A stage that runs in *group* from now on."""
    stop = asyncio.Event()
    return Stage(name, group.create_task(run(stop), name=name), stop)


async def drain(steps: Sequence[Sequence[Stage]], *, grace: float) -> None:
    """Stop in the order of the data flow, a step when the one before it has ended; cancel what runs past *grace* seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace):
            for step in steps:
                for stage in step:
                    stage.stop.set()
                await asyncio.wait([stage.task for stage in step])  # unlike awaiting them: our timeout spares the tasks
    for stage in (stage for step in steps for stage in step):
        stage.stop.set()
        if stage.task.cancel():
            log.warning("stage_cancelled", stage=stage.name, grace_s=grace)


async def run_sources(fleet: Fleet, dispatcher: Dispatcher, stop: asyncio.Event) -> None:
    """Run every source; afterwards nothing new is taken by the other doors either, and what streams comes to its end."""
    await fleet.run(dispatcher, stop)
    dispatcher.closing = True
    await dispatcher.streamed()


async def run_listeners(listeners: Sequence[Listener], stop: asyncio.Event) -> None:
    """Serve the daemon's own listeners; last to stop, so that a drain can be watched."""
    async with asyncio.TaskGroup() as group:
        for listener in listeners:
            group.create_task(listener.serve(stop), name=listener.name)
