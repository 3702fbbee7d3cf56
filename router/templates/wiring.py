"""Resources that lead from something to a function: mappings, URLs, aliases, permissions. Pure.

Source: CloudFormation template reference, AWS::Lambda::*; Lambda developer guide, "Control access to Lambda function URLs"."""

from contextlib import suppress
from typing import Final

from router.templates.draft import Draft, Item, Target
from router.templates.functions import invoke_config, url_config
from router.templates.mappings import queue_mapping, table_mapping
from router.templates.props import Props
from router.templates.words import Refused, shown

_NOBODY: Final = (
    'AuthType NONE: no AWS::Lambda::Permission of the template lets Principal "*" lambda:InvokeFunctionUrl, so nobody may call it on AWS'
)
_NARROWER: Final = ("SourceArn", "SourceAccount", "PrincipalOrgID", "EventSourceToken")


def mapping(item: Item, draft: Draft) -> None:
    """AWS::Lambda::EventSourceMapping."""
    props = draft.props(item)
    function = draft.function(props.take("FunctionName"))
    source = props.text("EventSourceArn")
    if source.startswith("arn:aws:dynamodb:"):
        table_mapping(props, source, function.name, function.qualifier, draft)
    elif source.startswith("arn:aws:sqs:"):
        queue_mapping(props, draft.target(source).name, function.name, function.qualifier, draft)
    else:
        raise Refused(f"{shown(source)}: only queues and tables' streams are read here")
    item.becomes = f"functions.{function.name}.triggers"


def alias(item: Item, draft: Draft) -> None:
    """AWS::Lambda::Alias."""
    props = draft.props(item)
    function, name = draft.function(props.take("FunctionName")), props.text("Name")
    version = props.text("FunctionVersion", "$LATEST").rpartition(":")[2]
    provisioned = props.child("ProvisionedConcurrencyConfig")
    if provisioned is not None:
        draft.sections["functions"][function.name]["provisioned_concurrency"] = provisioned.whole("ProvisionedConcurrentExecutions", 1)
        provisioned.done()
    if "RoutingConfig" in props:
        raise Refused("weights need published versions; publish them and write weights into the alias in config.yaml")
    props.done()
    if version == "$LATEST":
        item.note(f"names $LATEST until versions are published with router versions publish {function.name}")
    draft.sections["functions"][function.name].setdefault("aliases", {})[name] = version
    item.becomes = f"functions.{function.name}.aliases.{name}"


def version(item: Item, draft: Draft) -> None:
    """AWS::Lambda::Version: published by hand here."""
    props = draft.props(item)
    function = draft.function(props.take("FunctionName"))
    for key in ("CodeSha256", "Description"):
        props.take(key)
    props.done({"ProvisionedConcurrencyConfig": "set it on the function", "RuntimePolicy": "the runtime is what is installed"})
    item.note(f"is $LATEST; router versions publish {function.name} publishes one")


def url(item: Item, draft: Draft) -> None:
    """AWS::Lambda::Url."""
    props = draft.props(item)
    function = draft.function(props.take("TargetFunctionArn"))
    qualifier = props.text("Qualifier", function.qualifier)
    if props.seen("AuthType") == "NONE" and not _open(Target("function", function.name, qualifier), draft):
        raise Refused(_NOBODY)
    url_config(item, props, draft, function.name, qualifier)


def _open(function: Target, draft: Draft) -> bool:
    """Whether a permission of the template lets everybody call the URL of a function, as it has to on AWS."""
    for logical, resource in draft.resolver.resources.items():
        if resource.get("Type") != "AWS::Lambda::Permission" or logical in draft.refused:
            continue
        with suppress(Refused):
            said = Props(draft.resolver.value(resource.get("Properties") or {}))
            named = draft.function(said.take("FunctionName"))
            called = said.text("Principal", ""), said.text("Action", ""), said.text("FunctionUrlAuthType", "NONE")
            if named == function and called == ("*", "lambda:InvokeFunctionUrl", "NONE") and not any(key in said for key in _NARROWER):
                return True
    return False


def invoke(item: Item, draft: Draft) -> None:
    """AWS::Lambda::EventInvokeConfig."""
    props = draft.props(item)
    function = draft.function(props.take("FunctionName"))
    props.take("Qualifier")
    invoke_config(item, props, draft, function.name)


_DEPLOYED: Final = {
    "DeploymentConfigName": "changed code is in force for all at once, after its init succeeded",
    "AlarmConfiguration": "alarms are not kept here",
    "AutoRollbackConfiguration": "code whose init fails is not taken; nothing is rolled back later",
}


def deployments(item: Item, draft: Draft) -> None:
    """AWS::CodeDeploy::Application and AWS::CodeDeploy::DeploymentGroup of a function's alias. Raises Refused for those of other things."""
    props = draft.props(item)
    if item.type == "AWS::CodeDeploy::Application" and props.text("ComputePlatform", "Server") != "Lambda":
        raise Refused("only functions are deployed here")
    for key in ("ApplicationName", "DeploymentGroupName", "ServiceRoleArn", "DeploymentStyle"):
        props.take(key)
    props.done(_DEPLOYED)


def permission(item: Item, draft: Draft) -> None:
    """AWS::Lambda::Permission: triggers need none; other callers are asked about by their own policies."""
    props = draft.props(item)
    draft.function(props.take("FunctionName"))
    principal, action = props.text("Principal"), props.text("Action", "")
    for key in (
        "SourceArn",
        "SourceAccount",
        "EventSourceToken",
        "FunctionUrlAuthType",
        "PrincipalOrgID",
    ):
        props.take(key)
    through_url = action == "lambda:InvokeFunctionUrl" or props.truth("InvokedViaFunctionUrl")  # its AuthType says who may call it
    props.done()
    if not principal.endswith(".amazonaws.com") and not through_url:
        item.note(f"Principal {shown(principal)}: callers with keys of this daemon are permitted by their own policies")
