"""Which runtimes are served, and by what."""

import sys

import pytest

from router.errors import InvalidParameter
from router.runtime import RUNTIMES, resolve

HERE = f"python{sys.version_info[0]}.{sys.version_info[1]}"


def test_python_is_the_interpreter_that_runs() -> None:
    for name in ("python", HERE):
        resolved = resolve(name)
        assert (resolved.runs, resolved.note, resolved.family in RUNTIMES) == (HERE, "", True)


@pytest.mark.parametrize("minor", [minor for minor in range(9, 15) if minor != sys.version_info[1]])
def test_a_version_that_is_not_installed_is_mapped_and_said_so(minor: int) -> None:
    resolved = resolve(f"python3.{minor}")
    assert resolved.runs == HERE
    assert resolved.note == f"python3.{minor} is not installed: its functions run on {HERE}"


@pytest.mark.parametrize("name", ["python3.8", "python3.15", "python2.7", "nodejs20.x", "provided.al2023", "", "Python", "python3.11\n"])
def test_everything_else_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(InvalidParameter, match=r"is not supported; supported are python and python3\.9 to python3\.14$"):
        resolve(name)
