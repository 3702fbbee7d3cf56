"""`router why`: which triggers a file, a request or an event sets off; whether somebody may do something; and why not."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from router.cli.completing import functions
from router.cli.exits import Exit, fail
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document
from router.cli.text import visible

if TYPE_CHECKING:
    from router.config.types import Config
    from router.iam.evaluation import Decision, Policies, Request
    from router.iam.principals import Principal


@click.command(short_help="Say which triggers match, or whether somebody may do something, and why.")
@click.argument("action", metavar="PATH|URL|ACTION", required=False)
@click.argument("resource", metavar="RESOURCE", required=False)
@click.option("--event", metavar="FILE|-", help="An event of a bus, or a batch of records, as JSON.")
@click.option("--role", metavar="NAME", help="One of the config's roles.")
@click.option("--function", metavar="NAME", shell_complete=functions, help="A function, with the role it has.")
@click.option("--key", metavar="ID", help="An access key.")
@click.option(
    "--context", "pairs", metavar="KEY=VALUE", multiple=True, help="A condition key of the request; several values: several times."
)
@shared_options
@pass_settings
def why(
    settings: Settings, /, action: str | None, resource: str | None, event: str | None, pairs: Sequence[str], **who: str | None
) -> None:
    """Say which triggers the file PATH, a request ("POST /images/7", or a URL) or an event sets off, and why the others do not.

    With RESOURCE: say whether ACTION (s3:PutObject) on it (an ARN, or *) is allowed, by which statement, and what every other
    one says. Reads the config and needs no daemon. Exits 1 when nothing matches, or it is not allowed."""
    if action is None or resource is None:
        from router.cli.why_triggers import explain  # noqa: PLC0415 - imports the daemon

        if resource or pairs or any(who.values()) or (action is None) == (event is None):
            raise click.UsageError("give a path, a request or --event; or an action and a resource")
        explain(settings, action or "", event or "")
        return
    if event:
        raise click.UsageError("an event has no action and no resource")
    if sum(map(bool, who.values())) != 1:
        raise click.UsageError("say who asks: --role NAME, --function NAME or --key ID, one of the three")
    from router.daemon import check  # noqa: PLC0415 - imports the daemon
    from router.iam import trust  # noqa: PLC0415

    config = check(settings.existing_config())
    principal, policies = _asking(config, who["role"] or "", who["function"] or "", who["key"] or "")
    if action.lower().startswith("sts:"):  # a trust has no say in who passes or changes the role
        trusts = {name: one.trust for name, one in config.roles.items()}
        policies = policies._replace(resource=trust.at(resource, config.account, trusts))
    _tell(settings, _request(config, action, resource, principal, context_of(pairs)), policies)


def _asking(config: "Config", role: str, function: str, key: str) -> "tuple[Principal, Policies]":
    if key:
        return _key(config, key)
    if function and function not in config.functions:
        fail(f"no function {function}", Exit.USAGE)
    if function and not config.functions[function].role:
        click.echo(visible(f"{function} has no role: it may call nothing"), err=True)
    return _role(config, config.functions[function].role if function else role, function or "why")


def _role(config: "Config", role: str, session: str) -> "tuple[Principal, Policies]":
    from router.credentials import roles  # noqa: PLC0415 - as above
    from router.iam.evaluation import Policies  # noqa: PLC0415
    from router.iam.principals import role_session  # noqa: PLC0415

    found = roles(config)
    if role and role not in found:
        fail(f"no role {role}: the config has {', '.join(found) or 'none'}", Exit.USAGE)
    return role_session(config.account, role or "none", session), Policies((found[role],) if role else ())


def _key(config: "Config", key_id: str) -> "tuple[Principal, Policies]":
    from router.credentials import KeyStore  # noqa: PLC0415 - as above
    from router.iam.evaluation import Policies  # noqa: PLC0415
    from router.iam.principals import user  # noqa: PLC0415

    key = KeyStore(config.state).all().get(key_id)
    if key is None:
        fail(f"no access key {key_id}; `router keys list` shows them", Exit.USAGE)
    return user(config.account, key.name), Policies(key.policies)


def _request(config: "Config", action: str, resource: str, who: "Principal", context: Mapping[str, tuple[str, ...]]) -> "Request":
    from router.iam.evaluation import Request  # noqa: PLC0415 - as above

    if ":" not in action or any(letter in action for letter in "*? "):
        raise click.BadParameter("one action, as s3:PutObject", param_hint="ACTION")
    if resource != "*" and not (resource.startswith("arn:") and resource.count(":") >= 5):
        raise click.BadParameter("an ARN of six fields, as arn:aws:s3:::bucket/key, or *", param_hint="RESOURCE")
    return Request(action, resource, who, context, config.account)


def context_of(pairs: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """KEY=VALUE, again and again, as condition keys in lower case. Raises BadParameter."""
    found: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or ":" not in name:
            raise click.BadParameter(f"{pair!r} is no KEY=VALUE, as aws:SourceIp=203.0.113.7", param_hint="--context")
        found[name.lower()] = (*found.get(name.lower(), ()), value)
    return found


def _tell(settings: Settings, request: "Request", policies: "Policies") -> None:
    from router.iam import telling  # noqa: PLC0415 - as above
    from router.iam.evaluation import evaluate  # noqa: PLC0415

    decision = evaluate(request, policies)
    if settings.json:
        document(_document(request, decision))
    else:
        click.echo(visible(telling.verdict(decision)))
        for line in telling.lines(decision):
            click.echo(visible(f"  {line}"))
        if not decision.allowed:
            click.echo(visible(telling.denial(request, decision)), err=True)
    if not decision.allowed:
        raise SystemExit(Exit.FAILED)


def _document(request: "Request", decision: "Decision") -> Mapping[str, Any]:
    from router.iam import telling  # noqa: PLC0415 - as above

    rows = [
        {"policy": one.policy, "kind": one.kind, "statement": one.statement, "effect": one.effect, "applies": one.applies, "why": one.why}
        for one in decision.findings
    ]
    return {
        "allowed": decision.allowed,
        "reason": decision.reason.value,
        "principal": request.principal.arn,
        "action": request.action,
        "resource": request.resource,
        "verdict": telling.verdict(decision),
        "message": None if decision.allowed else telling.denial(request, decision),
        "statements": rows,
    }
