"""Whether the program of a function is there, without starting it: a bootstrap, or a command."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from router.config.entries import executable, kind
from router.config.problems import shown

BOOTSTRAP: Final = "bootstrap"  # its name, in the code directory: Lambda developer guide, custom runtimes
PATH: Final = "/usr/local/bin:/usr/bin:/bin"  # where a command without a slash is looked for


def no_bootstrap(code: Path, layers: Sequence[Path] = ()) -> str:
    """Why neither the directory *code* nor a layer holds a program of that name; "" when one does."""
    return "" if any(not _wrong(layer / BOOTSTRAP) for layer in layers) else _wrong(code / BOOTSTRAP)


def program(code: Path, name: str) -> Path | None:
    """The file of a command: below *code* when its name has a slash, else the first of PATH; None when PATH has none."""
    if "/" in name:
        return Path(os.path.normpath(code / name))
    found = shutil.which(name, path=PATH)
    return Path(found) if found else None


def no_command(code: Path, name: str) -> str:
    """Why the command *name* cannot be run in *code*; "" when it can."""
    path = program(code, name)
    if path is None:
        beside = f"; for the file in the code directory write ./{name}" if kind(code / name) == "file" else ""
        return f"{shown(name)} is not found in {PATH}{beside}"
    if not name.startswith("/") and "/" in name and not path.is_relative_to(os.path.normpath(code)):
        return f"{shown(name)} leads out of the code directory, of which a copy runs; write the whole path"
    return _wrong(path)


def _wrong(path: Path) -> str:
    if kind(path) != "file":
        return f"{shown(str(path), 300)} does not exist"
    return "" if executable(path) else f"{shown(str(path), 300)} is not executable; chmod +x it"
