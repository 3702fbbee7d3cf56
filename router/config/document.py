"""From a path to the tree of its YAML; what cannot be read at all is one clear mistake."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from router.config import files, fragments
from router.config.fragments import Fragment
from router.config.node import Document, Node
from router.config.problems import Problems, shown
from router.config.readings import Kept, Readings
from router.config.references import References
from router.config.tree import Unreadable, Value, parse
from router.errors import ConfigError

Declared = Callable[[Path], Iterable[Fragment]]
"""A state directory → what was declared through the API and is kept there."""

LARGEST: Final = 1024 * 1024  # bytes
STATE: Final = "state"  # where the state directory is when nothing is said, beside the file
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")  # YAML 1.1, 5.1: not printable


def text_of(path: Path) -> str:
    """What the file holds. Raises ConfigError when it cannot be read at all."""
    return _decoded(path, _content(path))


def parsed(
    text: str, path: Path, environ: Mapping[str, str], declared: Declared = lambda _: (), former: Kept | None = None
) -> tuple[Document, Node]:
    """The top node of a file of this *text*, with what was *declared* beside it, and what all its nodes share; *path* may be relative.
    *former*: what was kept of another one, see load().

    Raises ConfigError when it cannot be read at all."""
    directory = Path(os.path.abspath(path)).parent  # noqa: PTH100 - resolve() would follow a symlink to another directory
    problems, references = Problems(path.name), References(environ, directory)
    known = former if former is not None and former.text == text else None
    root = known.root if known is not None else _root(text, problems)
    state = Node(Document(directory, problems, references), root).file("state", STATE)
    if known is not None and known.state != state:
        known = None
    beside = tuple(declared(state))
    merged = fragments.merge(root, beside, state, problems, known.merged if known is not None else None)
    readings = Readings(Kept(text, root, state, merged), known)
    document = Document(directory, problems, references, beside, merged.owners, text, readings)
    return document, Node(document, merged.root)


def _root(text: str, problems: Problems) -> Value:
    """The file's tree. Raises ConfigError when there is none."""
    odd = _CONTROL.search(text)
    if odd:
        line, column = _place(text, odd.start())
        problems.note(line, column, "", f"control character U+{ord(odd[0]):04X}; config.yaml is plain text")
        raise ConfigError(problems.lines())
    try:
        root = parse(text, problems)
    except Unreadable:
        raise ConfigError(problems.lines()) from None
    if root is None:
        problems.note(1, 1, "", "the file is empty; begin with version: 1")
        raise ConfigError(problems.lines())
    return root


def _content(path: Path) -> bytes:
    try:
        content = files.content(path, LARGEST + 1)
    except files.NotRegular:
        raise ConfigError((f"{path.name}: {shown(str(path), 300)} is not a regular file",)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise ConfigError((f"{path.name}: {shown(str(path), 300)}: {reason}",)) from None
    if len(content) > LARGEST:
        raise ConfigError((f"{path.name}:1:1: larger than 1 MB; this is no config file",))
    return content


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _place(content[: error.start].decode(), error.start)
        raise ConfigError((f"{path.name}:{line}:{column}: byte 0x{content[error.start]:02x} is not UTF-8 text",)) from None


def _place(text: str, index: int) -> tuple[int, int]:
    """Line and column, from 1, of a character."""
    before = text[:index]
    return before.count("\n") + 1, len(before) - before.rfind("\n")
