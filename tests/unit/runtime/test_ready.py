"""What a worker says with READY, and what no worker of ours says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.runtime.isolation import CONTROLS
from router.runtime.ready import refused


def test_nothing_is_refused_where_nothing_is_said() -> None:
    assert refused(b"") == refused(b"[]") == frozenset()


def test_every_control_may_be() -> None:
    every = {control.name for control in CONTROLS}
    assert refused(json.dumps(sorted(every)).encode()) == every


@pytest.mark.parametrize("forged", [b"\xff", b"{", b"7", b"{}", b'"tmp"', b"[[1]]", b"[null]", b'["a b"]', b'[""]', b"[" * 2000])
def test_what_no_worker_says_is_nothing(forged: bytes) -> None:
    assert refused(forged) is None


def test_too_much_is_nothing() -> None:
    assert refused(json.dumps(["x" * 33]).encode()) is None
    assert refused(json.dumps([f"x{number}" for number in range(33)]).encode()) is None


@given(st.binary() | st.recursive(st.none() | st.booleans() | st.text(), st.lists).map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_is_a_few_short_names_or_nothing(meta: bytes) -> None:
    found = refused(meta)
    assert found is None or (len(found) <= 32 and all(len(name) <= 32 for name in found))
