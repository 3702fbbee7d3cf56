"""Who may assume a role: its trust, where it has one. Pure.

Source: IAM user guide, "IAM roles: terms and concepts", trust policy. A role without one may be assumed by every service here, and by who
is allowed sts:AssumeRole by a policy of their own."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from router.iam import evaluation, reading
from router.iam.policy import BadPolicy, Policy
from router.iam.principals import service

ARN: Final = re.compile(r"arn:aws:iam::([0-9]{12}):role/([A-Za-z0-9_+=,.@-]{1,64})")
LAMBDA: Final = "lambda.amazonaws.com"  # for functions
RULES: Final = "events.amazonaws.com"  # for targets of rules
SCHEDULES: Final = "scheduler.amazonaws.com"  # for those of schedules


def of(role: str, document: Mapping[str, Any] | None) -> Policy | None:
    """A role's trust as it is evaluated; None where it has none. Raises BadPolicy for a document that nobody checked."""
    return None if document is None else reading.read(document, name=f"the trust of role {role}", kind="trust")


def at(arn: str, account: str, trusts: Mapping[str, Mapping[str, Any] | None]) -> Policy | None:
    """The trust of the role under an ARN; None where there is no such role, or it has none. *trusts*: by role."""
    found = ARN.fullmatch(arn)
    return of(found[2], trusts.get(found[2])) if found is not None and found[1] == account else None


def lets(role: str, document: Mapping[str, Any] | None, principal: str, account: str, source: str = "") -> bool:
    """Whether a service, as lambda.amazonaws.com, may assume a role; not by a trust that cannot be read. *source*: the ARN of what it does so for."""
    return document is None or _lets(role, json.dumps(document), principal, account, source)


@lru_cache(maxsize=16_384)  # thousands of functions may have one role, and are all looked at anew with each change
def _lets(role: str, document: str, principal: str, account: str, source: str) -> bool:
    try:
        trust = of(role, json.loads(document))
    except BadPolicy:
        return False
    told = {"aws:sourceaccount": (account,)} | ({"aws:sourcearn": (source,)} if source else {})
    asked = evaluation.Request("sts:AssumeRole", f"arn:aws:iam::{account}:role/{role}", service(principal), told, account)
    return evaluation.evaluate(asked, evaluation.Policies((), trust)).allowed
