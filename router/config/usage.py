"""Usage plans, and the throttle that plans and routes have. Pure.

AWS's words and limits: API Gateway API reference, UsagePlan, ThrottleSettings, QuotaSettings, CreateApiKey."""

import re
from typing import Final, Literal, cast

from router.config.node import Node
from router.config.types import Quota, Throttle, UsagePlan

NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEY: Final = re.compile(r"[\x21-\x7e]{20,128}")
_MOST: Final = 2**31 - 1  # of a limit: AWS's integers have 32 bits
_LOWEST_RATE: Final = 0.001  # requests per second


def throttle(node: Node) -> Throttle:
    """The value under `throttle`; mistakes are noted on the node."""
    form = node.form(known=("rate", "burst"))
    return Throttle(
        rate=form.number("rate", low=_LOWEST_RATE, high=1e6),
        burst=form.integer("burst", low=1, high=1_000_000),
    )


def plans(node: Node) -> dict[str, UsagePlan]:
    """The value under `usage_plans`."""

    def read(name: str, child: Node) -> UsagePlan:
        if not NAME.fullmatch(name):
            node.misnamed(name, "a usage plan's name is 1 to 64 letters, digits, hyphens and underscores")
        return _plan(name, child)

    return node.each(read)


def _plan(name: str, node: Node) -> UsagePlan:
    form = node.form(known=("throttle", "quota", "keys"))
    return UsagePlan(
        name=name,
        keys=_keys(form),
        throttle=None if (child := form.child("throttle")) is None else throttle(child),
        quota=None if (child := form.child("quota")) is None else _quota(child),
    )


def _quota(node: Node) -> Quota:
    form = node.form(known=("limit", "period"))
    return Quota(
        limit=form.integer("limit", low=1, high=_MOST),
        period=cast('Literal["day", "week", "month"]', form.choice("period", None, ("day", "week", "month"))),
    )


def _keys(form: Node) -> dict[str, str]:
    """Name → key. No message shows a key, right or wrong."""
    node = form.child("keys")
    entries = node.items() if node is not None else []
    if not entries and (node is None or not node.scalar or node.empty):
        form.problem("is required: without a key nobody could call the plan's routes", "keys")
    found: dict[str, str] = {}
    for name, child in entries:
        assert node is not None  # no entries without it
        if not NAME.fullmatch(name):
            node.misnamed(name, "an API key's name is 1 to 64 letters, digits, hyphens and underscores")
        before = node.mistakes
        key = child.text("")
        child.hide(key)
        other = next((known for known, value in found.items() if value == key), "")
        if node.mistakes == before and not _KEY.fullmatch(key):
            child.problem("an API key is 20 to 128 visible ASCII characters without a space")
        elif node.mistakes == before and other:
            child.problem(f"the same key as {other}")
        found[name] = key
    return found
