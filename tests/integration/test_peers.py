"""Whose connection it is, asked of the kernel and of /proc."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from router.runtime import peers
from router.runtime.peers import Address


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        with accepted:
            yield client, accepted


@pytest.mark.parametrize("way", [peers._asked, peers._listed])
def test_a_socket_is_found_by_its_addresses(way: object, pair: tuple[socket.socket, socket.socket]) -> None:
    assert callable(way)
    client, accepted = pair
    ends: tuple[Address, Address] = client.getsockname(), accepted.getsockname()
    assert way(*ends) == os.fstat(client.fileno()).st_ino
    assert way(ends[1], ends[0]) == os.fstat(accepted.fileno()).st_ino
    assert way(("127.0.0.2", ends[0][1]), ends[1]) == 0


def test_a_connection_belongs_to_who_holds_it_and_to_those_above(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, accepted = pair
    assert peers.belongs(client.getsockname(), accepted.getsockname(), os.getpid())
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = f"import os, socket, sys; s = socket.create_connection(('127.0.0.1', {server.getsockname()[1]})); sys.stdin.read()"
        child = subprocess.Popen([sys.executable, "-c", connect], stdin=subprocess.PIPE)
        theirs, client_address = server.accept()
        with theirs:
            ends = client_address, theirs.getsockname()
            assert peers.belongs(*ends, child.pid)
            assert peers.belongs(*ends, os.getpid())  # a descendant's
            other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
            assert not peers.belongs(*ends, other.pid)
            assert peers.belongs(*ends, os.getpid(), lambda: False)  # found without a search
            monkeypatch.setattr(peers, "family", lambda pid: [pid])
            assert peers.belongs(*ends, os.getpid())  # and with one, where the kernel's list misses it
            assert not peers.belongs(*ends, os.getpid(), lambda: False)
            for process in (child, other):
                process.communicate(b"")
            assert not peers.belongs(*ends, os.getpid())  # nobody holds it any more


def test_without_netlink_the_kernels_list_is_read(pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(peers, "_asked", refused)
    client, accepted = pair
    assert peers.socket_inode(client.getsockname(), accepted.getsockname()) == os.fstat(client.fileno()).st_ino
