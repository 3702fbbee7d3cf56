"""config.yaml → Config, or all of its mistakes at once. `router check`, `run` and `reload` call this and nothing else.

The words of triggers are passed in: their classes live above this floor, beside the sources that serve them."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from router.config import astray, buses, checks, document, functions, log_settings, queues, resources, settings, topics, usage
from router.config import roles as policies_of_roles
from router.config.document import Declared
from router.config.functions import Interpreters, Runtimes
from router.config.node import Node
from router.config.roles import Policies
from router.config.types import Config, Limits, Names, Retention, Section, Surroundings, Trigger
from router.errors import ConfigError

_KNOWN: Final = (
    *("version", "region", "account", "state", "listen", "limits", "drain", "retention"),
    *("buckets", "tables", "queues", "topics", "buses", "usage_plans", "roles", "functions", "users", "schedule_groups", "log_groups"),
)
_DEFAULT: Final = Config(Path(), Path())

Machine = tuple[Runtimes | None, Interpreters | None]  # what can run here
Judges = tuple[Policies | None, Policies | None, Policies | None]  # of roles' policies, of resources', of roles' trusts


def load(
    path: Path,
    triggers: Mapping[str, type[Trigger]],
    *,
    environ: Mapping[str, str] = os.environ,
    runtimes: Runtimes | None = None,
    interpreters: Interpreters | None = None,
    policies: Policies | None = None,
    resource_policies: Policies | None = None,
    trust_policies: Policies | None = None,
    sections: Mapping[str, Section] = MappingProxyType({}),
    declared: Declared = lambda _: (),
    text: str | None = None,
    former: Config | None = None,
    apart: bool = False,
) -> Config:
    """Read *path*. *triggers*: word → class; *runtimes*: name → what is wrong with it, "" when nothing is; *interpreters*: the same
    of a runtime and the path of an interpreter; *policies*: a role's policy document → its mistakes; *resource_policies*: the same of
    a queue's or a bus's, *trust_policies*: of a role's trust; *sections*: further keys → their readers; *declared*: what the API declared beside the file; *text*: the file's,
    instead of what it has now; *former*: another config that was read so, of which is taken over what is as it was: what comes of it is
    the same as without, but that no file beside is looked at again for what did not change; *apart*: see config/astray.py: a bucket that
    a link leads astray is no mistake, and has its place as it is written.

    Raises ConfigError with every mistake, in the order of the file."""
    kept = former.kept if former is not None else None
    shared, top = document.parsed(document.text_of(path) if text is None else text, path, environ, declared, kept)
    judges = (policies, resource_policies, trust_policies)
    config = _config(Path(os.path.abspath(path)), top, triggers, (runtimes, interpreters), judges, sections, apart=apart)  # noqa: PTH100 - resolve() would follow a symlink
    problems = shared.problems
    if problems.count:
        raise ConfigError(problems.lines())
    secrets = frozenset(filter(None, shared.references.secrets))
    kept = shared.readings.kept
    return replace(
        config, secrets=secrets, given=shared.references.given, declared=shared.declared, owners=shared.owners, text=shared.text, kept=kept
    )


def _named(form: Node, policies: Judges) -> Names:
    """What triggers, and all that is read after it, may refer to."""
    buckets = {} if (node := form.child("buckets")) is None else resources.buckets(node)
    tables, item_tables = ({}, {}) if (node := form.child("tables")) is None else resources.tables(node)
    own_queues = {} if (node := form.child("queues")) is None else queues.queues(node, policies[1])
    function_names = dict.fromkeys(node.keys()) if (node := form.child("functions")) is not None else {}
    around = form.document.readings.around
    seen = around("names.queues", own_queues), around("names.functions", function_names)
    return Names(
        buckets,
        tables,
        function_names,
        item_tables=item_tables,
        queues=own_queues,
        buses=buses.buses(form.child("buses"), policies[1]),
        topics={} if (node := form.child("topics")) is None else topics.topics(node, *seen, policies[1]),
        usage_plans={} if (node := form.child("usage_plans")) is None else usage.plans(node),
        roles={} if (node := form.child("roles")) is None else policies_of_roles.roles(node, policies[0], policies[2]),
    )


def _config(  # noqa: PLR0917 - what load() is given
    file: Path,
    top: Node,
    triggers: Mapping[str, type[Trigger]],
    machine: Machine,
    policies: Judges,
    sections: Mapping[str, Section],
    *,
    apart: bool,
) -> Config:
    form = top.form(known=(*_KNOWN, *sections))
    _version(form)
    names, readings = _named(form, policies), form.document.readings
    node = form.child("listen")
    http, aws, console = (settings.HTTP, settings.AWS, settings.CONSOLE) if node is None else settings.listen(node)
    config = Config(
        file=file,
        state=form.file("state", document.STATE),
        region=form.text("region", _DEFAULT.region, pattern=r"[a-z]{2,4}(-[a-z]+)+-[0-9]", what="a region's name, as us-east-1"),
        account=form.text("account", _DEFAULT.account, pattern=r"[0-9]{12}", what="an account number of 12 digits"),
        http=http,
        aws=aws,
        console=console,
        limits=Limits() if (node := form.child("limits")) is None else settings.limits(node),
        drain=form.seconds("drain", _DEFAULT.drain, low=0, high=3600),
        retention=Retention() if (node := form.child("retention")) is None else settings.retention(node),
        buckets=names.buckets,
        tables=names.tables,
        item_tables=names.item_tables,
        queues=names.queues,
        topics=names.topics,
        buses=names.buses,
        usage_plans=names.usage_plans,
        roles=names.roles,
        users=settings.users(form),
        schedule_groups=buses.groups(form.child("schedule_groups")),
        log_groups=log_settings.groups(form.child("log_groups")),
        functions={} if (node := form.child("functions")) is None else functions.read(node, readings.names(names), triggers, *machine),
    )
    config = astray.kept_apart(config, form) if apart else config
    checks.check(config, form)
    return replace(config, **_sections(form, config, sections)) if any(map(form.has, sections)) else config


def _sections(form: Node, config: Config, sections: Mapping[str, Section]) -> dict[str, Any]:
    """What is read last: it refers to all else."""
    around = form.document.readings.surroundings(Surroundings.of(config))
    return {key: read(node, around) for key, read in sections.items() if (node := form.child(key)) is not None and not node.empty}


def _version(form: Node) -> None:
    if not form.has("version"):
        form.problem("is required: write version: 1", "version")
    elif form.text("version") != "1":
        form.problem("only version 1 is known", "version")
