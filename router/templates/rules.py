"""Rules and schedules of a template: SAM's events, AWS::Events::Rule, AWS::Scheduler::Schedule. Pure.

A SAM event is a trigger of its function; with retries or a dead-letter queue of its own, and for resources of their own, it stands
under `rules` or `schedules`. Source: CloudFormation template reference, AWS::Events::Rule, AWS::Scheduler::Schedule."""

import re
from typing import Any, Final

from router.templates.draft import Draft, Item
from router.templates.kinds import fitted
from router.templates.props import Props
from router.templates.words import Refused, shown

_NAME: Final = re.compile(r"[0-9a-zA-Z_.-]{1,64}")
_LOG_GROUP: Final = re.compile(r"arn:aws[a-z-]*:logs:[^:]*:[0-9]*:log-group:([^:]+)(:\*)?")


# -- SAM's events


def schedule_event(item: Item, props: Props, name: str, alias: str, draft: Draft) -> None:
    """An event of type Schedule: a rule with an expression."""
    named = _named(props, "Name", item, name)
    expression, given, terms = props.text("Schedule"), _constant(props), _terms(props, f"{named}Queue", draft)
    enabled = _enabled(props)
    if terms:
        target = _to_function(item, alias, given | terms)
        _rule(item, named, {"schedule": expression, "targets": [target]}, draft, enabled=enabled)
    else:
        draft.trigger(item.name, "schedule", {"expression": expression, **given, "name": named}, enabled=enabled, qualifier=alias)
    _done(props)


def scheduler_event(item: Item, props: Props, name: str, alias: str, draft: Draft) -> None:
    """An event of type ScheduleV2: one of EventBridge Scheduler's."""
    named, value, group = _named(props, "Name", item, name), _timing(props), props.text("GroupName", "default")
    value |= _constant(props)
    terms, enabled = _terms(props, f"{named}Queue", draft), _enabled(props)
    for key in ("OmitName", "Description"):
        props.take(key)
    _done(props)
    if terms or group != "default":
        _planned(item, (named, group), value | {"target": _to_function(item, alias, terms)}, draft, enabled=enabled)
    else:
        draft.trigger(item.name, "schedule", value | {"name": named}, enabled=enabled, qualifier=alias)


def rule_event(item: Item, props: Props, name: str, alias: str, draft: Draft) -> None:
    """An event of type EventBridgeRule or CloudWatchEvent."""
    named, pattern = _named(props, "RuleName", item, name), _pattern(props, "Pattern")
    bus, given, terms = draft.bus(props.take("EventBusName")), _inputs(props), _terms(props, f"{named}Queue", draft)
    enabled, target = _enabled(props), props.child("Target")
    if target is not None:
        target.take("Id")
        target.done()
    _done(props)
    if terms:
        value = {"pattern": pattern, "targets": [_to_function(item, alias, given | terms)]}
        _rule(item, named if bus == "default" else f"{bus}/{named}", value, draft, enabled=enabled)
        return
    value = {"pattern": pattern, **({"bus": bus} if bus != "default" else {}), **given, "name": named}
    draft.trigger(item.name, "event", value, enabled=enabled, qualifier=alias)


def _to_function(item: Item, alias: str, more: dict[str, Any]) -> dict[str, Any]:
    return {"function": f"{item.name}:{alias}" if alias else item.name, **more}


def _named(props: Props, key: str, item: Item, event: str) -> str:
    """The name of a rule or schedule: its own, or made of the function's and the event's logical ids."""
    own = props.text(key, "") or fitted(f"{item.logical.partition('.')[0]}{event}", 64)
    if not _NAME.fullmatch(own):
        raise Refused(f"{shown(own)} is no name of a rule or schedule")
    return own


def _enabled(props: Props) -> bool:
    return props.truth("Enabled", default=True) and not props.text("State", "ENABLED").upper().startswith("DISABLED")


def _done(props: Props) -> None:
    for key in ("RoleArn", "PermissionsBoundary"):  # the daemon itself hands events over
        props.take(key)
    props.done({"KmsKeyArn": "schedules lie in config.yaml"})


# -- parts


def _constant(props: Props) -> dict[str, Any]:
    """Input: a JSON text that replaces the event."""
    return {"input": props.json("Input")} if "Input" in props else {}


def _inputs(props: Props) -> dict[str, Any]:
    """What a rule's target gets instead of the event."""
    value = _constant(props)
    if "InputPath" in props:
        value["input_path"] = props.text("InputPath")
    transformer = props.child("InputTransformer")
    if transformer is not None:
        paths = transformer.child("InputPathsMap")
        value["input_transformer"] = {"template": transformer.text("InputTemplate")}
        if paths is not None:
            value["input_transformer"]["paths"] = {name: paths.text(name) for name in paths.names()}
        transformer.done()
    return value


def _pattern(props: Props, key: str) -> Any:
    found = props.json(key)
    if not isinstance(found, dict):
        raise Refused(f"{key}: an event pattern is required")
    return found


def _timing(props: Props) -> dict[str, Any]:
    """When one of EventBridge Scheduler's schedules fires."""
    value: dict[str, Any] = {"expression": props.text("ScheduleExpression")}
    value["timezone"] = props.text("ScheduleExpressionTimezone", "UTC")  # with a zone it is the Scheduler's, as its events tell
    dates = {ours: props.text(theirs) for theirs, ours in (("StartDate", "start"), ("EndDate", "end")) if theirs in props}
    if not value["expression"].startswith("at("):  # EventBridge Scheduler ignores them of a one-time schedule
        value |= dates
    window = props.child("FlexibleTimeWindow")
    if window is not None:
        minutes = window.whole("MaximumWindowInMinutes")
        if (window.text("Mode", "OFF") == "FLEXIBLE") != (minutes is not None):
            raise Refused("FlexibleTimeWindow: MaximumWindowInMinutes belongs to the mode FLEXIBLE, which needs it")
        if minutes is not None:
            value["flexible_window"] = f"{minutes}m"
        window.done()
    if props.text("ActionAfterCompletion", "NONE") == "DELETE":
        value["action_after_completion"] = "DELETE"
    return value


def _terms(props: Props, made: str, draft: Draft) -> dict[str, Any]:
    """Retries and the dead-letter queue of a target; *made*: the name of a queue that SAM would make."""
    value: dict[str, Any] = {}
    policy, dead = props.child("RetryPolicy"), props.child("DeadLetterConfig")
    if policy is not None:
        names = (("MaximumRetryAttempts", "attempts"), ("MaximumEventAgeInSeconds", "age"))
        value["retry"] = {ours: number for theirs, ours in names if (number := policy.whole(theirs)) is not None}
        policy.done()
    if dead is not None:
        dead.take("Type")
        logical = dead.text("QueueLogicalId", made)
        if "Arn" in dead:
            value["dead_letter"] = {"queue": draft.target(dead.take("Arn")).name}
        else:
            draft.sections["queues"].setdefault(logical, {})
            value["dead_letter"] = {"queue": logical}
        dead.done()
    return value


def _target(props: Props, item: Item, draft: Draft, *, inputs: bool) -> dict[str, Any]:
    """One target, as `rules` and `schedules` spell it."""
    arn = props.take("Arn")
    group = _LOG_GROUP.fullmatch(arn) if isinstance(arn, str) else None
    if group is not None:
        value: dict[str, Any] = {"log_group": group[1]}
    else:
        found = draft.target(arn)
        value = {found.kind: f"{found.name}:{found.qualifier}" if found.qualifier else found.name}
    if inputs:
        value |= _inputs(props)
    value |= _terms(props, f"{item.logical}Queue", draft)
    messages = props.child("SqsParameters")
    if messages is not None:  # CDK writes an empty one for a standard queue
        if "MessageGroupId" in messages:
            value["group"] = messages.text("MessageGroupId")
        messages.done()
    event = props.child("EventBridgeParameters")
    if event is not None:
        value |= {"source": event.text("Source"), "detail_type": event.text("DetailType")}
        event.done()
    props.take("RoleArn")
    return value


def _rule(item: Item, key: str, value: dict[str, Any], draft: Draft, *, enabled: bool) -> None:
    if key in draft.sections["rules"]:
        raise Refused(f"another rule has the name {shown(key)} already")
    draft.sections["rules"][key] = value | ({} if enabled else {"enabled": False})
    item.becomes = f"rules.{key}"


def _planned(item: Item, named: tuple[str, str], value: dict[str, Any], draft: Draft, *, enabled: bool) -> None:
    name, group = named
    key = name if group == "default" else f"{group}/{name}"
    if key in draft.sections["schedules"]:
        raise Refused(f"another schedule has the name {shown(key)} already")
    if group != "default" and group not in draft.sections["schedule_groups"]:
        raise Refused(f"schedule group {shown(group)} is not here")
    draft.sections["schedules"][key] = value | ({} if enabled else {"enabled": False})
    item.becomes = f"schedules.{key}"


# -- resources


def rule(item: Item, draft: Draft) -> None:
    """AWS::Events::Rule."""
    props = draft.props(item)
    props.take("Name")
    bus, enabled = draft.bus(props.take("EventBusName")), _enabled(props)
    value: dict[str, Any] = {}
    if found := props.tags():
        value["tags"] = found
    _described(props, value)
    if "EventPattern" in props:
        value["pattern"] = _pattern(props, "EventPattern")
    if "ScheduleExpression" in props:
        value["schedule"] = props.text("ScheduleExpression")
    value["targets"] = []
    for target in props.children("Targets"):
        name = target.text("Id")
        value["targets"].append({"id": name, **_target(target, item, draft, inputs=True)})
        target.done()
    _done(props)
    _rule(item, item.name if bus == "default" else f"{bus}/{item.name}", value, draft, enabled=enabled)


def schedule(item: Item, draft: Draft) -> None:
    """AWS::Scheduler::Schedule."""
    props = draft.props(item)
    props.take("Name")
    value, group, enabled = _timing(props), props.text("GroupName", "default"), _enabled(props)
    target = props.child("Target")
    if target is None:
        raise Refused("Target is required")
    given = _target(target, item, draft, inputs=False)
    text = "Input" in target and not {"queue", "topic"}.isdisjoint(given)  # a message is the text as it is
    value |= {"input": target.text("Input")} if text else _constant(target)
    _described(props, value)
    value["target"] = given
    target.done()
    _done(props)
    _planned(item, (item.name, group), value, draft, enabled=enabled)


def _described(props: Props, value: dict[str, Any]) -> None:
    if "Description" in props:
        value["description"] = props.text("Description")


def schedule_group(item: Item, draft: Draft) -> None:
    """AWS::Scheduler::ScheduleGroup."""
    props = draft.props(item)
    props.take("Name")
    value = {"tags": found} if (found := props.tags()) else {}
    props.done()
    draft.add("schedule_groups", item, value, _NAME.pattern, "a schedule group")
