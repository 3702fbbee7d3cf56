"""Which system calls a function may not make, as a filter that the kernel runs (seccomp(2)). Standard library only.

A list of what is denied, not of what is allowed: what a runtime calls changes with every version of it. program() is pure."""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from router.runtime import sandbox_calls


class Machine(NamedTuple):
    """One architecture's numbers."""

    audit: int  # AUDIT_ARCH_…
    clone: int
    socket: int
    ioctl: int
    denied: tuple[int, ...]


_COMMON: Final = (  # numbers that all architectures have in common
    *(428, 429, 430, 431, 432, 433, 442),  # open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr
    *(438, 440, 443),  # pidfd_getfd process_madvise quotactl_fd
)
MACHINES: Final = {
    "x86_64": Machine(
        0xC000003E,
        56,
        41,
        16,
        (
            *(101, 310, 311, 312),  # ptrace process_vm_readv process_vm_writev kcmp
            *(298, 321, 323),  # perf_event_open bpf userfaultfd
            *(248, 249, 250),  # add_key request_key keyctl
            *(165, 166, 155, 161, 272, 308),  # mount umount2 pivot_root chroot unshare setns
            *(175, 176, 313, 246, 320, 169),  # init_module delete_module finit_module kexec_load kexec_file_load reboot
            *(167, 168, 163, 179, 170, 171),  # swapon swapoff acct quotactl sethostname setdomainname
            *(164, 227, 159, 305),  # settimeofday clock_settime adjtimex clock_adjtime
            *(172, 173, 154, 103, 153),  # iopl ioperm modify_ldt syslog vhangup
            *(303, 304, 212, 180, 300),  # name_to_handle_at open_by_handle_at lookup_dcookie nfsservctl fanotify_init
            *(134, 136, 139, 156, 177, 178),  # uselib ustat sysfs _sysctl get_kernel_syms query_module
            *_COMMON,
        ),
    ),
    "aarch64": Machine(
        0xC00000B7,
        220,
        198,
        29,
        (
            *(117, 270, 271, 272),
            *(241, 280, 282),
            *(217, 218, 219),
            *(40, 39, 41, 51, 97, 268),
            *(105, 106, 273, 104, 294, 142),
            *(224, 225, 89, 60, 161, 162),
            *(170, 112, 171, 266),
            *(116, 58),
            *(264, 265, 18, 42, 262),
            *_COMMON,
        ),
    ),
}
_ABSENT: Final = (435, 425, 426, 427)  # clone3, whose flags no filter can see, and io_uring: callers know what to do without
_NEW_NAMESPACES: Final = 0x7E020000  # every CLONE_NEW… of clone
_FAMILIES: Final = (1, 2, 10)  # AF_UNIX AF_INET AF_INET6
_UNIX: Final = (1,)
_NETLINK: Final = 16  # and of it NETLINK_ROUTE alone: getaddrinfo asks it for addresses
_TERMINAL: Final = (0x5412, 0x541C)  # TIOCSTI TIOCLINUX: type into somebody's terminal

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_BITS: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_ALLOW: Final = 0x7FFF0000
_ERROR: Final = 0x00050000
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16  # in struct seccomp_data; low halves first on both machines
_X32: Final = 0x40000000  # the other ABI of x86_64, with numbers of its own

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, value


def program(machine: Machine, *, network: bool) -> bytes:
    """The filter; without *network* no socket but Unix ones can be made."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in _instructions(machine, network=network))


def _instructions(machine: Machine, *, network: bool) -> Iterator[Instruction]:
    yield _LOAD, 0, 0, _MACHINE_AT
    yield _EQUAL, 1, 0, machine.audit
    yield _RETURN, 0, 0, _ERROR | errno.ENOSYS
    yield _LOAD, 0, 0, _NUMBER_AT
    yield _BITS, 0, 1, _X32
    yield _RETURN, 0, 0, _ERROR | errno.ENOSYS
    for numbers, error in ((machine.denied, errno.EPERM), (_ABSENT, errno.ENOSYS)):
        for number in numbers:
            yield _EQUAL, 0, 1, number
            yield _RETURN, 0, 0, _ERROR | error
    yield from _when(machine.clone, [(_LOAD, 0, 0, _ARGUMENTS_AT), (_BITS, 0, 1, _NEW_NAMESPACES), (_RETURN, 0, 0, _ERROR | errno.EPERM)])
    typed = [step for request in _TERMINAL for step in ((_EQUAL, 0, 1, request), (_RETURN, 0, 0, _ERROR | errno.EPERM))]
    yield from _when(machine.ioctl, [(_LOAD, 0, 0, _ARGUMENTS_AT + 8), *typed])
    yield from _when(machine.socket, _sockets(_FAMILIES if network else _UNIX))
    yield _RETURN, 0, 0, _ALLOW


def _when(number: int, steps: list[Instruction]) -> Iterator[Instruction]:
    """Steps for one call; past their end it is allowed."""
    yield _EQUAL, 0, len(steps) + 1, number
    yield from steps
    yield _RETURN, 0, 0, _ALLOW


def _sockets(families: tuple[int, ...]) -> list[Instruction]:
    steps: list[Instruction] = [(_LOAD, 0, 0, _ARGUMENTS_AT)]
    for family in families:
        steps += [(_EQUAL, 0, 1, family), (_RETURN, 0, 0, _ALLOW)]
    if families is not _UNIX:
        steps += [(_EQUAL, 0, 3, _NETLINK), (_LOAD, 0, 0, _ARGUMENTS_AT + 16), (_EQUAL, 0, 1, 0), (_RETURN, 0, 0, _ALLOW)]
    return [*steps, (_RETURN, 0, 0, _ERROR | errno.EAFNOSUPPORT)]


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2
_libc: Final = ctypes.CDLL(None, use_errno=True)
_ready: Final = {
    network: program(MACHINES[sandbox_calls.MACHINE], network=network) if sandbox_calls.MACHINE in MACHINES else b""
    for network in (True, False)
}


def restrict(*, network: bool) -> None:
    """Submit this process, for good; no_new_privs must be set. Raises OSError."""
    code = _ready[network]
    if not code:
        raise OSError(errno.ENOSYS, f"no table of system calls for {sandbox_calls.MACHINE}")
    given = _Filter(len(code) // 8, code)
    if _libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), ctypes.byref(given), ctypes.c_ulong(0), ctypes.c_ulong(0)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
