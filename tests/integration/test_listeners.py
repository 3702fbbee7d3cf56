"""Whose a listening port is, with real sockets."""

import os
import socket
import subprocess
import sys

import pytest

from router.runtime import listeners


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, ""), (socket.AF_INET6, "::")])
def test_a_listener_is_found_and_is_its_holders(family: socket.AddressFamily, address: str) -> None:
    try:
        server = socket.create_server((address, 0), family=family)
    except OSError:
        server = socket.create_server(("127.0.0.1", 0))  # a machine without IPv6 has one way less
    with server:
        found = listeners.inodes(server.getsockname()[1])
        assert found == {os.fstat(server.fileno()).st_ino}
        assert listeners.held(found, [os.getpid()])
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
            assert not listeners.held(found, [other.pid])
            assert listeners.held(found, [other.pid, os.getpid()])
            other.communicate(b"\n")


def test_a_child_counts_as_its_parent() -> None:
    script = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        found = listeners.inodes(int(child.stdout.readline()))
        assert listeners.held(found, [os.getpid()])
        child.communicate(b"\n")


def test_other_addresses_and_connections_do_not_count() -> None:
    with socket.create_server(("127.0.0.2", 0)) as server:
        assert listeners.inodes(server.getsockname()[1]) == set()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert listeners.inodes(client.getsockname()[1]) == set()
    assert not listeners.held([], []) or listeners.inodes(1) == set()
