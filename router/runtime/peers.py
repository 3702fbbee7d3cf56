"""Whose connection it is: whether the process at its other end belongs to one environment. Linux; loopback, IPv4.

A port of 127.0.0.1 is open to every process of the machine, and addresses say nothing. The kernel knows which socket stands at
the other end (sock_diag(7)), and /proc which process holds it."""

import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final

from router.runtime import processes

Address = tuple[str, int]

_SOCK_DIAG: Final = 4  # of AF_NETLINK
_BY_FAMILY: Final = 20  # SOCK_DIAG_BY_FAMILY
_REQUEST: Final = 1  # NLM_F_REQUEST
_HEADER: Final = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_ASK: Final = struct.Struct("=BBBBI")  # inet_diag_req_v2 up to its id: family, protocol, extensions, padding, states
_ID: Final = struct.Struct("!HH16s16s")  # inet_diag_sockid: ports, addresses; then interface and cookie
_INODE_AT: Final = _HEADER.size + 4 + 48 + 16  # in an inet_diag_msg: behind state, id, expires, queues, uid


def belongs(client: Address, server: Address, pid: int, may_search: Callable[[], bool] = lambda: True) -> bool:
    """Whether the socket at *client*, connected to ours at *server*, is held by process *pid* or one below it.

    *may_search*: asked before all processes of the machine are looked at, which costs milliseconds and only strangers need."""
    inode = socket_inode(client, server)
    if not inode:
        return False
    if any(_holds(member, inode) for member in family(pid)):
        return True
    return may_search() and any(_holds(row.pid, inode) for row in processes.below([pid], processes.table()))


def socket_inode(client: Address, server: Address) -> int:
    """The inode of a connected TCP socket; 0 when there is none (any more)."""
    try:
        return _asked(client, server)
    except OSError:  # no netlink here
        return _listed(client, server)


def _asked(client: Address, server: Address) -> int:
    question = _ASK.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF)
    question += _ID.pack(client[1], server[1], socket.inet_aton(client[0]), socket.inet_aton(server[0]))
    question += struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # any interface, no cookie
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.send(_HEADER.pack(_HEADER.size + len(question), _BY_FAMILY, _REQUEST, 1, 0) + question)
        answer = kernel.recv(4096)
    if len(answer) < _INODE_AT + 4 or _HEADER.unpack_from(answer)[1] != _BY_FAMILY:
        return 0
    return int(struct.unpack_from("=I", answer, _INODE_AT)[0])


def _listed(client: Address, server: Address) -> int:
    wanted = [_spelled(client).encode(), _spelled(server).encode()]
    with open("/proc/self/net/tcp", "rb") as file:  # noqa: PTH123
        for line in file:
            fields = line.split()
            if fields[1:3] == wanted:
                return int(fields[9])
    return 0


def _spelled(address: Address) -> str:
    """As the kernel lists it: the number as this machine stores it, in hexadecimal."""
    return f"{struct.unpack('=I', socket.inet_aton(address[0]))[0]:08X}:{address[1]:04X}"


def family(pid: int) -> Iterator[int]:
    """A process and those below it, itself first, as far as the kernel lists children: one that ends meanwhile may hide another."""
    waiting = [pid]
    while waiting:
        member = waiting.pop()
        yield member
        waiting += children(member)


def children(pid: int) -> list[int]:
    """The processes right below one, as far as the kernel lists them."""
    found: list[int] = []
    directory = f"/proc/{pid}/task"
    with suppress(OSError):
        for thread in os.listdir(directory):  # noqa: PTH208
            with open(f"{directory}/{thread}/children", "rb") as file:  # noqa: PTH123
                found += map(int, file.read().split())
    return found


def _holds(pid: int, inode: int) -> bool:
    wanted = f"socket:[{inode}]"
    return any(target == wanted for target in _open_files(pid))


def _open_files(pid: int) -> Iterable[str]:
    directory = f"/proc/{pid}/fd"
    with suppress(OSError):  # it ended, or is none of ours to look at
        for name in os.listdir(directory):  # noqa: PTH208  # one of the first, mostly
            with suppress(OSError):
                yield os.readlink(f"{directory}/{name}")  # noqa: PTH115
