"""Whether a handler is there, without importing anything: its file must be; whether that defines the function is a guess.

Source: AWS's Python runtime: the text before the last dot is a module, slashes count as dots, the code directory is
first on the path; a built-in module's name never reaches the file."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from router.config import defined, node_handler, programs
from router.config.entries import ARCHIVE, kind, names
from router.config.node import Node
from router.config.problems import near, shown
from router.config.types import Function

_LONGEST: Final = 1024 * 1024  # bytes of a file that is read for the names in it; longer ones were made by a program


def check(node: Node, function: Function, *, inside: bool) -> None:
    """Note at *node* (the function) what is wrong with its code or layers; *inside*: also that nothing in them is for its runtime to start.

    Of what came through the API that is found out by the first invocation, as on AWS: code and handler are changed there by two calls."""
    before = node.mistakes
    if wrong := _no_tree(function.code):
        node.problem(wrong, "code")
    for layer in function.layers:
        if wrong := _no_tree(layer):
            node.problem(wrong, "layers")
    if inside and node.mistakes == before:
        wrong, key = unstartable(function)
        if wrong:
            node.problem(wrong, key)


def unstartable(function: Function) -> tuple[str, str]:
    """What is missing for the function to start, and under which key of the config: its handler, a bootstrap, its command. ("", …): nothing."""
    code, runtime = function.code, function.runtime
    if runtime == "command":
        return programs.no_command(code, function.command[0]), "command"
    if runtime.startswith("provided"):
        return programs.no_bootstrap(code, function.layers), "code"
    return (node_handler.missing if runtime.startswith("nodejs") else missing)(code, function.handler), "handler"


def doubt(function: Function) -> str:
    """Why the handler will hardly be found in its file, which is there; "" when nothing speaks against it. Reads the file, but none in a .zip."""
    file, name = _place(function)
    content = None if file is None else _content(file)
    if file is None or content is None:
        return ""
    try:
        known = defined.in_python(content) if file.suffix == ".py" else defined.in_javascript(content)
    except SyntaxError as error:
        own = function.python is None  # another interpreter may know more than this one
        return f"{shown(file.name)}, line {error.lineno or 1}: {error.msg}" if own else ""
    if known is None or name in known:
        return ""
    return f"{shown(file.name)} has no {shown(name)}{_meant(name, known)}"


def source(function: Function) -> Path | None:
    """The file that the handler is in; None where there is none, or it may be in several."""
    try:
        return _place(function)[0]
    except OSError:  # such as a name that is too long
        return None


def _place(function: Function) -> tuple[Path | None, str]:
    """The source of a handler, and the name in it that leads to the function; None where there is no source, or it may be in several files."""
    if function.runtime.startswith("nodejs"):
        return node_handler.source(function.code, function.handler)
    module, _, name = function.handler.rpartition(".")
    return (_source(function.code, module) if function.runtime.startswith("python") else None), name


def _content(file: Path) -> bytes | None:
    """What is in a source file; None when it is too long, or cannot be read."""
    try:
        with file.open("rb") as opened:
            content = opened.read(_LONGEST + 1)
    except OSError:
        return None
    return content if len(content) <= _LONGEST else None


def _source(code: Path, module: str) -> Path | None:
    """The file of a Python module that can be read; None: a compiled one, or none."""
    *parents, name = module.replace("/", ".").split(".")
    parent = code.joinpath(*parents)
    if (package := parent / name / "__init__.py").is_file():
        return package
    return None if _compiled(parent, name) or not (file := parent / f"{name}.py").is_file() else file


def _meant(word: str, known: Iterable[str]) -> str:
    close = near(word, sorted(known)[:1000])
    return f", did you mean {shown(close)}?" if close else ""


def _no_tree(path: Path) -> str:
    """Why *path* is neither a directory nor a .zip that can be unpacked; "" when it is one."""
    found = kind(path)
    if found == "directory":
        return ""
    if found == "absent":
        return f"{_told(path)} does not exist"
    if found != "file" or path.suffix != ARCHIVE:
        return f"{_told(path)} is neither a directory nor a .zip"
    from router.config import archive  # noqa: PLC0415 - only a config with archives pays for it

    try:
        archive.read(path)
    except archive.BadArchive as error:
        return f"{_told(path)} cannot be used: {error}"
    except OSError as error:
        return f"{_told(path)} cannot be read: {error.strerror}"
    return ""


def missing(code: Path, handler: str) -> str:
    """Why *handler* cannot be found under the directory *code*; "" when its file is there."""
    module, dot, function = handler.rpartition(".")
    parts = module.replace("/", ".").split(".")
    if not dot or not function or not all(parts):
        return f"{shown(handler)} is no handler; write file.function, as app.handler for the function handler in app.py"
    if parts[0] in sys.builtin_module_names:
        return f"{parts[0]} is a module built into Python, which would be imported instead of {parts[0]}.py; give the file another name"
    parent, name = code.joinpath(*parts[:-1]), parts[-1]
    if any(kind(path) == "file" for path in (parent / f"{name}.py", parent / name / "__init__.py")) or _compiled(parent, name):
        return ""
    return f"{_told(parent / name)}.py does not exist{_meant(f'{name}.py', (entry for entry in names(parent) if entry.endswith('.py')))}"


def _compiled(parent: Path, name: str) -> bool:
    """Whether an extension module stands there: name.so, name.abi3.so, name.cpython-311-….so."""
    return any(entry.startswith(f"{name}.") and entry.endswith(".so") for entry in names(parent))


def _told(path: Path) -> str:
    return shown(str(path), 300)
