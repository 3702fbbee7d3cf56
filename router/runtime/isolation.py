"""The isolation that every environment gets, whatever the user and the kernel: applied by the worker to itself after fork.

Standard library only; runs in the worker. CONTROLS names what is in effect, for `router doctor`; what this machine refuses is found out
by a child of the spawner's as it starts (sandbox_probe.py), and is the same for every worker. Order matters: /proc/self turns root-owned once dumpable is 0."""

import ctypes
import fcntl
import os
import resource
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

from router.runtime import titles

NOFILE: Final = 1024  # as on AWS
FSIZE: Final = 10240 * 1024 * 1024  # bytes; the largest ephemeral storage AWS offers
OOM_RAISE: Final = 500  # of oom_score_adj: the kernel takes a worker before the daemon
UMASK: Final = 0o022  # as on AWS

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
_PR_SET_CHILD_SUBREAPER: Final = 36
PR_SET_NO_NEW_PRIVS: Final = 38

REQUESTS: Final = 3  # a worker's descriptors: frames in, frames out; 0 is /dev/null, 1 and 2 are the output
RESPONSES: Final = 4
_libc: Final = ctypes.CDLL(None, use_errno=True)


class Control(NamedTuple):
    """One always-on control, as people see it."""

    name: str
    what: str


CONTROLS: Final = (
    Control("session", "a session and process group of its own"),
    Control("environment", "environment variables built from nothing"),
    Control("descriptors", "no open descriptor but 0 (/dev/null), 1 and 2 (output), 3 and 4 (the runtime's requests and responses)"),
    Control("no_new_privs", "set-uid programs and file capabilities give nothing"),
    Control(
        "dumpable", "no core, no ptrace, no /proc/PID/environ or mem for peers of the same user; exec takes it back: Node.js has it not"
    ),
    Control("parent_death", "killed by the kernel when the spawner dies"),
    Control("subreaper", "detached grandchildren stay below the worker and die with it"),
    Control("limits", f"RLIMIT_NOFILE {NOFILE}, RLIMIT_FSIZE {FSIZE} bytes, RLIMIT_CORE 0"),
    Control("oom_score", "the kernel's out-of-memory killer prefers workers to the daemon"),
    Control("tmp", "a temporary directory of its own, mode 0700, in TMPDIR"),
    Control("signals", "default signal dispositions, nothing masked"),
    Control("output", "bounded pipe, bounded lines, a rate limit"),
)


def prctl(option: int, value: int) -> bool:
    """Set one process attribute; whether the kernel took it."""
    return bool(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) == 0)


def become_subreaper() -> bool:
    """Adopt orphaned descendants instead of init."""
    return prctl(_PR_SET_CHILD_SUBREAPER, 1)


def yield_to_daemon() -> None:
    """Run as SCHED_BATCH: a worker that wakes up does not push the daemon, which woke it, off its processor.

    The share of the processor is the same. 32 callers on two cores: 17 % less daemon CPU an invocation, a third more of them."""
    with suppress(OSError):
        if os.sched_getscheduler(0) == os.SCHED_OTHER:  # any other is an operator's choice
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def bind_to_parent(parent: int) -> bool:
    """Die with *parent*; leave at once when it is gone already."""
    bound = prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    return bound


def place_descriptors(requests: int, responses: int, output: int, *, highest: int) -> None:
    """Put the three where a worker has them, output at 1 and 2; close everything else up to *highest*."""
    clear = RESPONSES + 1  # first out of the way of each other
    requests, responses, output = (fcntl.fcntl(number, fcntl.F_DUPFD, clear) for number in (requests, responses, output))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(requests, REQUESTS, inheritable=False)
    os.dup2(responses, RESPONSES, inheritable=False)
    os.closerange(clear, highest + 1)


def reset_signals() -> None:
    """The dispositions of a fresh Python, nothing blocked."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def limit() -> bool:
    """The resource limits; False when one could not be set because a lower one is in force."""
    done = True
    for kind, wanted in ((resource.RLIMIT_NOFILE, NOFILE), (resource.RLIMIT_FSIZE, FSIZE), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(kind)[1]
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (OSError, ValueError):
            done = False
    return done


def raise_oom_score() -> bool:
    """Become a better victim than the daemon. Plain descriptors: a text file costs a worker 700 KB of copied pages."""
    try:
        file = os.open("/proc/self/oom_score_adj", os.O_RDWR)
    except OSError:
        return False
    try:
        score = int(os.read(file, 16))
        os.pwrite(file, str(min(1000, score + OOM_RAISE)).encode(), 0)
    except OSError:
        return False
    finally:
        os.close(file)
    return True


def private_tmp(path: str) -> bool:
    """The environment's own directory; it survives a reset of the environment and goes with it."""
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)  # noqa: PTH103
        os.chmod(path, 0o700)  # noqa: PTH101
    except OSError:
        return False
    return True


class Confining(Protocol):
    """A sandbox, asked in the middle of apply(); see sandbox_enter.Confinement."""

    def identify(self) -> None:
        """Become who the function is to be; while /proc may still be written."""

    def restrict(self) -> None:
        """Take the rest; when nothing else is to be done."""


def apply(
    parent: int,
    *,
    descriptors: Sequence[int],
    highest: int,
    niceness: int,
    title: str,
    tmp: str,
    variables: dict[str, str],
    confining: Confining | None = None,
    reaped: bool = False,
) -> list[str]:
    """Apply all of CONTROLS to this process; give the names of those that did not take. Raises OSError where *confining* does.

    *tmp*: "" when it is there already; *reaped*: there is an init that adopts orphans, and ends them when this process ends."""
    os.setsid()
    done = {"subreaper": reaped or become_subreaper()}
    place_descriptors(*descriptors, highest=highest)
    reset_signals()
    if os.getpriority(os.PRIO_PROCESS, 0) != niceness:  # a unit may refuse the call, and then nobody has changed it
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
    yield_to_daemon()
    os.umask(UMASK)
    titles.set_title(title)
    done |= {"tmp": not tmp or private_tmp(tmp), "limits": limit(), "oom_score": raise_oom_score()}
    os.environ.clear()
    os.environ.update(variables)
    if confining is not None:
        confining.identify()
    done["parent_death"] = bind_to_parent(parent)  # a change of user takes it back
    done |= {"no_new_privs": prctl(PR_SET_NO_NEW_PRIVS, 1), "dumpable": prctl(PR_SET_DUMPABLE, 0)}
    if confining is not None:
        confining.restrict()
    sys.argv[:] = ["bootstrap"]
    return [name for name, took in done.items() if not took]
