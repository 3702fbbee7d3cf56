"""Which versions of node this machine has. Blocking, some milliseconds, once in a process."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from typing import Final, NamedTuple

OLDEST: Final = 18  # what the bootstrap needs
_NAMES: Final = ("node", "nodejs", "node18", "node20", "node22", "node24")
_VERSION: Final = re.compile(r"v(\d+)\.\d+\.\d+")
_PATIENCE: Final = 10.0  # seconds for `node --version`


class Program(NamedTuple):
    """One node that can run functions."""

    path: str
    version: str  # e.g. 20.11.1

    @property
    def major(self) -> int:
        """Its release line."""
        return int(self.version.split(".")[0])


@cache
def installed() -> tuple[Program, ...]:
    """One for each release line on PATH, the first found of each, OLDEST or later."""
    found: dict[int, Program] = {}
    for path in dict.fromkeys(os.path.realpath(path) for name in _NAMES if (path := shutil.which(name))):
        version = _version(path)
        if _VERSION.fullmatch(version):
            program = Program(path, version[1:])
            if program.major >= OLDEST:
                found.setdefault(program.major, program)
    return tuple(found.values())


def _version(path: str) -> str:
    try:
        result = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=_PATIENCE, check=False, env={})
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout.strip()


def nearest(wanted: int | None, programs: Iterable[Program]) -> Program | None:
    """The release line *wanted*, else the next newer one, else the newest; None: any, which is the first found."""
    found = list(programs)
    if wanted is None or not found:
        return found[0] if found else None
    newer = [program for program in found if program.major >= wanted]
    return min(newer, key=lambda program: program.major) if newer else max(found, key=lambda program: program.major)
