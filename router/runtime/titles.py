"""What `ps`, `top` and `systemctl status` show of a process: its name and, in the place of its arguments, the whole title.

Standard library only; runs in guard, spawner and workers. Source: proc(5), /proc/PID/stat and /proc/PID/cmdline; prctl(2), PR_SET_NAME."""

import ctypes
import os
import sys
from functools import cache
from typing import Final

_PR_SET_NAME: Final = 15
_NAME: Final = 15  # bytes that the kernel keeps of a name
_ARG_START: Final = 45  # which field of /proc/PID/stat after the name: 48 and, next to it, 49 in proc(5)'s numbers
_libc: Final = ctypes.CDLL(None)


def set_title(name: str, about: str = "") -> None:
    """Be shown as *name*, of which the short form keeps 15 bytes, and *about* behind it where there is room: that of the arguments."""
    _libc.prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()[:_NAME]), 0, 0, 0)
    start, size = _arguments()
    if size:
        ctypes.memmove(start, f"{name} {about}".strip().encode()[: size - 1].ljust(size, b"\0"), size)


@cache
def _arguments() -> tuple[int, int]:
    """Where this program's arguments stand in memory, and their bytes; (0, 0) when that is not beyond doubt. Forks have them in the same place."""
    try:
        file = os.open("/proc/self/stat", os.O_RDONLY)
    except OSError:
        return 0, 0
    fields = os.read(file, 4096).rpartition(b")")[2].split()
    os.close(file)
    start, end = map(int, fields[_ARG_START : _ARG_START + 2])
    given = b"".join(os.fsencode(argument) + b"\0" for argument in sys.orig_argv)
    return (start, end - start) if end - start == len(given) and ctypes.string_at(start, len(given)) == given else (0, 0)
