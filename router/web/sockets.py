"""Sockets to listen on: a TCP address, a path, or what systemd passed in."""

import contextlib
import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from router.config.types import Listen
from router.errors import RouterError

FIRST_PASSED: Final = 3  # sd_listen_fds(3): SD_LISTEN_FDS_START
PATH_LIMIT: Final = 107  # bytes of a Unix socket's address
BACKLOG: Final = 4096  # the kernel takes the smaller of this and net.core.somaxconn


class CannotListen(RouterError):
    """An address that cannot be listened on; the text says which and why."""


def opened(where: Listen, name: str, *, mode: int) -> list[socket.socket]:
    """Bound sockets for *where*; *name* is the one of a socket passed by systemd, *mode* that of a Unix socket's file.

    None for a listener that is off. Raises CannotListen. May ask the resolver: call it in a thread when host is a name."""
    match where.kind:
        case "tcp":
            return _tcp(where.host, where.port)
        case "unix":
            return [_unix(where.path, mode)]
        case "systemd":
            return passed(name, os.environ, os.getpid())
    return []


def address(bound: socket.socket) -> str:
    """Where it listens: 127.0.0.1:8080, [::1]:8080, unix:/run/router.sock."""
    name = bound.getsockname()
    if bound.family == socket.AF_UNIX:
        return f"unix:{name}"
    return f"[{name[0]}]:{name[1]}" if bound.family == socket.AF_INET6 else f"{name[0]}:{name[1]}"


def passed(name: str, environ: Mapping[str, str], pid: int) -> list[socket.socket]:
    """The sockets of this name that systemd passed in. Raises CannotListen when there is none.

    Duplicates: the originals stay open, so that connections wait in the kernel while nobody accepts."""
    count = int(environ.get("LISTEN_FDS", "0")) if environ.get("LISTEN_PID") == str(pid) else 0
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    found = [FIRST_PASSED + index for index in range(count) if index < len(names) and names[index] == name]
    if not found:
        others = ", ".join(names[:count]) or "none"
        raise CannotListen(f"systemd passed no socket named {name} (FileDescriptorName={name} in the socket unit); passed: {others}")
    return [socket.socket(fileno=os.dup(number)) for number in found]


def _tcp(host: str, port: int) -> list[socket.socket]:
    """One socket for each address of *host*."""
    bound: list[socket.socket] = []
    try:
        for family, kind, protocol, _, name in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
            made = socket.socket(family, kind, protocol)
            bound.append(made)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind(name)
    except OSError as error:
        for made in bound:
            made.close()
        raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    return bound


def _unix(path: Path, mode: int) -> socket.socket:
    """A socket at *path*, in place of a stale one. It gets its mode before it gets its name: nobody can be early."""
    _check_free(path)
    early = path.with_name(f".{path.name}.{os.getpid()}")
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError):
            early.unlink()
        _bind(made, early)
        early.chmod(mode)
        made.listen(BACKLOG)  # before it has its name: who finds it can connect
        early.rename(path)
    except OSError as error:
        made.close()
        raise CannotListen(f"cannot listen on unix:{path}: {error.strerror or error}") from error
    return made


def _bind(made: socket.socket, path: Path) -> None:
    """Bind to *path*; one too long for a socket's address (unix(7): 107 bytes) goes through a descriptor of its directory."""
    if len(os.fsencode(path)) <= PATH_LIMIT:
        made.bind(os.fspath(path))
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        made.bind(f"/proc/self/fd/{directory}/{path.name}")
    finally:
        os.close(directory)


def _check_free(path: Path) -> None:
    """Raise CannotListen when *path* is no socket, or one that somebody listens on."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise CannotListen(f"cannot listen on unix:{path}: the path exists and is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, contextlib.suppress(ConnectionRefusedError, FileNotFoundError):
        probe.connect(os.fspath(path))
        raise CannotListen(f"cannot listen on unix:{path}: another process listens there")
