"""Which nodes are found, and which of them serves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.runtime import node_programs
from router.runtime.node_programs import Program, installed, nearest

PROGRAMS = st.lists(st.integers(18, 40), unique=True).map(lambda majors: [Program(f"/n{major}", f"{major}.1.0") for major in majors])


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PATH", str(tmp_path))
    installed.cache_clear()
    yield tmp_path
    installed.cache_clear()


def program(path: Path, name: str, says: str) -> Path:
    (path / name).write_text(f"#!/bin/sh\n{says}\n")
    (path / name).chmod(0o755)
    return path / name


def test_each_release_line_is_found_once_and_old_or_strange_programs_never(path: Path) -> None:
    newest = program(path, "node", "echo v20.11.1")
    program(path, "nodejs", "echo v20.9.0")
    program(path, "node18", "echo v16.0.0")
    program(path, "node22", "echo hello")
    program(path, "node24", "exit 3")
    assert installed() == (Program(str(newest), "20.11.1"),)


def test_links_to_one_program_are_one(path: Path) -> None:
    real = program(path, "node22", "echo v22.0.0")
    (path / "node").symlink_to(real)
    assert installed() == (Program(str(real), "22.0.0"),)


def test_a_program_that_hangs_is_none(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_programs, "_PATIENCE", 0.05)
    program(path, "node", "exec /bin/sleep 60")
    assert installed() == ()


@given(programs=PROGRAMS, wanted=st.none() | st.integers(12, 45))
def test_whatever_is_wanted_something_serves_and_the_exact_one_if_it_is_there(programs: list[Program], wanted: int | None) -> None:
    found = nearest(wanted, programs)
    assert (found is None) == (not programs)
    if found is not None and wanted in {program.major for program in programs}:
        assert found.major == wanted
    elif found is not None and wanted is not None and found.major < wanted:
        assert found.major == max(program.major for program in programs)
