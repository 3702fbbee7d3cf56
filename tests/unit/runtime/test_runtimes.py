"""Which runtimes are served, and by what."""

import sys

import pytest

from router.errors import InvalidParameter
from router.runtime import RUNTIMES, node_programs, resolve
from router.runtime.node_programs import Program

HERE = f"python{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> list[Program]:
    """What is installed; empty to begin with."""
    found: list[Program] = []
    monkeypatch.setattr(node_programs, "installed", lambda: tuple(found))
    return found


def test_python_is_the_interpreter_that_runs() -> None:
    for name in ("python", HERE):
        resolved = resolve(name)
        assert (resolved.runs, resolved.told, resolved.note, resolved.family in RUNTIMES) == (HERE, HERE, "", True)


@pytest.mark.parametrize("minor", [minor for minor in range(6, 15) if minor != sys.version_info[1]])
def test_a_version_that_is_not_installed_is_mapped_and_said_so(minor: int) -> None:
    resolved = resolve(f"python3.{minor}")
    assert (resolved.runs, resolved.told) == (HERE, f"python3.{minor}")
    assert resolved.note == f"python3.{minor} is not installed: its functions run on {HERE}"


@pytest.mark.parametrize(
    "name",
    [
        "python3.5",
        "python3.15",
        "python2.7",
        "nodejs20",
        "nodejs19.x",
        "nodejs26.x",
        "provided.al1",
        "command.sh",
        "",
        "Python",
        "python3.11\n",
    ],
)
def test_everything_else_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(InvalidParameter, match=r"is not supported; supported are .*python3\.6 to python3\.14.*nodejs12\.x to nodejs24\.x"):
        resolve(name)


def test_node_is_the_first_that_is_found_and_a_version_the_one_that_was_asked_for(nodes: list[Program]) -> None:
    nodes += [Program("/usr/bin/node", "20.11.1"), Program("/opt/node22", "22.1.0")]
    any_, exact = resolve("nodejs"), resolve("nodejs22.x")
    assert (any_.runs, any_.told, any_.note, any_.program, any_.version) == ("nodejs20.x", "nodejs20.x", "", "/usr/bin/node", "20.11.1")
    assert (exact.runs, exact.told, exact.note, exact.program, exact.family in RUNTIMES) == (
        "nodejs22.x",
        "nodejs22.x",
        "",
        "/opt/node22",
        True,
    )


@pytest.mark.parametrize(("wanted", "runs"), [("nodejs16.x", "nodejs20.x"), ("nodejs22.x", "nodejs24.x")])
def test_a_node_that_is_not_installed_is_the_next_newer_one(nodes: list[Program], wanted: str, runs: str) -> None:
    nodes += [Program("/n24", "24.0.0"), Program("/n20", "20.0.0")]
    resolved = resolve(wanted)
    assert (resolved.runs, resolved.told) == (runs, wanted)
    assert resolved.note == f"{wanted} is not installed: its functions run on {runs}"


def test_without_a_newer_node_the_newest_serves(nodes: list[Program]) -> None:
    nodes += [Program("/n18", "18.0.0"), Program("/n20", "20.0.0")]
    assert resolve("nodejs24.x").runs == "nodejs20.x"


def test_without_any_node_the_operator_is_told_what_to_install(nodes: list[Program]) -> None:
    with pytest.raises(InvalidParameter, match=r"runtime 'nodejs20\.x' needs node 18 or later, and none is on the daemon's PATH"):
        resolve("nodejs20.x")


@pytest.mark.parametrize("name", ["provided", "provided.al2", "provided.al2023", "command"])
def test_programs_run_as_they_are(name: str) -> None:
    resolved = resolve(name)
    assert (resolved.runs, resolved.note, resolved.family in RUNTIMES) == (name, "", True)
