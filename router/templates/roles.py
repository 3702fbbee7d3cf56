"""Execution roles of a template: AWS::IAM::Role and its kin, SAM's Policies. Pure.

Source: CloudFormation template reference, AWS::IAM::*; SAM developer guide, "Policies"."""

from typing import Any, Final

from router.templates import managed_policies, sam_policies
from router.templates.draft import Draft, Item
from router.templates.naming import made_role
from router.templates.props import Props
from router.templates.words import Refused, shown

_NAME: Final = r"[A-Za-z0-9_+=,.@-]{1,64}"


def role(item: Item, draft: Draft) -> None:
    """AWS::IAM::Role."""
    props = draft.props(item)
    for key in ("RoleName", "Path", "MaxSessionDuration"):
        props.take(key)
    trust = trust_of(props)
    found: list[dict[str, Any]] = []
    for named in props.texts("ManagedPolicyArns"):
        found += _managed(named, item, draft)
    for policy in props.children("Policies"):
        policy.take("PolicyName")
        found += statements_of(policy.take("PolicyDocument"))
        policy.done()
    props.done({"PermissionsBoundary": "boundaries are not known here: what the role's own policies allow is allowed"})
    draft.add("roles", item, {"policy": found, **trust}, _NAME, "a role")


def _managed(named: str, item: Item, draft: Draft) -> list[dict[str, Any]]:
    if named in draft.managed:
        return draft.managed[named]
    if not managed_policies.known(named):
        item.note(f"managed policy {shown(named)} is not known here and allows nothing; write out what of it is needed")
        return []
    return managed_policies.statements(named)


def managed_policy(item: Item, draft: Draft) -> None:
    """AWS::IAM::ManagedPolicy: for the roles that name it, or that it names."""
    props = draft.props(item)
    found = statements_of(props.take("PolicyDocument"))
    draft.managed[str(draft.resolver.ref(item.logical))] = found
    names = props.texts("Roles")
    for key in ("ManagedPolicyName", "Path"):
        props.take(key)
    props.done()
    item.becomes = "its statements, in the roles that have it"
    if names:
        draft.later(lambda: _attach(item, names, found, draft))


def _attach(item: Item, names: list[str], found: list[dict[str, Any]], draft: Draft) -> None:
    part = Item(f"{item.logical}.Roles", item.type, item.name, item.raw, item.line)
    draft.attempt(part, lambda: attach(part, names, found, draft))


def policy(item: Item, draft: Draft) -> None:
    """AWS::IAM::Policy and AWS::IAM::RolePolicy: more statements for roles."""
    props = draft.props(item)
    found = statements_of(props.take("PolicyDocument"))
    names = props.texts("Roles") + props.texts("RoleName")
    for key in ("PolicyName",):
        props.take(key)
    props.done()
    attach(item, names, found, draft)


def attach(item: Item, names: list[str], found: list[dict[str, Any]], draft: Draft) -> None:
    """Add statements to roles. Raises Refused for one that is not here."""
    for named in names:
        name = named.rpartition("/")[2]
        if name not in draft.sections["roles"]:
            raise Refused(f"role {shown(name)} is not here")
        draft.sections["roles"][name]["policy"] += found
    item.becomes = ", ".join(f"roles.{named.rpartition('/')[2]}" for named in names)


def statements_of(document: Any) -> list[dict[str, Any]]:
    """The statements of a policy document. Raises Refused when it is none."""
    found = document.get("Statement") if isinstance(document, dict) else None
    listed: list[Any] = found if isinstance(found, list) else [found]
    if not listed or not all(isinstance(each, dict) for each in listed):
        raise Refused(f"{shown(document)} is no policy document")
    return [
        {**each, "Sid": str(sid)} if isinstance(sid := each.get("Sid"), int) else each for each in listed
    ]  # CloudFormation has texts alone


def trust_of(props: Props) -> dict[str, Any]:
    """{"trust": …} of an AssumeRolePolicyDocument; {} without one."""
    document = props.take("AssumeRolePolicyDocument")
    return {} if document is None else {"trust": statements_of(document)}


def of_function(item: Item, props: Props, draft: Draft) -> tuple[str, dict[str, Any] | None]:
    """The role of a SAM function: the name of the one it names, or name and value of one to make of its Policies."""
    named = props.take("Role")
    policies = props.items("Policies")
    trust = trust_of(props)
    if named is not None:
        return named_role(item, named, draft), None
    name = made_role(item.name)
    found = managed_policies.statements(managed_policies.BASIC)
    for each in policies:
        found += _policy_of(each, item, draft)
    if name in draft.sections["roles"]:
        raise Refused(f"another resource has the name {name} already")
    return name, {"policy": found, **trust}


def make(name: str, value: dict[str, Any], draft: Draft) -> None:
    """Put a role that SAM makes among the others."""
    draft.sections["roles"][name] = value
    draft.made.add(name)


def named_role(item: Item, named: Any, draft: Draft) -> str:
    """The role that a function names; "" when it is not of this template."""
    name = str(named).rpartition("/")[2]
    if name in draft.sections["roles"]:
        return name
    item.note(f"Role: {shown(named)} is not in this template; without a role the function may call nothing")
    return ""


def _policy_of(each: Any, item: Item, draft: Draft) -> list[dict[str, Any]]:
    """One element of Policies: a managed policy, a document, or a policy template."""
    if isinstance(each, str):
        return _managed(each, item, draft)
    if not isinstance(each, dict):
        raise Refused(f"Policies: {shown(each)} is no policy")
    if "Statement" in each:
        return statements_of(each)
    name, parameters = next(iter(each.items()), ("", None))
    if name in sam_policies.POLICIES:  # parameters that stand beside the name instead of below it are a slip that SAM's own samples have
        beside = {key: value for key, value in each.items() if key != name}
        if parameters and beside:
            raise Refused(f"Policies: {shown(next(iter(beside)))} stands beside {name}; write each policy as an element of its own")
        if not isinstance(parameters or beside, dict):
            raise Refused(f"Policies: {name} wants a mapping of parameters, not {shown(parameters)}")
        return sam_policies.statements(name, parameters or beside, draft.resolver.place)
    raise Refused(f"Policies: {shown(next(iter(each), ''))} is no policy template that is known here")
