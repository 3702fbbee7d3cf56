"""Execution environments: which runtimes there are. Cheap to import: the config check asks it about names.

A new runtime is one file and one line in RUNTIMES."""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from router.errors import InvalidParameter

_PYTHON: Final = re.compile(r"python(3\.(?:9|1[0-4]))?")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A runtime's name in config.yaml, and what serves it on this machine."""

    name: str  # as configured
    family: str  # key of RUNTIMES
    runs: str  # e.g. python3.11
    note: str  # "" or one sentence for the operator: what is configured is not installed


def _python() -> Any:
    from router.runtime.python import PythonRuntime  # noqa: PLC0415  # only a daemon that runs functions pays for it

    return PythonRuntime


RUNTIMES: Final[Mapping[str, Callable[[], Any]]] = {"python": _python}  # family → its class (see pool.Runtime)


def resolve(runtime: str) -> Resolved:
    """What serves *runtime*. Raises InvalidParameter with a sentence for the operator when nothing does."""
    if not _PYTHON.fullmatch(runtime):
        raise InvalidParameter(f"runtime {runtime!r} is not supported; supported are python and python3.9 to python3.14")
    here = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    note = "" if runtime in {"python", here} else f"{runtime} is not installed: its functions run on {here}"
    return Resolved(runtime, "python", here, note)
