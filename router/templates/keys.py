"""API keys and usage plans that are resources of their own. Pure.

Source: CloudFormation template reference, AWS::ApiGateway::ApiKey, AWS::ApiGateway::UsagePlan, AWS::ApiGateway::UsagePlanKey."""

import re
from typing import Any, Final

from router.templates.authorizers import limits
from router.templates.draft import Draft, Item
from router.templates.http import named_api
from router.templates.words import Refused, shown

_KEY: Final = re.compile(r"[!-~]{20,128}")


def api_key(item: Item, draft: Draft) -> None:
    """A key: the value that the template gives it, or one that is made here."""
    props = draft.props(item)
    value = props.text("Value", "")
    if not value:
        value = draft.draw(item.name)
        item.note("Value: it was made here and stands in config.yaml, in its usage plan")
    if not _KEY.fullmatch(value):
        raise Refused("Value: a key is 20 to 128 visible ASCII characters")
    enabled = props.truth("Enabled", default=True)
    for key in ("Name", "StageKeys", "CustomerId", "GenerateDistinctId"):
        props.take(key)
    props.done()
    draft.private = True
    if enabled:
        draft.keys[item.name] = value
    item.becomes = "a key of its usage plan"


def usage_plan(item: Item, draft: Draft) -> None:
    """A plan, for the APIs of its stages."""
    props = draft.props(item)
    props.take("UsagePlanName")
    value: dict[str, Any] = limits(props)
    apis = []
    for stage in props.children("ApiStages"):
        apis.append(named_api(stage.text("ApiId"), draft))
        stage.take("Stage")
        stage.done({"Throttle": "a plan has one throttle; write it on the routes"})
    props.done()
    for found in apis:
        if item.name not in found.plans:
            found.plans.append(item.name)
    draft.plans[item.name] = value
    draft.later(lambda: _settle(item, value, draft))
    item.becomes = f"usage_plans.{item.name}"


def _settle(item: Item, value: dict[str, Any], draft: Draft) -> None:
    """A plan without keys lets nobody in; config.yaml wants one key at least."""
    if "keys" not in value:
        value["keys"] = {item.name: draft.draw(item.name)}
        draft.private = True
    draft.sections["usage_plans"][item.name] = value


def usage_plan_key(item: Item, draft: Draft) -> None:
    """A key of a plan."""
    props = draft.props(item)
    key, plan = props.text("KeyId"), props.text("UsagePlanId")
    props.take("KeyType")
    props.done()
    if plan not in draft.plans or key not in draft.keys:
        raise Refused(f"usage plan {shown(plan)} or key {shown(key)} is not here")
    for api in draft.apis.values():
        if plan in api.plans and (others := [one for one in api.plans if one != plan and key in draft.plans.get(one, {}).get("keys", {})]):
            raise Refused(f"key {shown(key)} is of usage plan {shown(others[0])} of {api.logical} already: a key has one plan of a stage")
    draft.plans[plan].setdefault("keys", {})[key] = draft.keys[key]
    item.becomes = f"usage_plans.{plan}"


def account(item: Item, draft: Draft) -> None:
    """AWS::ApiGateway::Account: what APIs write their logs with."""
    draft.props(item).take("CloudWatchRoleArn")
    item.note("requests are in the daemon's own log and metrics")
