"""Execution environments: which runtimes there are. Cheap to import: the config check asks it about names.

A new runtime is one file and one line in RUNTIMES."""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from router.errors import InvalidParameter

_PYTHON: Final = re.compile(r"python(3\.(?:[6-9]|1[0-4]))?")
_PROVIDED: Final = re.compile(r"provided(\.al2|\.al2023)?")
_NODE: Final = re.compile(r"nodejs(?:(1[2468]|2[024])\.x)?")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A runtime's name in config.yaml, and what serves it on this machine."""

    name: str  # as configured
    family: str  # key of RUNTIMES
    runs: str  # e.g. python3.11
    note: str  # "" or one sentence for the operator: what is configured is not installed
    program: str = ""  # path of the interpreter; "" for the daemon's own
    version: str = ""  # of that program

    @property
    def told(self) -> str:
        """The runtime that a function is told it runs on: the one configured, as it decides on details of behaviour."""
        return self.runs if self.name == self.family else self.name


def _python() -> Any:
    from router.runtime.python import PythonRuntime  # noqa: PLC0415  # only a daemon that runs functions pays for it

    return PythonRuntime


def _nodejs() -> Any:
    from router.runtime.nodejs import NodeRuntime  # noqa: PLC0415  # as above

    return NodeRuntime


def _provided() -> Any:
    from router.runtime.provided import ProvidedRuntime  # noqa: PLC0415  # as above

    return ProvidedRuntime


def _command() -> Any:
    from router.runtime.command import CommandRuntime  # noqa: PLC0415  # as above

    return CommandRuntime


RUNTIMES: Final[Mapping[str, Callable[[], Any]]] = {  # family → its class (see pool.Runtime)
    "python": _python,
    "nodejs": _nodejs,
    "provided": _provided,
    "command": _command,
}


def resolve(runtime: str, python: Path | None = None) -> Resolved:
    """What serves *runtime*, with the function's own interpreter when it has one. Raises InvalidParameter with a sentence for the operator when nothing does."""
    if _PYTHON.fullmatch(runtime):
        if python is not None:
            return _resolve_python(runtime, python)
        here = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        return Resolved(runtime, "python", here, _note(runtime, "python", here))
    node = _NODE.fullmatch(runtime)
    if node:
        return _resolve_node(runtime, int(node[1]) if node[1] else None)
    if runtime == "command" or _PROVIDED.fullmatch(runtime):
        return Resolved(runtime, runtime.partition(".")[0], runtime, "")
    known = "python, python3.6 to python3.14, nodejs, nodejs12.x to nodejs24.x, provided, provided.al2, provided.al2023 and command"
    raise InvalidParameter(f"runtime {runtime!r} is not supported; supported are {known}")


def _resolve_python(runtime: str, path: Path) -> Resolved:
    from router.runtime import python_programs  # noqa: PLC0415  # only a config with such functions pays for it

    found = python_programs.known(path)
    if found is None:
        raise InvalidParameter(python_programs.wrong(runtime, path))
    return Resolved(runtime, "python", found.runs, "", str(path), ".".join(map(str, found.version)))


def _resolve_node(runtime: str, major: int | None) -> Resolved:
    from router.runtime import node_programs  # noqa: PLC0415  # only a config with Node.js functions pays for it

    program = node_programs.nearest(major, node_programs.installed())
    if program is None:
        wanted = f"node {node_programs.OLDEST} or later"
        raise InvalidParameter(f"runtime {runtime!r} needs {wanted}, and none is on the daemon's PATH; apt-get install nodejs")
    runs = f"nodejs{program.major}.x"
    return Resolved(runtime, "nodejs", runs, _note(runtime, "nodejs", runs), program.path, program.version)


def _note(runtime: str, family: str, runs: str) -> str:
    return "" if runtime in {family, runs} else f"{runtime} is not installed: its functions run on {runs}"
