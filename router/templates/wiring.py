"""Resources that lead from something to a function: mappings, rules, schedules, URLs, aliases, permissions. Pure.

Source: CloudFormation template reference, AWS::Lambda::*, AWS::Events::Rule, AWS::Scheduler::Schedule."""

from typing import Any, Final

from router.templates.draft import Draft, Item, escaped_all
from router.templates.events import inputs, pattern_of, queue_mapping, schedule, scheduler, table_mapping
from router.templates.functions import invoke_config, url_config
from router.templates.props import Props
from router.templates.words import Refused, shown

_DELIVERY: Final = (
    "delivery to a function is durable and cannot fail here; the function's own retries, destinations and dead-letter queue follow"
)


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
    url_config(item, props, draft, function.name, qualifier)


def invoke(item: Item, draft: Draft) -> None:
    """AWS::Lambda::EventInvokeConfig."""
    props = draft.props(item)
    function = draft.function(props.take("FunctionName"))
    props.take("Qualifier")
    invoke_config(item, props, draft, function.name)


def permission(item: Item, draft: Draft) -> None:
    """AWS::Lambda::Permission: triggers need none; other callers are asked about by their own policies."""
    props = draft.props(item)
    draft.function(props.take("FunctionName"))
    principal = props.text("Principal")
    for key in (
        "Action",
        "SourceArn",
        "SourceAccount",
        "EventSourceToken",
        "FunctionUrlAuthType",
        "PrincipalOrgID",
        "InvokedViaFunctionUrl",
    ):
        props.take(key)
    props.done()
    if not principal.endswith(".amazonaws.com"):
        item.note(f"Principal {shown(principal)}: callers with keys of this daemon are permitted by their own policies")


def rule(item: Item, draft: Draft) -> None:
    """AWS::Events::Rule: a trigger of each function that is a target; other targets under `rules`."""
    props = draft.props(item)
    bus = draft.bus(props.take("EventBusName"))
    enabled = props.text("State", "ENABLED") != "DISABLED"
    props.take("Name")
    targets = list(props.children("Targets"))
    expression = "ScheduleExpression" in props
    base = schedule(props, "ScheduleExpression", item, draft) if expression else {"pattern": escaped_all(pattern_of(props, "EventPattern"))}
    if not expression and bus != "default":
        base["bus"] = bus
    if expression and "EventPattern" in props:
        raise Refused("a rule with both a pattern and a schedule is not supported; make it two rules")
    for key in ("RoleArn",):
        props.take(key)
    props.done()
    if not targets:
        raise Refused("has no targets")
    for index, target in enumerate(targets):
        name = item.name if len(targets) == 1 else f"{item.name[:60]}-{index}"
        _rule_target(item, target, base | {"name": name}, draft, word="schedule" if expression else "event", enabled=enabled)


def _rule_target(item: Item, props: Props, value: dict[str, Any], draft: Draft, *, word: str, enabled: bool) -> None:
    target = draft.target(props.take("Arn"))
    given = inputs(props)
    if word == "schedule" and set(given) - {"input"}:
        raise Refused("InputPath and InputTransformer are not supported with a schedule; write an Input")
    _delivery(item, props)
    for key in ("Id", "RoleArn"):
        props.take(key)
    if target.kind != "function":
        raise Refused(f"targets that are a {target.kind} are not supported")
    props.done()
    draft.trigger(target.name, word, value | given, enabled=enabled, qualifier=target.qualifier)
    item.becomes = f"functions.{target.name}.triggers"


def _delivery(item: Item, props: Props) -> None:
    keys = [key for key in ("RetryPolicy", "DeadLetterConfig") if props.take(key)]
    if keys:
        item.note(f"{', '.join(keys)}: {_DELIVERY}")


def schedule_resource(item: Item, draft: Draft) -> None:
    """AWS::Scheduler::Schedule."""
    props = draft.props(item)
    props.take("Name")
    value = scheduler(props) | {"name": item.name}
    target = props.child("Target")
    if target is None:
        raise Refused("Target is required")
    enabled = props.text("State", "ENABLED") != "DISABLED"
    group = props.text("GroupName", "default")
    if group != "default":
        item.note(f"GroupName: a function's own schedules are in the group default, not in {shown(group)}")
    found = draft.target(target.take("Arn"))
    if "Input" in target:
        value["input"] = escaped_all(target.json("Input"))
    _delivery(item, target)
    target.take("RoleArn")
    if found.kind != "function":
        raise Refused(f"targets that are a {found.kind} are not supported")
    target.done()
    props.done({"KmsKeyArn": "schedules lie in config.yaml"})
    draft.trigger(found.name, "schedule", value, enabled=enabled, qualifier=found.qualifier)
    item.becomes = f"functions.{found.name}.triggers"
