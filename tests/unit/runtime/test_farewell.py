"""Who hears a signal."""

import os
import signal

from hypothesis import given
from hypothesis import strategies as st

from router.runtime.farewell import listens, status


@given(mask=st.integers(0, 2**64 - 1), number=st.integers(1, 64))
def test_a_bit_for_each_signal(mask: int, number: int) -> None:
    assert listens(b"Name:\tx\nSigIgn:\tffffffffffffffff\nSigCgt:\t%016x\nCapInh:\t0\n" % mask, number) == bool(mask & (1 << (number - 1)))


@given(st.binary())
def test_what_is_no_status(text: bytes) -> None:
    assert listens(text, signal.SIGTERM) in {True, False}
    assert not listens(b"Name:\tx\nSigCgt:", signal.SIGTERM)


def test_of_a_process() -> None:
    text = status(os.getpid())
    assert listens(text, signal.SIGINT)
    assert not listens(text, signal.SIGKILL)
    assert status(2**22 + 1) == b""
