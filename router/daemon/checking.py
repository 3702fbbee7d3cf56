"""From config.yaml to a config that a daemon can run, and to the sources that its triggers ask for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from router.api.declared_store import kept
from router.clock import SystemClock
from router.config.fragments import Fragment
from router.config.load import load
from router.config.places import place, placed
from router.config.problems import step
from router.config.types import Config
from router.dispatch.destinations import refuse_loops
from router.errors import ConfigError, InvalidParameter
from router.iam import trust
from router.iam.reading import mistakes_in
from router.journal.database import Database
from router.names import function_arn
from router.runtime import python_programs, resolve
from router.sources import SECTIONS, SOURCES, TRIGGERS
from router.sources.base import Binding, House, Source
from router.telemetry.metrics import Metrics


def check(path: Path, fragments: Sequence[Fragment] | None = None, text: str | None = None, *, apart: bool = False) -> Config:
    """Read the config as run() does, and build what it asks for to see that it can be built. *fragments*: what the API declared, None:
    what its state directory keeps; *text*: of config.yaml; *apart*: for a daemon that starts, see load().

    Raises ConfigError with every mistake, JournalError when the store cannot be read."""
    config = read(path, fragments, text, apart=apart)
    nothing = cast("Database", None)  # building opens nothing: no store is needed to see that it fails
    built(House(config, SystemClock(), nothing, Metrics()))
    return config


def read(
    path: Path, fragments: Sequence[Fragment] | None = None, text: str | None = None, former: Config | None = None, *, apart: bool = False
) -> Config:
    """The config, of which nothing is built yet. *former*: another one, of which is taken over what is as it was. Raises as check() does."""
    return load(
        path,
        TRIGGERS,
        runtimes=_wrong_with_runtime,
        interpreters=python_programs.wrong,
        policies=mistakes_in,
        resource_policies=partial(mistakes_in, kind="resource"),
        trust_policies=partial(mistakes_in, kind="trust"),
        sections=SECTIONS,
        declared=kept if fragments is None else lambda _: fragments,
        text=text,
        former=former,
        apart=apart,
    )


def declared(fragments: Sequence[Fragment], now: Config) -> Config:
    """The config in force with these fragments instead of those it has. Raises as check() does."""
    return read(now.file, fragments, now.text or None, now, apart=True)


def built(house: House) -> list[list[Source]]:
    """As by_class(); raises ConfigError also for what is no matter of sources."""
    mistakes = _Mistakes(house.config)
    found = _by_class(house, mistakes)
    with mistakes.noted():
        refuse_loops(house.config)
    with mistakes.noted():
        _refuse_untrusted(house.config)
    mistakes.refuse()
    return found


class _Mistakes:
    """What is noted of a config that was read without one: all at once, each with its place."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._problems: list[str] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """A look that may find mistakes: the next one is taken all the same."""
        try:
            yield
        except ConfigError as error:
            self._problems += error.problems

    def refuse(self) -> None:
        """Raises ConfigError when there are any."""
        if self._problems:
            raise ConfigError(placed(self._config, self._problems))


def _refuse_untrusted(config: Config) -> None:
    """A role whose trust does not let Lambda assume it is no function's. Raises ConfigError."""
    problems = [
        f"functions.{one.name}.role: the trust of role {role.name}{_of_role(config, role.name)} does not let {trust.LAMBDA} assume it"
        for one in config.functions.values()
        if (role := config.roles.get(one.role)) is not None
        and not trust.lets(role.name, role.trust, trust.LAMBDA, config.account, function_arn(config.region, config.account, one.name))
    ]
    if problems:
        raise ConfigError(tuple(problems))


def _of_role(config: Config, role: str) -> str:
    where = place(config, f"{step('roles', role)}.trust")
    return f" ({where})" if where else ""


def sources(house: House) -> list[Source]:
    """The sources that the config's triggers ask for. Raises ConfigError for what only all triggers together show."""
    return [source for built in by_class(house) for source in built]


def by_class(house: House) -> list[list[Source]]:
    """The same, by class. Raises ConfigError for what only all triggers together show."""
    mistakes = _Mistakes(house.config)
    found = _by_class(house, mistakes)
    mistakes.refuse()
    return found


def _by_class(house: House, mistakes: _Mistakes) -> list[list[Source]]:
    bound: dict[type[Any], list[Binding]] = {kind: [] for kind in SOURCES.values()}
    for binding in bindings(house.config):
        bound[SOURCES[binding.trigger.word]].append(binding)
    built: list[list[Source]] = []
    for kind, found in bound.items():
        with mistakes.noted():
            built.append(kind.build(found, house))
    return built


def bindings(config: Config) -> Iterator[Binding]:
    """Every trigger with whom it invokes."""
    for function in config.functions.values():
        for (index, trigger), qualifier in zip(function.placed(), function.qualifiers or ("",) * len(function.triggers), strict=True):
            yield Binding(function, trigger, index, qualifier)


def _wrong_with_runtime(name: str) -> str:
    try:
        resolve(name)
    except InvalidParameter as error:
        return str(error)
    return ""
