"""What stands in a code directory, or in a .zip as if it were one, for thousands of functions: no object per entry, and no error
from what cannot be read."""

import os
import stat
from pathlib import Path
from typing import Literal

Kind = Literal["absent", "directory", "file", "other"]
ARCHIVE = ".zip"


def kind(path: Path) -> Kind:
    """What *path* is; below a .zip, what the entry is. The archive itself is a file."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a third of Path.stat's price, thousands of functions
    except NotADirectoryError:
        return _packed(path)[0]
    except (OSError, ValueError):
        return "absent"
    return "directory" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"


def executable(path: Path) -> bool:
    """Whether we may run the file; of one in a .zip, whether its bit is set."""
    return _packed(path)[1] if _archive(path) is not None else os.access(path, os.X_OK)


def names(directory: Path) -> list[str]:
    """The entries of *directory* or .zip; none when it cannot be read."""
    try:
        return os.listdir(directory)  # noqa: PTH208 - names are all we need
    except NotADirectoryError:
        return _children(directory)
    except (OSError, ValueError):
        return []


def _archive(path: Path) -> Path | None:
    """The .zip that *path* is, or lies in."""
    return next((one for one in (path, *path.parents) if one.suffix == ARCHIVE and one.is_file()), None)


def _packed(path: Path) -> tuple[Kind, bool]:
    from router.config import archive  # noqa: PLC0415 - only a config with archives pays for it

    found = _archive(path)
    try:
        member = archive.read(found).members.get(path.relative_to(found).as_posix()) if found else None
    except (OSError, ValueError):
        member = None
    if member is None:
        return "absent", False
    return "file" if member.kind == "link" else member.kind, member.executable


def _children(directory: Path) -> list[str]:
    from router.config import archive  # noqa: PLC0415 - as above

    found = _archive(directory)
    try:
        inside = directory.relative_to(found).as_posix() if found else ""
        return archive.read(found).children.get("" if inside == "." else inside, []) if found else []
    except (OSError, ValueError):
        return []
