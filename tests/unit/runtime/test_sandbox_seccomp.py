"""The filter of system calls, run here as the kernel would run it."""

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.runtime.sandbox_seccomp import MACHINES, Machine, program

ALLOW, ERROR = 0x7FFF0000, 0x00050000


def verdict(machine: Machine, number: int, *arguments: int, network: bool = True, audit: int = 0) -> int:
    """0 when the call is allowed, else the error that it gets."""
    data = struct.pack("=IIQ6Q", number, audit or machine.audit, 0, *(*arguments, *[0] * 6)[:6])
    code = list(struct.iter_unpack("=HBBI", program(machine, network=network)))
    at, value = 0, 0
    while True:
        what, true, false, constant = code[at]
        at += 1
        if what == 0x20:
            (value,) = struct.unpack_from("=I", data, constant)
        elif what == 0x15:
            at += true if value == constant else false
        elif what == 0x45:
            at += true if value & constant else false
        else:
            return 0 if constant == ALLOW else constant & ~ERROR


@pytest.fixture(params=sorted(MACHINES))
def machine(request: pytest.FixtureRequest) -> Machine:
    return MACHINES[request.param]


def test_what_is_dangerous_is_denied_and_the_rest_allowed(machine: Machine) -> None:
    assert {verdict(machine, number) for number in machine.denied} == {errno.EPERM}
    assert {verdict(machine, number) for number in (435, 425, 426, 427)} == {errno.ENOSYS}
    assert verdict(machine, 63) == verdict(machine, 0) == 0
    assert len(set(machine.denied)) == len(machine.denied)


def test_a_clone_may_make_threads_and_processes_and_no_namespaces(machine: Machine) -> None:
    assert verdict(machine, machine.clone, 0x3D0F00) == verdict(machine, machine.clone, 17) == 0
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert verdict(machine, machine.clone, flag | 17) == errno.EPERM


def test_sockets_are_of_the_internet_or_local_and_without_network_local_alone(machine: Machine) -> None:
    assert [verdict(machine, machine.socket, family) for family in (1, 2, 10, 16, 17, 40, 38)] == [0, 0, 0, 0, *[errno.EAFNOSUPPORT] * 3]
    assert verdict(machine, machine.socket, 16, 3, 4) == errno.EAFNOSUPPORT  # netlink that is not about routes
    assert [verdict(machine, machine.socket, family, network=False) for family in (1, 2, 10, 16)] == [0, *[errno.EAFNOSUPPORT] * 3]


def test_nobody_types_into_a_terminal(machine: Machine) -> None:
    assert [verdict(machine, machine.ioctl, 1, request) for request in (0x5412, 0x541C, 0x5401)] == [errno.EPERM, errno.EPERM, 0]


@given(st.sampled_from(sorted(MACHINES)), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_another_architectures_calls_do_not_exist(name: str, number: int, argument: int) -> None:
    assert verdict(MACHINES[name], number, argument, audit=0x40000003) == errno.ENOSYS
    assert verdict(MACHINES[name], number | 0x40000000, argument) == errno.ENOSYS
