"""The policy document that a Lambda authorizer answers with, and what it says about one method.

Pure. Sources: IAM user guide, "IAM JSON policy elements" and "Policy evaluation logic"; API Gateway developer guide,
"Output from an API Gateway Lambda authorizer". Not covered: conditions. A statement that has one is taken for the worse:
a Deny always applies, an Allow never does. Policy variables (${…}) and principals are refused."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from router import wildcards

INVOKE: Final = "execute-api:Invoke"
VERSIONS: Final = ("2012-10-17", "2008-10-17")
_ELEMENTS: Final = frozenset(("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"))
_ARN_COLONS: Final = 5  # arn:partition:service:region:account:resource

Ruling = Literal["allow", "deny", "none"]
"""What a policy says about a method: none of its statements applies when it is "none"."""


class BadPolicy(ValueError):
    """Not a policy document; the text says why."""


class Matcher(NamedTuple):
    """Patterns, any of which may match; or none of which may."""

    patterns: tuple[str, ...]
    inverted: bool = False  # NotAction, NotResource


class Statement(NamedTuple):
    """One statement."""

    effect: Literal["Allow", "Deny"]
    actions: Matcher
    resources: Matcher
    conditional: bool = False


Policy = tuple[Statement, ...]


def read(document: Any) -> Policy:
    """The statements of a policy document as JSON has it. Raises BadPolicy."""
    if not isinstance(document, Mapping):
        raise BadPolicy("policyDocument is no object")
    if document.get("Version", VERSIONS[0]) not in VERSIONS:
        raise BadPolicy(f"policyDocument.Version is none of {', '.join(VERSIONS)}")
    statements = document.get("Statement")
    if isinstance(statements, Mapping):
        statements = [statements]
    if not isinstance(statements, list):
        raise BadPolicy("policyDocument.Statement is no list")
    return tuple(_statement(statement, index) for index, statement in enumerate(statements))


def evaluate(policy: Policy, arn: str) -> Ruling:
    """What the policy says about invoking the method *arn*. A Deny that applies beats every Allow."""
    allowed = False
    for statement in policy:
        if not _matches(statement.actions, INVOKE, fold=True) or not _matches(statement.resources, arn, fold=False):
            continue
        if statement.effect == "Deny":
            return "deny"
        allowed = allowed or not statement.conditional
    return "allow" if allowed else "none"


def _statement(value: Any, index: int) -> Statement:
    where = f"policyDocument.Statement[{index}]"
    if not isinstance(value, Mapping):
        raise BadPolicy(f"{where} is no object")
    if unknown := [str(key) for key in value if key not in _ELEMENTS]:
        raise BadPolicy(f"{where} has {unknown[0][:40]!r}, which is no element of such a policy")
    effect = value.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise BadPolicy(f"{where}.Effect is neither Allow nor Deny")
    actions, resources = _matcher(value, "Action", where), _matcher(value, "Resource", where)
    for resource in resources.patterns:
        if resource != "*" and resource.count(":") < _ARN_COLONS:
            raise BadPolicy(f"{where}: a resource is neither * nor an ARN of six fields")
        if "${" in resource:
            raise BadPolicy(f"{where}: policy variables are not supported")
    return Statement(effect, actions, resources, bool(value.get("Condition")))


def _matcher(statement: Mapping[str, Any], key: str, where: str) -> Matcher:
    """The value of Action or Resource, or of its complement; text or a list of texts, not both elements at once."""
    given = [name for name in (key, f"Not{key}") if name in statement]
    if len(given) != 1:
        raise BadPolicy(f"{where} has {'neither' if not given else 'both'} {key} {'nor' if not given else 'and'} Not{key}")
    value = statement[given[0]]
    patterns = [value] if isinstance(value, str) else value
    empty = patterns == [] and given[0] != "Resource"  # no resource at all is a policy for nothing: Chalice denies like that
    if not isinstance(patterns, list) or empty or not all(isinstance(pattern, str) for pattern in patterns):
        raise BadPolicy(f"{where}.{given[0]} is neither text nor a list of texts")
    return Matcher(tuple(patterns), given[0] != key)


def _matches(matcher: Matcher, text: str, *, fold: bool) -> bool:
    return any(wildcards.matches(pattern, text, fold=fold) for pattern in matcher.patterns) != matcher.inverted
