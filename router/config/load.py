"""config.yaml → Config, or all of its mistakes at once. `router check`, `run` and `reload` call this and nothing else.

The words of triggers are passed in: their classes live above this floor, beside the sources that serve them."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from router.config import buses, checks, document, functions, queues, resources, settings, usage
from router.config import roles as policies_of_roles
from router.config.functions import Interpreters, Runtimes
from router.config.node import Node
from router.config.roles import Policies
from router.config.types import Config, Function, Limits, Names, Retention, Trigger
from router.errors import ConfigError

_KNOWN: Final = (
    *("version", "region", "account", "state", "listen", "limits", "drain", "retention"),
    *("buckets", "tables", "queues", "buses", "usage_plans", "roles", "functions", "users"),
)
_DEFAULT: Final = Config(Path(), Path())

Machine = tuple[Runtimes | None, Interpreters | None]  # what can run here
Judges = tuple[Policies | None, Policies | None]  # of roles' policies, of resources'


def load(
    path: Path,
    triggers: Mapping[str, type[Trigger]],
    *,
    environ: Mapping[str, str] = os.environ,
    runtimes: Runtimes | None = None,
    interpreters: Interpreters | None = None,
    policies: Policies | None = None,
    resource_policies: Policies | None = None,
) -> Config:
    """Read *path*. *triggers*: word → class; *runtimes*: name → what is wrong with it, "" when nothing is; *interpreters*: the same
    of a runtime and the path of an interpreter; *policies*: a role's policy document → its mistakes; *resource_policies*: the same of a queue's.

    Raises ConfigError with every mistake, in the order of the file."""
    shared, top = document.read(path, environ)
    config = _config(Path(os.path.abspath(path)), top, triggers, (runtimes, interpreters), (policies, resource_policies))  # noqa: PTH100 - resolve() would follow a symlink
    problems = shared.problems
    if problems.count:
        raise ConfigError(problems.lines())
    return replace(config, secrets=frozenset(filter(None, shared.references.secrets)))


def _config(file: Path, top: Node, triggers: Mapping[str, type[Trigger]], machine: Machine, policies: Judges) -> Config:
    form = top.form(known=_KNOWN)
    _version(form)
    buckets = {} if (node := form.child("buckets")) is None else resources.buckets(node)
    tables = {} if (node := form.child("tables")) is None else resources.tables(node)
    own_queues = {} if (node := form.child("queues")) is None else queues.queues(node, policies[1])
    events = buses.buses(form.child("buses"))
    plans = {} if (node := form.child("usage_plans")) is None else usage.plans(node)
    roles = {} if (node := form.child("roles")) is None else policies_of_roles.roles(node, policies[0])
    http, console = (settings.HTTP, settings.CONSOLE) if (node := form.child("listen")) is None else settings.listen(node)
    config = Config(
        file=file,
        state=form.file("state", "state"),
        region=form.text("region", _DEFAULT.region, pattern=r"[a-z]{2,4}(-[a-z]+)+-[0-9]", what="a region's name, as us-east-1"),
        account=form.text("account", _DEFAULT.account, pattern=r"[0-9]{12}", what="an account number of 12 digits"),
        http=http,
        console=console,
        limits=Limits() if (node := form.child("limits")) is None else settings.limits(node),
        drain=form.seconds("drain", _DEFAULT.drain, low=0, high=3600),
        retention=Retention() if (node := form.child("retention")) is None else settings.retention(node),
        buckets=buckets,
        tables=tables,
        queues=own_queues,
        buses=events,
        usage_plans=plans,
        roles=roles,
        users=settings.users(form),
        functions={}
        if (node := form.child("functions")) is None
        else _functions(node, Names(buckets, tables, usage_plans=plans, queues=own_queues, buses=events, roles=roles), triggers, machine),
    )
    checks.check(config, form)
    return config


def _functions(node: Node, names: Names, triggers: Mapping[str, type[Trigger]], machine: Machine) -> dict[str, Function]:
    """The value under `functions`, whose triggers may name other functions."""
    return functions.read(node, replace(names, functions=frozenset(name for name, _ in node.items())), triggers, *machine)


def _version(form: Node) -> None:
    if not form.has("version"):
        form.problem("is required: write version: 1", "version")
    elif form.text("version") != "1":
        form.problem("only version 1 is known", "version")
