"""Interpreters that functions bring."""

import os
import platform
import sys
from pathlib import Path

import pytest

from router.errors import InvalidParameter
from router.runtime import python_programs, resolve
from router.runtime.python_programs import Interpreter, asked, wrong

HERE = ".".join(platform.python_version_tuple()[:2])


def saying(path: Path, text: str) -> Path:
    """A program that says it is that Python."""
    path.write_text(f"#!/bin/sh\nprintf '{text}\\n'\n")
    path.chmod(0o755)
    return path


def test_our_own() -> None:
    found = asked(Path(sys.executable))
    assert found is not None
    assert ".".join(map(str, found.version)) == platform.python_version()
    assert found.runs == f"python{HERE}"
    assert wrong("python", Path(sys.executable)) == wrong(f"python{HERE}", Path(sys.executable)) == ""


def test_another_version_than_the_runtimes(tmp_path: Path) -> None:
    path = saying(tmp_path / "python", "3.14.2 cpython")
    assert asked(path) == Interpreter((3, 14, 2))
    assert wrong("python3.12", path) == f"{path} is Python 3.14.2, and the runtime is python3.12; write runtime: python3.14"
    assert wrong("python3.1", path) != ""
    resolved = resolve("python", path)
    assert (resolved.family, resolved.runs, resolved.program, resolved.version, resolved.note) == (
        "python",
        "python3.14",
        str(path),
        "3.14.2",
        "",
    )
    path.unlink()
    assert resolve("python", path) == resolved  # as it was told; that it is gone is for its worker to find
    with pytest.raises(InvalidParameter, match="is no interpreter"):
        resolve("python", tmp_path / "other")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("3.10.4 cpython", "is Python 3.10.4; 3.11 or later is needed"),
        ("3.11.4 pypy", "is no interpreter of CPython"),
        ("hello", "is no interpreter of CPython"),
        ("99999999999999999999.0.0 cpython", ""),
    ],
)
def test_what_it_says(tmp_path: Path, text: str, told: str) -> None:
    assert told in wrong("python", saying(tmp_path / "python", text))


def test_what_cannot_be_started(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    for path in (tmp_path / "text", tmp_path / "absent", tmp_path, tmp_path / ("x" * 300)):
        assert "is no interpreter of CPython that can be started here" in wrong("python", path)


def test_it_is_asked_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saying(tmp_path / "python", "3.11.1 cpython")
    assert asked(path) == Interpreter((3, 11, 1))
    monkeypatch.setattr(python_programs.subprocess, "run", None)
    assert asked(path) == Interpreter((3, 11, 1))
    monkeypatch.undo()
    saying(path, "3.12.1 cpython")
    os.utime(path, (1, 1))
    assert asked(path) == Interpreter((3, 12, 1))
