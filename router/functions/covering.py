"""Which functions a change in the file system is about. Pure."""

import os.path
from collections.abc import Iterable, Mapping
from pathlib import Path

from router.config.types import Function
from router.functions.deploy import sources_of


def by_place(functions: Iterable[Function]) -> dict[str, set[str]]:
    """Where code and layers are → the names of the functions that have them there."""
    found: dict[str, set[str]] = {}
    for function in functions:
        for source in sources_of(function):
            found.setdefault(str(source), set()).add(function.name)
    return found


def touched(path: str, places: Mapping[str, set[str]]) -> set[str]:
    """The functions with code at *path*, above it or below it: a directory that is exchanged is told of at its parent's."""
    found: set[str] = set()
    for place, names in places.items():
        if path == place or path.startswith(f"{place}/") or place.startswith(f"{path.rstrip('/')}/"):
            found |= names
    return found


def watched(place: Path) -> str:
    """The directory in which an exchange of *place* itself is told: a link that is swung round, an archive, a directory that is moved."""
    return os.path.dirname(place)  # noqa: PTH120 - text, not a file
