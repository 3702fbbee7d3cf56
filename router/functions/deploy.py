"""From a function as config.yaml has it to the one that runs: its code and layers as trees that nobody changes. Blocking."""

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from router.config.handler import unstartable
from router.config.types import Config, Function
from router.errors import CodeRefused
from router.functions import store
from router.functions.snapshot import Unsettled
from router.functions.store import Tree, Trees

PATIENCE: Final = 10.0  # seconds for a tree that somebody is writing to come to rest
_PAUSE: Final = 0.2  # seconds between two tries


class Deployed(NamedTuple):
    """What came of deploying some functions."""

    functions: dict[str, Function]  # as they run
    problems: tuple[str, ...]  # `functions.NAME.code: …`, one for each function that is not among them


def excluded(config: Config) -> frozenset[str]:
    """Real paths that are no code wherever they lie: the state directory, buckets, tables' databases."""
    places = [str(config.state), *(str(bucket.path) for bucket in config.buckets.values())]
    places += [f"{table.sqlite}{suffix}" for table in config.tables.values() for suffix in ("", "-wal", "-shm", "-journal")]
    return frozenset(os.path.realpath(place) for place in places)


def sources_of(function: Function) -> tuple[Path, ...]:
    """Where its code and layers come from."""
    return (function.code, *function.layers)


def as_it_runs(function: Function, trees: Mapping[Path, Tree], opt: Path | None) -> Function:
    """The function over its trees; what only the config knows of it (triggers, aliases) is left out."""
    code = trees[function.code]
    layers = tuple(trees[layer].path for layer in function.layers)
    return replace(function, code=code.path, layers=layers, opt=opt, sha256=code.sha256, triggers=(), places=(), qualifiers=(), aliases={})


def deploy(
    functions: Iterable[Function],
    trees: Trees,
    *,
    unchecked: Collection[str] = (),
    patience: float = PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
) -> Deployed:
    """Deploy each of *functions*; sources that several of them share are read once. *unchecked*: names of those that may lack their handler."""
    found: dict[Path, Tree | CodeRefused] = {}
    deployed, problems = {}, []
    for function in functions:
        try:
            for source in sources_of(function):
                if source not in found:
                    found[source] = _kept(source, trees, patience, sleep)
            deployed[function.name] = _deployed(function, found, trees, checked=function.name not in unchecked)
        except CodeRefused as error:
            problems.append(f"functions.{function.name}: {error}")
    return Deployed(deployed, tuple(problems))


def _kept(source: Path, trees: Trees, patience: float, sleep: Callable[[float], None]) -> Tree | CodeRefused:
    """The source's tree, or why there is none."""
    until = time.monotonic() + patience
    while True:
        try:
            return trees.keep(source)
        except Unsettled:
            if time.monotonic() > until:
                return trees.last(source) or CodeRefused(f"{source}: still being written to after {patience:g} s")
            sleep(_PAUSE)
        except CodeRefused as error:
            return CodeRefused(f"{source}: {error}")
        except OSError as error:
            return CodeRefused(f"{error.filename or source}: {error.strerror}")


def _deployed(function: Function, found: Mapping[Path, Tree | CodeRefused], trees: Trees, *, checked: bool) -> Function:
    """Raises CodeRefused."""
    mine: dict[Path, Tree] = {}
    for source in sources_of(function):
        tree = found[source]
        if isinstance(tree, CodeRefused):
            raise tree
        mine[source] = tree
    store.total([mine[source] for source in sources_of(function)])
    try:
        opt = trees.opt([mine[layer] for layer in function.layers])
    except OSError as error:
        raise CodeRefused(f"layers: {error.strerror}") from error
    ready = as_it_runs(function, mine, opt)
    wrong, key = unstartable(ready) if checked else ("", "")
    if wrong:
        raise CodeRefused(f"{key}: {wrong.replace(str(ready.code), str(function.code))}")
    return ready
