"""Which version an invocation of an alias runs. Pure.

Source: Lambda developer guide, "Implement Lambda canary deployments using a weighted alias": the second version gets its weight of
the invocations, the alias's own version the rest, each invocation by a draw of its own."""

from collections.abc import Collection, Iterator

from router.config.types import Alias, Config
from router.names import LATEST


def choose(alias: Alias, draw: float) -> str:
    """The version; *draw* from [0, 1)."""
    return alias.other if alias.other and draw < alias.weight else alias.version


def versions_of(alias: Alias) -> tuple[str, ...]:
    """The published versions that it names."""
    return tuple(version for version in (alias.version, alias.other) if version not in {"", LATEST})


def unpublished(config: Config, published: Collection[str]) -> list[str]:
    """What aliases, triggers and targets of the config name and nobody has published, a sentence each. *published*: NAME:VERSION."""
    found = []
    for function in config.functions.values():
        named = [(f"aliases.{alias.name}", version) for alias in function.aliases.values() for version in versions_of(alias)]
        named += [("triggers", qualifier) for qualifier in function.qualifiers if qualifier.isdigit()]
        publish = f"router versions publish {function.name} publishes the next"
        found += [
            f"functions.{function.name}.{place}: version {version} is not published; {publish}"
            for place, version in dict.fromkeys(named)
            if f"{function.name}:{version}" not in published
        ]
    return found + [f"{place}: {name} is not published" for place, name in targets(config) if name not in published]


def targets(config: Config) -> Iterator[tuple[str, str]]:
    """The versions that rules and schedules hand events to, and where they say so."""
    listed = [(f"rules.{key}", rule.targets) for key, rule in config.rules.items()]
    listed += [(f"schedules.{key}", (schedule.target,)) for key, schedule in config.schedules.items()]
    for place, targets in listed:
        for target in targets:
            if target.to.kind == "function" and target.to.name.partition(":")[2].isdigit():
                yield place, target.to.name
