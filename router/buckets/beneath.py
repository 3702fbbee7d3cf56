"""Opening a path below a directory, and never anything outside it: openat2(2), or a walk segment by segment.

Neither `..`, an absolute path, a symbolic link nor a magic link of /proc leads out; links inside are refused too.
A FIFO or device is the caller's to tell apart (fstat): O_NONBLOCK keeps the open itself from waiting."""

import ctypes
import errno
import os
from typing import Final

_OPENAT2: Final = 437  # the same number on every architecture: linux, include/uapi/asm-generic/unistd.h
_NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x02, 0x04, 0x08  # include/uapi/linux/openat2.h
_TRIES: Final = 16  # EAGAIN: something was renamed while the kernel walked
_ALWAYS: Final = os.O_NOFOLLOW | os.O_CLOEXEC
_FLAGS: Final = _ALWAYS | os.O_NONBLOCK | os.O_NOCTTY
_UNABLE: Final = frozenset({errno.ENOSYS, errno.EPERM, errno.E2BIG})  # an old kernel, or a filter that forbids the call


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class _Kernel:
    """Whether openat2 works here; learned from the first call."""

    def __init__(self) -> None:
        self.able = hasattr(os, "O_PATH")
        self.syscall = ctypes.CDLL(None, use_errno=True).syscall


_kernel: Final = _Kernel()


def beneath(root: int, path: str, flags: int = os.O_RDONLY) -> int:
    """Open *path*, relative, below the directory open as *root*; "" is the directory itself. Give a descriptor.

    Raises OSError: FileNotFoundError, NotADirectoryError, ELOOP for a symbolic link, EXDEV for a way out; ValueError
    for a NUL in the path."""
    name = os.fsencode(path) or b"."
    flags |= _ALWAYS if flags & os.O_PATH else _FLAGS  # openat2 wants nothing else beside O_PATH
    if b"\0" in name:
        raise ValueError("a path with a NUL character")
    if _kernel.able:
        try:
            return _openat2(root, name, flags)
        except OSError as error:
            if error.errno not in _UNABLE or not _refused(root):
                raise
            _kernel.able = False
    return _walk(root, name, flags)


def _openat2(root: int, name: bytes, flags: int) -> int:
    how = _How(flags, 0, _BENEATH | _NO_MAGICLINKS | _NO_SYMLINKS)
    code = errno.EAGAIN
    for _ in range(_TRIES):
        opened = int(_kernel.syscall(_OPENAT2, root, name, ctypes.byref(how), ctypes.c_size_t(ctypes.sizeof(how))))
        if opened >= 0:
            return opened
        code = ctypes.get_errno()
        if code not in {errno.EAGAIN, errno.EINTR}:
            break
    raise OSError(code, os.strerror(code), os.fsdecode(name))


def _refused(root: int) -> bool:
    """Whether it is the call that the kernel refuses, not the path: asked for the root itself."""
    try:
        os.close(_openat2(root, b".", os.O_PATH | os.O_CLOEXEC))
    except OSError as error:
        return error.errno in _UNABLE
    return False


def _walk(root: int, name: bytes, flags: int) -> int:
    """The same by hand: each segment opened as a directory, no link followed."""
    if name.startswith(b"/"):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), os.fsdecode(name))
    *parents, last = [part for part in name.split(b"/") if part not in {b"", b"."}] or [b"."]
    if b".." in (*parents, last):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), os.fsdecode(name))
    here = os.dup(root)
    try:
        for parent in parents:
            below = os.open(parent, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = below
        return os.open(last, flags, dir_fd=here)
    finally:
        os.close(here)
