"""From config.yaml to a config that a daemon can run, and to the sources that its triggers ask for."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from router.api.declared import kept
from router.clock import SystemClock
from router.config.fragments import Fragment
from router.config.load import load
from router.config.types import Config
from router.dispatch.destinations import refuse_loops
from router.errors import InvalidParameter
from router.iam.reading import mistakes_in
from router.journal.database import Database
from router.runtime import python_programs, resolve
from router.sources import SECTIONS, SOURCES, TRIGGERS
from router.sources.base import Binding, House, Source
from router.telemetry.metrics import Metrics


def check(path: Path, fragments: Sequence[Fragment] | None = None, text: str | None = None) -> Config:
    """Read the config as run() does. *fragments*: what the API declared, None: what its state directory keeps; *text*: of config.yaml.

    Raises ConfigError with every mistake, JournalError when the store cannot be read."""
    config = load(
        path,
        TRIGGERS,
        runtimes=_wrong_with_runtime,
        interpreters=python_programs.wrong,
        policies=mistakes_in,
        resource_policies=partial(mistakes_in, kind="resource"),
        sections=SECTIONS,
        declared=kept if fragments is None else lambda _: fragments,
        text=text,
    )
    nothing = cast("Database", None)  # building opens nothing: no store is needed to see that it fails
    sources(House(config, SystemClock(), nothing, Metrics()))
    refuse_loops(config)
    return config


def sources(house: House) -> list[Source]:
    """The sources that the config's triggers ask for. Raises ConfigError for what only all triggers together show."""
    return [source for built in by_class(house) for source in built]


def by_class(house: House) -> list[list[Source]]:
    """The same, by class. Raises ConfigError for what only all triggers together show."""
    bindings: dict[type[Any], list[Binding]] = {kind: [] for kind in SOURCES.values()}
    for function in house.config.functions.values():
        for (index, trigger), qualifier in zip(function.placed(), function.qualifiers or ("",) * len(function.triggers), strict=True):
            bindings[SOURCES[trigger.word]].append(Binding(function, trigger, index, qualifier))
    return [kind.build(found, house) for kind, found in bindings.items()]


def _wrong_with_runtime(name: str) -> str:
    try:
        resolve(name)
    except InvalidParameter as error:
        return str(error)
    return ""
