"""A variable that changes with every invocation."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.runtime.trace_variable import NAME, TraceVariable

VARIABLE = TraceVariable()
VALUES = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=6000)


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Not set before and after."""
    VARIABLE.set("")
    yield
    VARIABLE.set("")


def in_c() -> bytes | None:
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    found: bytes | None = getenv(NAME.encode())
    return found


@given(st.lists(VALUES, max_size=5))
def test_python_and_c_see_the_last_value(values: list[str]) -> None:
    for value in values:
        VARIABLE.set(value)
        assert os.environ.get(NAME, "") == value
        assert in_c() == (value.encode() or None)


def test_a_child_inherits_it() -> None:
    VARIABLE.set("Root=1")
    said = subprocess.run([sys.executable, "-c", f"import os; print(os.environ['{NAME}'])"], check=True, capture_output=True)
    assert said.stdout == b"Root=1\n"


def test_a_functions_own_value_does_not_last() -> None:
    os.environ[NAME] = "mine"
    VARIABLE.set("Root=2")
    assert (os.environ[NAME], in_c()) == ("Root=2", b"Root=2")


def test_another_mapping_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    fake: dict[str, str] = {}
    monkeypatch.setattr(os, "environ", fake)
    VARIABLE.set("Root=3")
    assert fake == {NAME: "Root=3"}
    VARIABLE.set("")
    assert fake == {}
