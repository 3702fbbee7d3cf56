"""System calls that Python has no function for, and the figures they take. Standard library only; runs in spawner and worker.

Every function raises OSError as the kernel says it."""

import ctypes
import os
import signal
from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

MS_RDONLY: Final = 0x1
MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_NOEXEC: Final = 0x8
MS_REMOUNT: Final = 0x20
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x40000
MS_SLAVE: Final = 0x80000
MS_SHARED: Final = 0x100000
MNT_DETACH: Final = 0x2

_LANDLOCK: Final = 444  # create_ruleset, add_rule, restrict_self: the same on every architecture
_RULESET_VERSION: Final = 1
_RULE_PATH: Final = 1
_SECUREBITS: Final = 0x2F  # NOROOT, NO_SETUID_FIXUP and KEEP_CAPS off, each locked: capabilities(7)
_PR_SET_SECUREBITS: Final = 28
_PR_CAP_AMBIENT: Final = 47
_AMBIENT_CLEAR: Final = 4
_CAPABILITY_VERSION: Final = 0x20080522
_CLONE: Final = {"x86_64": 56, "aarch64": 220}

MACHINE: Final = os.uname().machine
_libc: Final = ctypes.CDLL(None, use_errno=True)
_held: Final = ctypes.PyDLL(None, use_errno=True)  # keeps the interpreter's lock, as a fork must


def _checked(result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _call(number: int, *arguments: object) -> int:
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *wide))


def fork_into(namespaces: int) -> int:
    """os.fork(), the child in new namespaces (CLONE_NEW…): 0 there, its process id here."""
    if not namespaces:
        return os.fork()
    ctypes.pythonapi.PyOS_BeforeFork()
    pid = _held.syscall(ctypes.c_long(_CLONE[MACHINE]), ctypes.c_ulong(namespaces | signal.SIGCHLD), None, None, None, None)
    number = ctypes.get_errno()
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(number, os.strerror(number))
    return int(pid)


def unshare(namespaces: int) -> None:
    """Leave these namespaces for new ones."""
    _checked(_libc.unshare(ctypes.c_int(namespaces)))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """A mount; an empty text is NULL."""
    texts = [text.encode("utf-8", "surrogateescape") or None for text in (source, target, kind)]
    _checked(_libc.mount(*texts, ctypes.c_ulong(flags), options.encode() or None))


def unmount(target: str) -> None:
    """Take it out of sight now; it goes when nobody uses it."""
    _checked(_libc.umount2(target.encode("utf-8", "surrogateescape"), MNT_DETACH))


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def drop_capabilities() -> None:
    """Have none, and gain none by exec."""
    _libc.prctl(_PR_CAP_AMBIENT, ctypes.c_ulong(_AMBIENT_CLEAR), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))
    _libc.prctl(_PR_SET_SECUREBITS, ctypes.c_ulong(_SECUREBITS), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))
    head, held = ctypes.byref(_Header(_CAPABILITY_VERSION, 0)), (_Capabilities * 2)()
    _checked(_libc.capget(head, ctypes.byref(held)))
    if any(bytes(held)):  # who has none may be refused the call by a unit's filter
        _checked(_libc.capset(head, ctypes.byref((_Capabilities * 2)())))


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def landlock_abi() -> int:
    """The version of Landlock that the kernel speaks. Raises OSError where it has none."""
    return _call(_LANDLOCK, None, 0, _RULESET_VERSION)


def landlock_ruleset(files: int, scopes: int, size: int) -> int:
    """A new ruleset's descriptor; *size*: bytes of its description that this kernel's version knows."""
    return _call(_LANDLOCK, ctypes.byref(_Ruleset(files, 0, scopes)), size, 0)


def landlock_allow(ruleset: int, directory: int, allowed: int) -> None:
    """Allow these accesses beneath an open file or directory."""
    _call(_LANDLOCK + 1, ruleset, _RULE_PATH, ctypes.byref(_Beneath(allowed, directory)), 0)


def landlock_restrict(ruleset: int) -> None:
    """Submit this process, for good."""
    _call(_LANDLOCK + 2, ruleset, 0)
