"""The program `python -I -S -u guard.py CONTROL LIFE LOCK HOUSE`: starts the spawner and outlives it.

Three inherited descriptors: CONTROL, the spawner's socket to the daemon; LIFE, a pipe whose end is the daemon's death; LOCK,
the state directory's lock (-1: none). HOUSE: an empty directory of the spawner's (sandbox_mounts.py). Guard and spawner each end what the other leaves behind, and both hold LOCK until
nothing is left: the next daemon runs nothing while a worker of this one is alive. Standard library only, and little of it."""

import os
import select
import signal
import sys
from contextlib import suppress
from types import ModuleType
from typing import Final

if __name__ == "__main__":  # our own package by path, so that no __init__.py runs and nothing else of the daemon's is in reach
    _here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  # pathlib costs every worker its pages
    for _name, _path in (("router", os.path.dirname(_here)), ("router.runtime", _here)):  # noqa: PTH120
        sys.modules[_name] = ModuleType(_name)
        sys.modules[_name].__path__ = [_path]

from router.runtime import isolation, processes, titles

_CLEANING: Final = 2.0  # seconds for the spawner to end everything itself; a stopped one never does
_PRIORITY: Final = -5  # where we may: a fork bomb must not outrun the one who ends it


def keep(spawner: int, life: int) -> None:
    """The guard: wait for the spawner's end, or for the daemon's and then the spawner's; end all that is left."""
    handle = os.pidfd_open(spawner)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(life, select.POLLIN)
    if handle not in dict(poll.poll()):  # the daemon died; the spawner knows it too and cleans up
        poll.unregister(life)
        if not poll.poll(_CLEANING * 1000):
            os.kill(spawner, signal.SIGKILL)
    processes.sweep(os.getpid())


def main(control: int, life: int, lock: int, house: str) -> None:
    """The whole program, in guard, spawner and worker."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the daemon decides when we leave
        signal.signal(number, signal.SIG_IGN)
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, max(-20, niceness + _PRIORITY))
    isolation.become_subreaper()
    guard = os.getpid()
    child = os.fork()
    if child:
        os.close(control)
        titles.set_title("router-guard", house)
        keep(child, life)
        return
    os.close(life)
    from router.runtime import bootstrap, program, snapshot, spawner  # noqa: PLC0415  # here: loaded once for all workers, and the guard stays small

    assignment = spawner.serve(control, guard, lock, niceness, house)
    if assignment is None:
        return
    if "argv" in assignment.spec:
        program.run(assignment.spec)  # a worker that is another program from here on
    if "template" in assignment.spec:
        snapshot.run(assignment.spec)  # a worker that forks workers
    bootstrap.run(assignment.spec)  # a worker: ends as the function's process ends


if __name__ == "__main__":
    _control, _life, _lock = map(int, sys.argv[1:4])
    main(_control, _life, _lock, sys.argv[4])
