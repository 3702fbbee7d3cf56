"""The spawner's answers, without a process of its own."""

import json
import os
import socket
from collections.abc import Iterator

import pytest

from router.runtime.spawner import Spawner


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, Spawner]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, Spawner(theirs, -1, 1024, 0)


def ask(pair: tuple[socket.socket, Spawner], descriptors: int) -> dict[str, object]:
    ours, spawner = pair
    reading, writing = os.pipe()
    socket.send_fds(
        ours, [json.dumps({"spawn": 7}).encode() + b'\n{"variables": {"KEY": "swordfish"}}'], [reading, writing, writing][:descriptors]
    )
    assert spawner._obey(*spawner._receive()) is None
    assert b"swordfish" not in spawner._message  # every worker is a copy of this process
    os.close(reading)
    os.close(writing)
    return json.loads(ours.recv(4096))


def test_no_process_to_be_had_is_said_and_nothing_leaks(pair: tuple[socket.socket, Spawner], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    before = len(os.listdir("/proc/self/fd"))
    assert ask(pair, 3) == {"failed": 7, "error": "Resource temporarily unavailable"}
    assert len(os.listdir("/proc/self/fd")) == before


def test_descriptors_lost_on_the_way_are_said(pair: tuple[socket.socket, Spawner]) -> None:
    assert ask(pair, 2) == {"failed": 7, "error": "the spawner is out of descriptors"}


@pytest.mark.parametrize("order", ["kill", "hang_up", "term"])
def test_an_order_to_end_what_is_gone_is_nothing(pair: tuple[socket.socket, Spawner], order: str) -> None:
    ours, spawner = pair
    ours.send(json.dumps({order: 3}).encode())
    assert spawner._obey(*spawner._receive()) is None


def test_the_end_of_the_socket_is_the_end() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        ours.close()
        assert Spawner(theirs, -1, 1024, 0)._receive() == ({}, b"", [])
