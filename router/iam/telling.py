"""Decisions in AWS's words, and for people who ask why. Pure.

Source: IAM user guide, "Troubleshoot access denied error messages"."""

from collections.abc import Iterable
from typing import Final

from router.iam.evaluation import Decision, Finding, Reason, Request

_KINDS: Final = {
    "identity": "an identity-based policy",
    "resource": "a resource-based policy",
    "session": "a session policy",
    "trust": "the role trust policy",
}


def denial(request: Request, decision: Decision) -> str:
    """What AWS answers who is not allowed: User: … is not authorized to perform: … on resource: … because …."""
    said = f"User: {request.principal.arn} is not authorized to perform: {request.action} on resource: {request.resource}"
    if decision.reason is Reason.EXPLICIT_DENY and decision.decisive is not None:
        return f"{said} with an explicit deny in {_KINDS[decision.decisive.kind]}"
    kind = {
        Reason.NO_SESSION_POLICY: "session",
        Reason.NO_RESOURCE_POLICY: "resource-based",
        Reason.NO_TRUST_POLICY: "role trust",
        Reason.OTHER_ACCOUNT: "resource-based",
    }
    return f"{said} because no {kind.get(decision.reason, 'identity-based')} policy allows the {request.action} action"


def verdict(decision: Decision) -> str:
    """One line for people: what, and by what."""
    by = f" by {_place(decision.decisive)}" if decision.decisive is not None else ""
    if decision.allowed:
        return f"allowed{by}"
    if decision.reason is Reason.EXPLICIT_DENY:
        return f"denied{by}: a Deny that applies wins over every Allow"
    if decision.reason is Reason.OTHER_ACCOUNT:
        return "denied: the resource is another account's, and nothing reaches across accounts here"
    unsaid = {
        Reason.NO_SESSION_POLICY: "the session's policy does not allow it",
        Reason.NO_RESOURCE_POLICY: "the resource's policy does not allow it",
        Reason.NO_TRUST_POLICY: "the role's trust does not allow it",
    }
    return f"denied: {unsaid.get(decision.reason, 'no statement allows it')}"


def lines(decision: Decision) -> Iterable[str]:
    """One line for each statement."""
    for one in decision.findings:
        yield f"{one.effect} {_place(one)}: {'applies' if one.applies else 'does not apply'}; {one.why}"


def _place(finding: Finding) -> str:
    return f"{finding.statement} of {finding.policy}"
