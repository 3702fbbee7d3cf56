"""Which Python an interpreter is that a function brings, and whether our bootstrap runs on it. Blocking, some milliseconds, once for each."""

import os
import re
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

OLDEST: Final = (3, 11)  # what the bootstrap needs
_PATIENCE: Final = 10.0  # seconds for an interpreter to say its version
_SAY: Final = "import sys; print('%d.%d.%d' % sys.version_info[:3], sys.implementation.name)"
_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+) cpython\n")
_REQUIRED: Final = re.compile(r"python(3)\.(\d+)")
_known: Final[dict[str, "Interpreter"]] = {}


class Interpreter(NamedTuple):
    """One CPython."""

    version: tuple[int, int, int]

    @property
    def runs(self) -> str:
        """Its runtime's name, as python3.12."""
        return f"python{self.version[0]}.{self.version[1]}"


def wrong(runtime: str, path: Path) -> str:
    """Why the interpreter at *path* cannot run functions of *runtime*; "" when it can."""
    found = asked(path)
    if found is None:
        return f"{path} is no interpreter of CPython that can be started here"
    spoken = ".".join(map(str, found.version))
    if found.version[:2] < OLDEST:
        return f"{path} is Python {spoken}; {OLDEST[0]}.{OLDEST[1]} or later is needed"
    required = _REQUIRED.fullmatch(runtime)
    if required and (int(required[1]), int(required[2])) != found.version[:2]:
        return f"{path} is Python {spoken}, and the runtime is {runtime}; write runtime: {found.runs}"
    return ""


def asked(path: Path) -> Interpreter | None:
    """What *path* says it is; None when it does not say. Remembered until the file changes: a virtual environment's is a link."""
    try:
        found = os.stat(path)  # noqa: PTH116 - one call for what tells the file
    except (OSError, ValueError):
        return None
    answer = _asked(str(path), found.st_ino, found.st_mtime_ns)
    if answer is not None:
        _known[str(path)] = answer
    return answer


def known(path: Path) -> Interpreter | None:
    """What *path* said when it was asked last, in a config check; without looking at it again: nothing here may block."""
    return _known.get(str(path)) or asked(path)


@lru_cache(maxsize=256)
def _asked(path: str, *_: int) -> Interpreter | None:
    try:
        result = subprocess.run(
            [path, "-I", "-S", "-c", _SAY], capture_output=True, text=True, timeout=_PATIENCE, check=False, env={}, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    found = _VERSION.fullmatch(result.stdout)
    return Interpreter((int(found[1]), int(found[2]), int(found[3]))) if found else None
