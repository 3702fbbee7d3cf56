"""Whether the file of a Node.js handler is there, without loading anything.

Source: AWS's Node.js runtime client: `directory/module.nested.name`, the module's name ends at the first dot; files are tried
by extension, then what require() finds by that name from the code directory."""

from pathlib import Path, PurePosixPath
from typing import Final

from router.config.entries import kind, names
from router.config.problems import near, shown

EXTENSIONS: Final = ("", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")  # the last three from node 24 on
_INSIDE: Final = ("package.json", "index.js", "index.json", "index.node")  # what makes a directory a module
_EXAMPLE: Final = "write file.function, as index.handler for what index.mjs exports as handler"


def missing(code: Path, handler: str) -> str:
    """Why *handler* cannot be found under the directory *code*; "" when its file is there."""
    directory, _, base = handler.rpartition("/")
    name, dot, nested = base.partition(".")
    if ".." in handler or handler.startswith("/") or not name or not dot or not nested:
        return f"{shown(handler)} is no handler; {_EXAMPLE}"
    parent = code / directory
    if _file(parent, name) is not None:
        return ""
    for place in (parent / "node_modules" / name, code / "node_modules" / name, code / name):
        if any(kind(place / entry) == "file" for entry in _INSIDE):
            return ""
    return f"{shown(str(parent / name), 300)}.js, .mjs or .cjs does not exist{_suggestion(parent, name)}"


def source(code: Path, handler: str) -> tuple[Path | None, str]:
    """The file of *handler*, and the first of the names that lead to its function; None: a package, whose parts may be anywhere."""
    directory, _, base = handler.rpartition("/")
    name, _, nested = base.partition(".")
    return _file(code / directory, name), nested.partition(".")[0]


def _file(parent: Path, name: str) -> Path | None:
    """The first that is tried and is there."""
    return next((file for extension in EXTENSIONS if kind(file := parent / f"{name}{extension}") == "file"), None)


def _suggestion(parent: Path, name: str) -> str:
    known = {PurePosixPath(entry).stem: entry for entry in names(parent)[:1000] if entry.endswith(EXTENSIONS[1:])}
    close = near(name, known)
    return f", did you mean {shown(known[close])}?" if close else ""
