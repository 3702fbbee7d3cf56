"""Filters of log groups: a subscription filter becomes a trigger of its function, a metric filter one of the config's. Pure.

Sources: CloudFormation template reference, AWS::Logs::SubscriptionFilter, AWS::Logs::MetricFilter; SAM developer guide, "CloudWatchLogs"."""

from typing import Any, Final

from router.names import log_group
from router.templates.draft import Draft, Item
from router.templates.props import Props
from router.templates.words import Refused, shown

NAME: Final = r"[^:*]{1,512}"
_OWN: Final = log_group("")


def event(item: Item, props: Props, name: str, alias: str, draft: Draft) -> None:
    """An event of type CloudWatchLogs."""
    del name
    group, pattern = props.text("LogGroupName"), props.text("FilterPattern")
    props.done()
    _follow(item.name, {"group": group, "filter_pattern": pattern}, alias, draft)


def subscription_filter(item: Item, draft: Draft) -> None:
    """AWS::Logs::SubscriptionFilter."""
    props = draft.props(item)
    target = draft.target(props.take("DestinationArn"))
    if target.kind != "function":
        raise Refused("DestinationArn names no function; logs are sent on to functions here")
    value = {"group": props.text("LogGroupName"), "filter_pattern": props.text("FilterPattern"), "name": item.name}
    for key in ("RoleArn", "Distribution", "FilterName"):
        props.take(key)
    props.done()
    _follow(target.name, value, target.qualifier, draft)
    item.becomes = f"functions.{target.name}.triggers"


def metric_filter(item: Item, draft: Draft) -> None:
    """AWS::Logs::MetricFilter."""
    props = draft.props(item)
    props.take("FilterName")
    value: dict[str, Any] = {"group": props.text("LogGroupName")}
    if pattern := props.text("FilterPattern", ""):
        value["filter_pattern"] = pattern
    transformations = list(props.children("MetricTransformations"))
    if len(transformations) != 1:
        raise Refused("MetricTransformations: a metric filter has one")
    _transformed(transformations[0], value, item)
    props.done()
    draft.add("metric_filters", item, value, NAME, "a metric filter")


def _transformed(props: Props, value: dict[str, Any], item: Item) -> None:
    """A MetricTransformation."""
    value |= {"namespace": props.text("MetricNamespace"), "metric": props.text("MetricName")}
    if (counted := props.text("MetricValue")) != "1":
        value["value"] = counted
    if (unit := props.text("Unit", "None")) != "None":
        value["unit"] = unit
    if props.take("DefaultValue") is not None:
        item.note("DefaultValue: nothing is counted where nothing matches")
    dimensions = {one.text("Key"): one.text("Value") for one in props.children("Dimensions")}
    if dimensions:
        value["dimensions"] = dimensions
    props.done()


def _follow(function: str, value: dict[str, Any], qualifier: str, draft: Draft) -> None:
    """Add the trigger. Raises Refused."""
    functions, group = draft.sections["functions"], value["group"]
    if group == functions.get(function, {}).get("log_group", log_group(function)):
        raise Refused(f"{shown(group)} is where {function} writes its own log, which would set it off again without end")
    if group.startswith(_OWN) and group.removeprefix(_OWN) not in functions:
        raise Refused(f"function {shown(group.removeprefix(_OWN))} is not here, and so has no log")
    draft.trigger(function, "logs", {key: one for key, one in value.items() if one}, qualifier=qualifier)
