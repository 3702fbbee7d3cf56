"""What a template that `cdk synth` wrote says beside its resources: where code lies, and what only deploys the stack. Pure.

Source: SAM developer guide, "sam local with CDK" (aws:asset:path, aws:asset:property); CDK's bootstrap stack and its custom resources,
as aws-cdk-lib 2 writes them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from router.templates.words import Refused

CUSTOM: Final = ("Custom::", "AWS::CloudFormation::CustomResource")
OURS: Final = frozenset(
    f"Custom::{kind}"
    for kind in ("S3BucketNotifications", "S3AutoDeleteObjects", "LogRetention", "CloudwatchLogResourcePolicy", "VpcRestrictDefaultSG")
)
"""Custom resources whose work is done without the functions that come with them."""
_CDKS: Final = OURS | {"Custom::CDKBucketDeployment", "Custom::AWS"}  # CDK brings the functions for them, which nothing else calls
_BOOTSTRAP: Final = re.compile(r"/cdk-bootstrap/[a-z0-9]+/version")
_CHECK: Final = "CheckBootstrapVersion"


def undeployed(template: Mapping[str, Any]) -> dict[str, Any]:
    """The template without the parameter and the rule that ask for an account's bootstrap stack: nothing is deployed through it."""
    found = dict(template)
    declared = template.get("Parameters")
    if isinstance(declared, dict):
        found["Parameters"] = {name: rules for name, rules in declared.items() if not _asks(rules)}
        if len(found["Parameters"]) < len(declared) and isinstance(template.get("Rules"), dict):
            found["Rules"] = {name: rule for name, rule in template["Rules"].items() if name != _CHECK}
    return found


def _asks(rules: Any) -> bool:
    """Whether a parameter is the bootstrap stack's version."""
    return (
        isinstance(rules, dict)
        and rules.get("Type") == "AWS::SSM::Parameter::Value<String>"
        and _BOOTSTRAP.fullmatch(str(rules.get("Default"))) is not None
    )


def asset(resource: Mapping[str, Any], key: str) -> str | None:
    """Where what is to be uploaded for a property lies, beside the template; None: it does not say. Raises Refused for an image."""
    metadata = resource.get("Metadata")
    if not isinstance(metadata, dict) or metadata.get("aws:asset:property") not in {key, f"{key}.S3Key"}:
        return None
    path = metadata.get("aws:asset:path")
    if "aws:asset:dockerfile-path" in metadata:
        raise Refused("container images are not run here; package the code as a directory or .zip")
    return path if isinstance(path, str) and path else None


def helpers(resources: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Functions that work for custom resources of CDK's alone, with the roles and policies that only they have → for which type."""
    served: dict[str, set[str]] = {}
    for resource in resources.values():
        type_ = str(resource.get("Type"))
        if type_.startswith(CUSTOM) and (function := _named(_property(resource, "ServiceToken"))):
            served.setdefault(function, set()).add(type_)
    found = {name: min(types) for name, types in served.items() if types <= _CDKS and _is(resources, name, "AWS::Lambda::Function")}
    for function, type_ in tuple(found.items()):
        role = _named(_property(resources[function], "Role"))
        if role and _is(resources, role, "AWS::IAM::Role") and all(name in found for name in _holders(resources, role)):
            found[role] = type_
    for name, resource in resources.items():
        roles = _property(resource, "Roles")
        if (
            resource.get("Type") == "AWS::IAM::Policy"
            and isinstance(roles, list)
            and roles
            and all(_named(role) in found for role in roles)
        ):
            found[name] = found[_named(roles[0])]
    return found


def _property(resource: Mapping[str, Any], key: str) -> Any:
    properties = resource.get("Properties")
    return properties.get(key) if isinstance(properties, dict) else None


def _is(resources: Mapping[str, Mapping[str, Any]], name: str, type_: str) -> bool:
    return resources.get(name, {}).get("Type") == type_


def _holders(resources: Mapping[str, Mapping[str, Any]], role: str) -> Iterator[str]:
    """Resources whose role it is."""
    for name, resource in resources.items():
        if any(_named(_property(resource, key)) == role for key in ("Role", "RoleArn")):
            yield name


def _named(raw: Any) -> str:
    """The logical id in {"Ref": …} or {"Fn::GetAtt": [….]}; "" for anything else."""
    if not isinstance(raw, dict) or len(raw) != 1:
        return ""
    ((function, argument),) = raw.items()
    if function == "Fn::GetAtt":
        argument = argument[0] if isinstance(argument, list) and argument else str(argument).partition(".")[0]
    return argument if function in {"Ref", "Fn::GetAtt"} and isinstance(argument, str) else ""
