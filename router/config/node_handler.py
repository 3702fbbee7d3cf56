"""Whether the file of a Node.js handler is there, without loading anything.

Source: AWS's Node.js runtime client: `directory/module.nested.name`, the module's name ends at the first dot; files are tried
by extension, then what require() finds by that name from the code directory."""

from pathlib import Path, PurePosixPath
from typing import Final

from router.config.entries import kind, names
from router.config.problems import shown

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
    if any(kind(parent / f"{name}{extension}") == "file" for extension in EXTENSIONS):
        return ""
    for place in (parent / "node_modules" / name, code / "node_modules" / name, code / name):
        if any(kind(place / entry) == "file" for entry in _INSIDE):
            return ""
    return f"{shown(str(parent / name), 300)}.js, .mjs or .cjs does not exist{_suggestion(parent, name)}"


def source(code: Path, handler: str) -> tuple[Path | None, str]:
    """The file of *handler*, and the first of the names that lead to its function; None: a package, whose parts may be anywhere."""
    directory, _, base = handler.rpartition("/")
    name, _, nested = base.partition(".")
    files = (code / directory / f"{name}{extension}" for extension in EXTENSIONS)
    return next((file for file in files if file.is_file()), None), nested.partition(".")[0]


def _suggestion(parent: Path, name: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only when something is wrong

    known = {PurePosixPath(entry).stem: entry for entry in names(parent)[:1000] if entry.endswith(EXTENSIONS[1:])}
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f", did you mean {shown(known[close[0]])}?" if close else ""
