"""Whether a request is allowed, by which statement, and why by no other: AWS's evaluation logic for one account.

Pure. Source: IAM user guide, "Policy evaluation logic". Fails closed: a condition that is not known here makes an
Allow void and a Deny apply; without an Allow nothing is allowed. Other accounts are refused: there are none here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from router import wildcards
from router.iam.condition_keys import known
from router.iam.conditions import Unknown, holds
from router.iam.policy import Actions, Condition, Kind, Policy, Resources, Statement
from router.iam.principals import Naming, Principal, keys_of, naming
from router.iam.values import ARN_FIELDS
from router.iam.variables import Context, Unresolved, resolved, spelled
from router.iam.variables import keys_of as variables_of


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to do."""

    action: str  # s3:GetObject
    resource: str  # an ARN, or * for what has none
    principal: Principal
    context: Context = field(default_factory=dict)  # condition keys, lower-case, but for those of the principal
    account: str = ""  # whose the resource is, where its ARN does not say; "": the principal's own


class Policies(NamedTuple):
    """All policies that have a say."""

    identity: Sequence[Policy] = ()
    resource: Policy | None = None  # of a role its trust, without whose Allow nobody may assume it
    session: Policy | None = None  # bounds what the identity's policies allow


class Reason(Enum):
    """Why, in AWS's terms."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicit deny"
    NO_IDENTITY_POLICY = "no identity-based policy"
    NO_RESOURCE_POLICY = "no resource-based policy"
    NO_SESSION_POLICY = "no session policy"
    NO_TRUST_POLICY = "no role trust policy"
    OTHER_ACCOUNT = "another account"


class Finding(NamedTuple):
    """What one statement says to a request."""

    policy: str
    kind: Kind
    statement: str  # its Sid or place
    effect: str
    applies: bool
    why: str  # a sentence without its full stop
    naming: Naming = ""


class Decision(NamedTuple):
    """What comes of a request."""

    allowed: bool
    reason: Reason
    decisive: Finding | None  # the statement that decided; None where none did
    findings: tuple[Finding, ...]


def evaluate(request: Request, policies: Policies) -> Decision:
    """Decide. Every statement of every policy is in the findings, in order."""
    account = _account(request)
    context = {**request.context, **keys_of(request.principal), **_resource_keys(account or request.principal.account)}
    bound = (*policies.identity, *filter(None, (policies.resource, policies.session)))
    findings = tuple(_finding(policy, statement, request, context) for policy in bound for statement in policy.statements)
    denies = [one for one in findings if one.applies and one.effect == "Deny"]
    if denies:
        return Decision(False, Reason.EXPLICIT_DENY, denies[0], findings)
    if request.principal.account and account and account != request.principal.account:
        return Decision(False, Reason.OTHER_ACCOUNT, None, findings)
    allows = [one for one in findings if one.applies and one.effect == "Allow"]
    return _allowed(request.principal, policies, allows, findings)


def _allowed(principal: Principal, policies: Policies, allows: Sequence[Finding], findings: tuple[Finding, ...]) -> Decision:
    """Decide where nothing denies."""
    if policies.resource is not None and policies.resource.kind == "trust" and not any(one.kind == "trust" for one in allows):
        return _decision((), Reason.NO_TRUST_POLICY, findings)
    by_resource = [one for one in allows if one.kind in ("resource", "trust") and one.naming != "account"]
    if principal.kind in ("service", "anonymous"):
        return _decision(by_resource, Reason.NO_RESOURCE_POLICY, findings)
    himself = [one for one in by_resource if one.naming == "self"]
    if himself:  # a policy that names the session itself is not bounded by the session's policy
        return _decision(himself, Reason.ALLOWED, findings)
    granted = [one for one in allows if one.kind == "identity"] + by_resource
    if not granted:
        return _decision((), Reason.NO_IDENTITY_POLICY, findings)
    if policies.session is not None and not any(one.kind == "session" for one in allows):
        return _decision((), Reason.NO_SESSION_POLICY, findings)
    return _decision(granted, Reason.ALLOWED, findings)


def _decision(granted: Sequence[Finding], otherwise: Reason, findings: tuple[Finding, ...]) -> Decision:
    return Decision(bool(granted), Reason.ALLOWED if granted else otherwise, granted[0] if granted else None, findings)


def _account(request: Request) -> str:
    fields = request.resource.split(":", ARN_FIELDS - 1)
    return (fields[4] if len(fields) == ARN_FIELDS else "") or request.account


def _resource_keys(account: str) -> dict[str, tuple[str, ...]]:
    """The condition keys that follow from whose the resource is."""
    return dict.fromkeys(("aws:resourceaccount", "s3:resourceaccount"), (account,)) if account else {}


# -- one statement


def _finding(policy: Policy, statement: Statement, request: Request, context: Context) -> Finding:
    named: Naming = ""
    if statement.principals is not None:
        named = naming(statement.principals, request.principal, trust=policy.kind == "trust")
    applies, why = _applies(statement, named, request, context)
    return Finding(policy.name, policy.kind, statement.name, statement.effect, applies, why, named)


_MET: Final = "action, resource and conditions match"


def _applies(statement: Statement, named: Naming, request: Request, context: Context) -> tuple[bool, str]:
    """Whether a statement applies, and why (not)."""
    if not _acts(statement.actions, request.action):
        return False, f"{'NotAction' if statement.actions.inverted else 'Action'} does not cover {request.action}"
    if statement.principals is not None and not named:
        return False, f"Principal does not name {request.principal.arn}"
    taken = statement.effect == "Deny"
    try:
        if why := _misses(statement.resources, request.resource, context):
            return False, why
    except Unknown as unknown:
        return taken, _worse(unknown, statement)
    unknowns: list[Unknown] = []
    for condition in statement.conditions:
        try:
            if not holds(condition, context):
                return False, _unmet(condition, context)
        except Unknown as unknown:
            unknowns.append(unknown)
    if unknowns:
        return taken, _worse(unknowns[0], statement)
    return True, _MET if statement.conditions else "action and resource match"


def _worse(unknown: Unknown, statement: Statement) -> str:
    return f"{unknown}: taken as {'met, because this is a Deny' if statement.effect == 'Deny' else 'not met'}"


def _acts(actions: Actions, action: str) -> bool:
    return any(wildcards.matches(pattern, action, fold=True) for pattern in actions.patterns) != actions.inverted


def _misses(resources: Resources, arn: str, context: Context) -> str:
    """Why a statement is not about a resource; "" when it is. Raises Unknown for a variable that is not known."""
    found, lost = False, ""
    for pattern in resources.patterns:
        if strange := next((key for key in variables_of(pattern) if not known(key)), ""):
            raise Unknown(f"the variable ${{{strange[:80]}}} is not known")
        try:
            found = found or wildcards.matches_tokens(resolved(pattern, context), arn)
        except Unresolved as error:
            lost = f"${{{error.key}}} stands for nothing in this request"
    if resources.inverted:
        return lost or (f"NotResource covers {arn}" if found else "")
    return "" if found else lost or f"Resource does not cover {arn}"


def _unmet(condition: Condition, context: Context) -> str:
    given = context.get(condition.key.lower(), ())
    have = ", ".join(given) if given else "absent"
    wanted: Iterable[str] = (spelled(value) for value in condition.values)
    return f"Condition {condition.operator.name} {condition.key}: {have[:200]} against {', '.join(wanted)[:200]}"
