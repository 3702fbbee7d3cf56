"""What of the file system a function reaches, by Landlock: an allow-list of hierarchies, and no signals or abstract sockets to
the outside. Standard library only; runs in the worker.

Where no mount namespace can hide a directory, all_but() lists everything beside it. Not covered by the kernel up to version 8:
connecting to a Unix socket by its path, stat, chmod, chown."""

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import Final

from router.runtime import sandbox_calls

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15  # since versions 2, 3, 5
READ: Final = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_SCOPES: Final = 3  # abstract sockets, signals: since version 6
_NODES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/pts")

Rule = tuple[str, bool]  # a path, and whether it may be written


def handled(abi: int) -> int:
    """Every access to files that this version of Landlock knows."""
    known = (1 << 13) - 1
    for since, access in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        known |= access if abi >= since else 0
    return known


def all_but(hidden: Collection[str], listing: Iterable[str] = (), at: str = "/") -> Iterator[str]:
    """Everything beneath *at* that is neither one of *hidden* nor above one: siblings all the way down. *listing*: for tests."""
    names = listing or sorted(os.listdir(at))  # noqa: PTH208
    for name in names:
        path = os.path.join(at, name)  # noqa: PTH118
        if path in hidden:
            continue
        if any(other.startswith(f"{path}/") for other in hidden):
            with suppress(OSError):
                yield from all_but(hidden, at=path)
        else:
            yield path


def restrict(rules: Iterable[Rule] | None, *, abi: int) -> None:
    """Submit this process, for good; no_new_privs must be set. None: files are as they are, the scopes alone. Raises OSError."""
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    files, scopes = (handled(abi) if rules is not None else 0), (_SCOPES if abi >= 6 else 0)
    if not files and not scopes:
        files = _MAKE_CHAR | _MAKE_BLOCK  # a domain all the same: it keeps ptrace inside
    ruleset = sandbox_calls.landlock_ruleset(files, scopes, size)
    try:
        for path, writable in rules or ():
            with suppress(OSError):  # what is not there needs no rule
                _allow(ruleset, path, writable=writable, known=files)
        sandbox_calls.landlock_restrict(ruleset)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, *, writable: bool, known: int) -> None:
    found = _straight(path)
    try:
        if stat.S_ISLNK(os.fstat(found).st_mode):
            return
        allowed = (known & ~(_MAKE_CHAR | _MAKE_BLOCK)) if writable else known & READ
        if not stat.S_ISDIR(os.fstat(found).st_mode):
            allowed &= _OF_FILES
        sandbox_calls.landlock_allow(ruleset, found, allowed)
    finally:
        os.close(found)


def _straight(path: str) -> int:
    """Open a path that no link is in: one that was put there since would let a function in to what is hidden; what an old one leads to has
    a rule of its own. Raises OSError."""
    here = os.open("/", os.O_PATH | os.O_CLOEXEC)
    for name in filter(None, path.split("/")):
        try:
            below = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here


def device_rules() -> list[Rule]:
    """The devices that programs write to; all of /dev may be read."""
    return [("/dev", False), *((node, True) for node in _NODES)]
