"""What a reload may change. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from typing import Final, NamedTuple

from router.config.places import place
from router.config.types import Config, Function, Role
from router.iam import directories, reading

RELOADED: Final = frozenset(  # fields of Config that are taken up; the others are opened or told apart once, at the start
    {
        "file",
        "limits",
        "drain",
        "retention",
        "buckets",
        "tables",
        "item_tables",
        "queues",
        "topics",
        "usage_plans",
        "buses",
        "functions",
        "roles",
        "rules",
        "notifications",
        "schedules",
        "schedule_groups",
        "log_groups",
        "metric_filters",
        "secrets",
        "declared",
        "owners",
        "text",
        "kept",
    }
)
_KEYS: Final = {"http": "listen.http", "aws": "listen.aws", "console": "listen.console"}  # of fields that have another name than their key


_TOLD: Final = sorted(RELOADED - {"file", "secrets", "declared", "owners", "text", "kept", "item_tables"})  # that are keys of config.yaml


class Changes(NamedTuple):
    """Functions that are not what they were; names, sorted."""

    added: list[str]
    changed: list[str]  # code or settings; not those whose triggers alone changed
    removed: list[str]


def refused(now: Config, wanted: Config) -> tuple[str, ...]:
    """What cannot be changed while the daemon runs, a sentence each."""
    keys = (
        _KEYS.get(one.name, one.name)
        for one in fields(Config)
        if one.name not in RELOADED and getattr(now, one.name) != getattr(wanted, one.name)
    )
    told = "cannot be changed while the daemon runs; restart it, or write what it was"
    return tuple(f"{place(wanted, key) or wanted.file.name}: {key}: {told}" for key in keys)


def keys(now: Config, wanted: Config) -> list[str]:
    """The top-level keys of config.yaml under which something is not what it was; sorted."""
    changed = {key for key in _TOLD if getattr(now, key) != getattr(wanted, key)}
    return sorted(changed | ({"tables"} if now.item_tables != wanted.item_tables else set()))


def places(config: Config) -> dict[str, str]:
    """The variables in which functions find the buckets and tables of config.yaml.

    Not those of the API: each would be an end to all environments there are, and who makes them does not ask where they lie."""
    found = {one.variable: str(one.path) for name, one in config.buckets.items() if config.owners.get(("buckets", name)) != "api"}
    return found | {one.variable: str(one.sqlite) for name, one in config.tables.items() if config.owners.get(("tables", name)) != "api"}


def reopened(now: Config, wanted: Config) -> frozenset[str]:
    """The roles that open directories of buckets otherwise than before: environments that there are have them as their role was.

    A bucket that is new closes nothing to anybody, and comes with the next environment, as one of the API's does."""
    there = now.buckets.keys() & wanted.buckets.keys()

    def uses(role: Role) -> list[str]:
        policy = reading.read(role.policy, name=f"role {role.name}")
        return [directories.use(policy, bucket, now.account) for bucket in there]

    pairs = ((now.roles[name], wanted.roles[name]) for name in now.roles.keys() & wanted.roles.keys())
    return frozenset(one.name for one, other in pairs if one.policy != other.policy and uses(one) != uses(other))


def settled(now: Mapping[str, Function], wanted: Mapping[str, Function]) -> dict[str, Function]:
    """*wanted*, with the very objects of *now* where nothing changed: environments compare them at each invocation."""
    return {name: now[name] if name in now and _same(now[name], function) else function for name, function in wanted.items()}


def _same(one: Function, other: Function) -> bool:
    return one is other or one == other  # to compare all their fields takes a thousand functions milliseconds


def redeployed(now: Config, wanted: Config, running: Collection[str]) -> list[Function]:
    """The functions of *wanted* that are to be deployed: those that do not run yet, or have other code or settings than in *now*."""
    return [function for name, function in wanted.functions.items() if name not in running or not _alike(now.functions.get(name), function)]


def _alike(now: Function | None, wanted: Function) -> bool:
    return now is wanted or (now is not None and _bare(now) == _bare(wanted))


def _bare(function: Function) -> Function:
    """Without what only the config knows of it."""
    return replace(function, triggers=(), places=(), qualifiers=(), aliases={})


def changes(now: Mapping[str, Function], wanted: Mapping[str, Function]) -> Changes:
    """Both as they run."""
    return Changes(
        sorted(wanted.keys() - now.keys()),
        sorted(name for name in wanted.keys() & now.keys() if not _same(wanted[name], now[name])),
        sorted(now.keys() - wanted.keys()),
    )
