"""What the end of a worker says about the invocation that it had, or about its init. Pure."""

import signal

from router.runtime import frames, outcomes
from router.runtime.endings import Ending, Exhausted, Exit, Expired, Flooded
from router.runtime.outcomes import Failure


def verdict(ending: Ending, exit_: Exit, request_id: str, *, timeout: float, storage: int, limit: int) -> Failure | None:
    """Why there is no answer; None: by no doing of the function's, its worker went with the spawner.

    *ending*: what came first; *exit_*: how the worker ended after it; *timeout*: seconds it had; *storage*: MB of its temporary
    directory; *limit*: bytes of an answer."""
    if isinstance(ending, Expired):
        return outcomes.timed_out(request_id, timeout)
    if isinstance(ending, Flooded):
        return outcomes.too_large(limit)
    if out_of_memory(ending, exit_):
        return outcomes.out_of_memory(request_id)
    if isinstance(ending, Exhausted):
        return outcomes.out_of_storage(request_id, storage)
    if isinstance(ending, frames.Frame) and ending.kind == frames.INIT_ERROR:
        return Failure(ending.meta.decode("utf-8", "replace"), ending.body, "", "error")
    if isinstance(ending, frames.Frame) and ending.kind == frames.NO_PROGRAM:
        return outcomes.not_started(request_id, ending.meta.decode("utf-8", "replace"), ending.body.decode("utf-8", "replace"))
    return None if exit_.orphaned else outcomes.exited(request_id, exit_.status)


def out_of_memory(ending: Ending, exit_: Exit) -> bool:
    """Whether it needed more than it has: it was seen to, or the kernel ended one of its processes for it, and that killed the worker.

    Not where the deadline came first, nor where an answer was too large: then that is what happened."""
    if isinstance(ending, Expired | Flooded):
        return False
    return (isinstance(ending, Exhausted) and ending.what == "memory") or (exit_.starved and exit_.status == signal.SIGKILL)
