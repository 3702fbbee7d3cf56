"""Whose a listening TCP port of this machine's loopback is. Linux."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from router.runtime import processes

_LISTENS: Final = b"0A"  # TCP_LISTEN, in /proc/net/tcp
_TABLES: Final = ("/proc/self/net/tcp", "/proc/self/net/tcp6")
_IPV4: Final = 8  # hexadecimal digits
_LOOPBACK: Final = (b"00000000", b"0100007F", b"7F000001")  # any address, and 127.0.0.1 as either kind of machine stores it


def inodes(port: int) -> frozenset[int]:
    """The sockets that listen there for who calls 127.0.0.1; none when nobody does."""
    return frozenset(_found(port))


def held(wanted: Iterable[int], pids: Iterable[int]) -> bool:
    """Whether these processes, and those below them, hold all of these sockets. Milliseconds."""
    missing = {f"socket:[{inode}]" for inode in wanted}
    roots = list(pids)
    for pid in [*roots, *(row.pid for row in processes.below(roots, processes.table()))]:
        missing.difference_update(_open_files(pid))
        if not missing:
            return True
    return False


def _found(port: int) -> Iterator[int]:
    ending = b":%04X" % port
    for table in _TABLES:
        with suppress(OSError), open(table, "rb") as file:  # noqa: PTH123
            for line in file:
                fields = line.split()
                if fields[3:4] == [_LISTENS] and fields[1].endswith(ending) and _reachable(fields[1]):
                    yield int(fields[9])


def _reachable(address: bytes) -> bool:
    host = address.partition(b":")[0]
    return host in _LOOPBACK if len(host) == _IPV4 else not host.strip(b"0") or host[-_IPV4:] in _LOOPBACK


def _open_files(pid: int) -> Iterator[str]:
    directory = f"/proc/{pid}/fd"
    with suppress(OSError):  # it ended, or is none of ours to look at
        for name in os.listdir(directory):  # noqa: PTH208
            with suppress(OSError):
                yield os.readlink(f"{directory}/{name}")  # noqa: PTH115
