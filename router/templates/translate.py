"""A template as a config and a report. Pure: text in, values out; the disk is looked at by whoever calls.

Every resource is attempted in an order in which what it names is there already; what cannot run here is refused by itself, and the
rest goes on. Source: SAM specification 2016-10-31; CloudFormation user guide, "Template sections"."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from router.templates import (
    assertions,
    connectors,
    customs,
    document,
    functions,
    gateways,
    globals_,
    guards,
    http,
    keys,
    log_filters,
    mocks,
    outputs,
    parameters,
    roles,
    rules,
    shadows,
    stores,
    synthesized,
    tables,
    topics,
    unsupported,
    wiring,
)
from router.templates.draft import Draft, Item
from router.templates.escaping import escaped_entry
from router.templates.naming import Place
from router.templates.parameters import Unlike, unlike
from router.templates.resolve import IMPLICIT, Read, Resolver, unread
from router.templates.words import ABSENT, Refused, Row, TemplateError, Translation, shown

_SAM: Final = "AWS::Serverless::"  # types that the transform makes others of
MOST_COMMON: Final = 500_000  # a template of 1 MB has no more values itself
_LOGICAL: Final = re.compile(r"[A-Za-z0-9]{1,255}")
_ATTRIBUTES: Final = frozenset(
    [
        *("Type", "Properties", "Condition", "DependsOn", "Description", "Metadata", "Connectors", "IgnoreGlobals"),
        *("DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy", "CreationPolicy"),
    ]
)

Handler = Callable[[Item, Draft], None]

# in the order in which they are attempted: what is named before what names it
HANDLERS: Final[Mapping[str, Handler]] = {
    "AWS::IAM::ManagedPolicy": roles.managed_policy,
    "AWS::IAM::Role": roles.role,
    "AWS::IAM::Policy": roles.policy,
    "AWS::IAM::RolePolicy": roles.policy,
    "AWS::Logs::LogGroup": stores.log_group,
    "AWS::Logs::ResourcePolicy": stores.log_policy,
    "AWS::SQS::Queue": stores.queue,
    "AWS::SQS::QueuePolicy": stores.queue_policy,
    "AWS::SNS::Topic": topics.topic,
    "AWS::SNS::TopicPolicy": stores.topic_policy,
    "AWS::Serverless::SimpleTable": tables.simple,
    "AWS::DynamoDB::Table": tables.table,
    "AWS::DynamoDB::GlobalTable": tables.global_table,
    "AWS::Events::EventBus": stores.bus,
    "AWS::Events::EventBusPolicy": stores.bus_policy,
    "AWS::Events::Archive": stores.archive,
    "AWS::S3::Bucket": stores.bucket,
    "AWS::S3::BucketPolicy": customs.bucket_policy,
    "Custom::S3BucketNotifications": customs.bucket_notifications,
    "Custom::S3AutoDeleteObjects": customs.emptied,
    "Custom::LogRetention": customs.log_retention,
    "Custom::CloudwatchLogResourcePolicy": customs.log_policy,
    "AWS::Serverless::LayerVersion": stores.layer,
    "AWS::Lambda::LayerVersion": stores.layer,
    "AWS::Serverless::Api": http.api,
    "AWS::Serverless::HttpApi": http.api,
    "AWS::ApiGatewayV2::Api": gateways.api,
    "AWS::ApiGateway::RestApi": gateways.api,
    "AWS::ApiGateway::Deployment": gateways.deployment,
    "AWS::ApiGatewayV2::Deployment": gateways.deployment,
    "AWS::ApiGatewayV2::Stage": gateways.stage,
    "AWS::ApiGateway::Stage": gateways.stage,
    "AWS::ApiGateway::Resource": gateways.resource,
    "AWS::ApiGateway::RequestValidator": gateways.told,
    "AWS::ApiGateway::Model": gateways.told,
    "AWS::ApiGatewayV2::Model": gateways.told,
    "AWS::ApiGateway::GatewayResponse": gateways.failure,
    "AWS::WAFv2::WebACLAssociation": guards.firewall,
    "AWS::WAFRegional::WebACLAssociation": guards.firewall,
    "AWS::ApiGateway::BasePathMapping": guards.mapping,
    "AWS::ApiGateway::BasePathMappingV2": guards.mapping,
    "AWS::ApiGatewayV2::ApiMapping": guards.mapping,
    "AWS::ApiGateway::ApiKey": keys.api_key,
    "AWS::ApiGateway::UsagePlan": keys.usage_plan,
    "AWS::ApiGateway::UsagePlanKey": keys.usage_plan_key,
    "AWS::ApiGateway::Account": keys.account,
    "AWS::Serverless::Function": functions.function,
    "AWS::Lambda::Function": functions.function,
    "AWS::Lambda::Alias": wiring.alias,
    "AWS::ApiGatewayV2::Authorizer": gateways.authorizer,
    "AWS::ApiGateway::Authorizer": gateways.authorizer,
    "AWS::ApiGatewayV2::Integration": gateways.integration,
    "AWS::ApiGatewayV2::Route": gateways.route,
    "AWS::ApiGateway::Method": gateways.method,
    "AWS::Lambda::Version": wiring.version,
    "AWS::Lambda::EventInvokeConfig": wiring.invoke,
    "AWS::Lambda::EventSourceMapping": wiring.mapping,
    "AWS::Lambda::Url": wiring.url,
    "AWS::Lambda::Permission": wiring.permission,
    "AWS::CodeDeploy::Application": wiring.deployments,
    "AWS::CodeDeploy::DeploymentGroup": wiring.deployments,
    "AWS::SNS::Subscription": topics.subscription,
    "AWS::Logs::SubscriptionFilter": log_filters.subscription_filter,
    "AWS::Logs::MetricFilter": log_filters.metric_filter,
    "AWS::Scheduler::ScheduleGroup": rules.schedule_group,
    "AWS::Events::Rule": rules.rule,
    "AWS::Scheduler::Schedule": rules.schedule,
    "AWS::Serverless::Connector": connectors.connector,
}
# these take routes with them when they are refused, also for a condition that cannot be told
_DEMANDING: Final = frozenset({gateways.stage, gateways.method, gateways.route, guards.firewall, guards.mapping})
# what everybody may do anyway: a policy has one statement at least
_NOTHING: Final = {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}


@dataclass(frozen=True, slots=True)
class Options:
    """How a template is to be translated."""

    place: Place = field(default_factory=Place)
    parameters: Mapping[str, str] = field(default_factory=dict)
    base: str = "."  # the template's directory, as config.yaml has it
    data: str = "./data"  # under which buckets and tables lie, as config.yaml has it
    draw: Callable[[str], str] = lambda name: f"change-this-key-of-{name}"  # name of a plan → an API key
    top: Mapping[str, Any] = field(default_factory=dict)  # keys of the config beside the template's own
    unmatched: Unlike = unlike
    read: Read = unread  # a file that the template names, by its path from the template's directory → its text
    layers: Mapping[str, str] = field(default_factory=dict)  # that the template does not hold: ARN → path as config.yaml has it
    imports: Mapping[str, str] = field(default_factory=dict)  # what other stacks export: name → value


def translate(text: str, options: Options) -> Translation:
    """The config and the report. Raises TemplateError for what concerns the template as a whole."""
    return translated(document.parse(text), options)


def translated(written: document.Document, options: Options) -> Translation:
    """As translate(), of what is read already."""
    template = synthesized.undeployed(written.value)
    document.whole(template)
    resources = _resources(template)
    given = parameters.values(template.get("Parameters"), options.parameters, options.unmatched)
    resolver = Resolver(options.place, given, _mapping(template, "Mappings"), _mapping(template, "Conditions"), resources)
    resolver.read = options.read
    resolver.imports = options.imports
    draft = Draft(resolver, options.data, options.base, options.draw)
    draft.globals = _mapping(template, "Globals")
    draft.given = options.layers
    draft.private = bool(parameters.private(template.get("Parameters")))
    assertions.check(_mapping(template, "Rules"), draft)
    draft.secrets = parameters.secrets(template.get("Parameters"), given)
    items = _items(resources, written.lines, draft)
    _attempt_all(items, draft)
    draft.rows |= {row.resource: row for row in written.rows}
    if idle := [arn for arn in options.layers if arn not in draft.used and not draft.refused]:
        raise TemplateError(*(f"--layer {shown(arn)}: no function of the template names this layer" for arn in idle))
    told = outputs.values(_mapping(template, "Outputs"), draft)
    return _translation(draft, options, list(resources), told)


def _mapping(template: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = template.get(key) or {}
    if not isinstance(found, dict):
        raise TemplateError(f"{key} must be a mapping")
    return found


def _resources(template: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The resources, Globals merged in. Raises TemplateError with every one that is none."""
    found = _mapping(template, "Resources")
    problems = [wrong for logical, resource in found.items() if (wrong := _wrong(logical, resource, found))]
    if not found:
        problems.append("Resources: a template has one at least")
    common = _mapping(template, "Globals")
    problems += globals_.wrong(common)
    if problems:
        raise TemplateError(*problems)
    if globals_.values(found.values(), common) > MOST_COMMON:
        raise TemplateError(f"Globals: in all the resources that have them they are more than {MOST_COMMON} values")
    return {logical: globals_.merged(resource, common) for logical, resource in found.items()}


def _wrong(logical: str, resource: Any, known: Mapping[str, Any]) -> str:
    where = f"Resources.{shown(logical)}"
    if not _LOGICAL.fullmatch(logical):
        return f"{where}: a logical id is letters and digits"
    if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
        return f"{where}: Type is required"
    if unknown := [key for key in resource if key not in _ATTRIBUTES]:
        return f"{where}.{shown(unknown[0])}: no attribute of a resource"
    if not isinstance(resource.get("Properties") or {}, dict):
        return f"{where}.Properties must be a mapping"
    connectors = resource.get("Connectors") or {}
    if not isinstance(connectors, dict) or not all(isinstance(each, dict) for each in connectors.values()):
        return f"{where}.Connectors must be a mapping of mappings"
    after = resource.get("DependsOn") or []
    if missing := [one for one in (after if isinstance(after, list) else [after]) if not isinstance(one, str) or not _made(one, known)]:
        return f"{where}.DependsOn: the template has no resource {shown(missing[0])}"
    return ""


def _made(logical: str, known: Mapping[str, Any]) -> bool:
    """Whether a resource is there when all is made: SAM makes others of its own, whose ids begin with theirs (ApiProdStage, FnRole)."""
    sources = (one for one, resource in known.items() if isinstance(resource, dict) and str(resource.get("Type")).startswith(_SAM))
    return logical in known or logical.startswith((*IMPLICIT, *sources))


def _items(resources: Mapping[str, Mapping[str, Any]], lines: Mapping[str, int], draft: Draft) -> list[Item]:
    """The resources that are to be there; the others have their rows."""
    found = []
    helpers = synthesized.helpers(resources)
    for logical, resource in resources.items():
        item = Item(logical, resource["Type"], logical, resource, lines.get(logical, 0))
        there, item.doubt = _there(resource.get("Condition"), draft)
        if item.doubt or not there:
            draft.refused.add(logical)
        if not there:
            draft.rows[logical] = Row(logical, item.type, ABSENT, "", (f"condition {resource['Condition']} is false",), item.line)
        elif item.type in unsupported.NETWORK:
            draft.rows[logical] = Row(logical, item.type, ABSENT, "", ("functions have this machine's network",), item.line)
        elif logical in helpers:
            needed = "needs no function" if helpers[logical] in synthesized.OURS else "is not run"
            why = f"works for {helpers[logical]} alone, which {needed} here"
            draft.rows[logical] = Row(logical, item.type, ABSENT, "", (why,), item.line)
            if item.type == "AWS::IAM::Role":
                draft.idle.add(str(draft.resolver.attribute(logical, "Arn")))
        elif item.type not in HANDLERS and (item.doubt or not item.type.startswith("AWS::CDK::")):
            draft.attempt(item, partial(guards.settled, item) if item.doubt else partial(unsupported.refuse, item.type))
        else:
            found.append(item)
    return found


def _there(condition: Any, draft: Draft) -> tuple[bool, str]:
    """Whether a resource's condition holds; when that cannot be told, it may, and the reason."""
    try:
        return condition is None or draft.resolver.holds(str(condition)), ""
    except Refused as refusal:
        return True, str(refusal)


def _attempt_all(items: list[Item], draft: Draft) -> None:
    order = {type_: index for index, type_ in enumerate(HANDLERS)}
    for item in sorted(items, key=lambda item: order.get(item.type, -1)):
        draft.attempt(item, partial(_one, item, draft))
    draft.finish()
    for item in items:
        if item.logical in draft.refused and item.type == "AWS::Serverless::Function":
            http.unserved(item, draft)
    mocks.close(draft)
    shadows.close(draft)
    for item in items:
        for name, embedded in (item.raw.get("Connectors") or {}).items():
            part = Item(f"{item.logical}.{name}", "Connector", item.logical, embedded, item.line)
            draft.attempt(part, partial(connectors.embedded, part, item.logical, draft))


def _one(item: Item, draft: Draft) -> None:
    if item.type.startswith("AWS::CDK::"):
        return
    item.name = draft.resolver.name(item.logical)
    if HANDLERS[item.type] not in _DEMANDING:
        guards.settled(item)
    HANDLERS[item.type](item, draft)


def _translation(draft: Draft, options: Options, order: list[str], told: Mapping[str, Any]) -> Translation:
    config: dict[str, Any] = {"version": 1, **options.top}
    for role in draft.sections["roles"].values():
        role["policy"] = role["policy"] or [dict(_NOTHING)]
    config |= {
        section: {name: escaped_entry(value) for name, value in values.items()} for section, values in draft.sections.items() if values
    }
    places = {logical: place for place, logical in enumerate(order)}
    rows = sorted(draft.rows.values(), key=lambda row: _place(row, places))
    comments: dict[tuple[str, ...], tuple[str, ...]] = {}
    for row in rows:
        path = tuple(row.becomes.split(".", 1))
        if row.notes and len(path) == 2 and path[1].partition(".")[0] in draft.sections.get(path[0], {}):
            path = (path[0], path[1].partition(".")[0])
            comments[path] = (*comments.get(path, ()), *(f"{row.resource}: {note}" for note in row.notes))
    return Translation(config, comments, tuple(rows), told, tuple(draft.codes), draft.files, draft.private, draft.secrets)


def _place(row: Row, places: Mapping[str, int]) -> tuple[int, str]:
    return (places.get(row.resource.partition(".")[0], len(places)), row.resource if "." in row.resource else "")
