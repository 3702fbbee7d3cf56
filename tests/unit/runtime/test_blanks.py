"""What is known of a worker before it is forked, and whether one that waits may still be taken."""

import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.runtime import blanks
from router.runtime.blanks import Blank, Grounds, Kind, Place
from router.runtime.sandbox_calls import CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER
from router.runtime.sandbox_cgroups import Tree

APART = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC
TREE = Tree(2, "/groups", "/groups")


@pytest.mark.parametrize(
    ("sandbox", "grounds", "kind"),
    [
        ({}, Grounds(), Kind(0, False)),
        ({}, Grounds("/house", TREE, (1, 1)), Kind(0, False)),  # isolation: none
        ({"namespaces": True, "memory": 5}, Grounds("/house"), Kind(APART, False)),
        ({"namespaces": True, "memory": 5}, Grounds("/house", TREE), Kind(APART, True)),
        ({"namespaces": True, "memory": 5, "offline": True}, Grounds("/house", TREE), Kind(APART | CLONE_NEWNET, True)),
        ({"namespaces": True, "memory": 5}, Grounds("/house", TREE, (1, 1)), Kind(APART | CLONE_NEWUSER, True)),
        ({"namespaces": False, "memory": 5, "offline": True}, Grounds("", TREE), Kind(0, True)),
    ],
)
def test_what_has_to_be_known_before_the_fork(sandbox: dict[str, object], grounds: Grounds, kind: Kind) -> None:
    assert blanks.kind(sandbox, grounds) == kind


@given(
    house=st.sampled_from(["", "/house"]),
    tree=st.sampled_from([None, TREE]),
    users=st.sampled_from([None, (1, 1)]),
    memory=st.integers(1, 1 << 40),
)
def test_the_usual_one_suits_a_function_that_wants_nothing_of_its_own(
    house: str, tree: Tree | None, users: tuple[int, int] | None, memory: int
) -> None:
    grounds = Grounds(house, tree, users)
    assert blanks.usual(grounds) == blanks.kind({"namespaces": bool(house), "memory": memory, "offline": False}, grounds)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, Blank]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made = Blank(0, os.open(os.devnull, os.O_RDONLY), ours, Place())
    with theirs:
        yield theirs, made
    made.close()


def test_one_that_waits_and_says_nothing_is_fit(pair: tuple[socket.socket, Blank]) -> None:
    assert pair[1].fit()
    assert pair[1].fit()


def test_one_that_says_why_it_could_not_settle_is_not(pair: tuple[socket.socket, Blank]) -> None:
    pair[0].send(b"Operation not permitted")
    assert not pair[1].fit()
    assert not pair[1].fit()


def test_one_that_is_gone_is_not(pair: tuple[socket.socket, Blank]) -> None:
    pair[0].close()
    assert not pair[1].fit()


def test_what_it_is_told_is_the_message_with_its_place_and_its_descriptors(pair: tuple[socket.socket, Blank]) -> None:
    theirs, made = pair
    reading, writing = os.pipe()
    assert made.tell({"spawn": 7}, memoryview(b'\n{"variables": {}}'), [reading, writing, writing], Grounds()) == Place()
    data, descriptors, _, _ = socket.recv_fds(theirs, 4096, 3)
    assert data == b'{"spawn": 7, "tmp": ""}\n{"variables": {}}'
    for number in (reading, writing, *descriptors):
        os.close(number)
    assert len(descriptors) == 3


def test_listeners_are_waited_for_only_where_there_will_be_some(pair: tuple[socket.socket, Blank]) -> None:
    assert pair[1].listeners({}) == []
    pair[0].close()
    assert pair[1].listeners({"listen": True}) == []
