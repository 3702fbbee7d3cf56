"""Condition keys of EventBridge: what a policy may ask of a request about rules. Pure.

Sources: EventBridge user guide, "Using IAM policy conditions"; service authorization reference."""

import json
from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, Final

Keys = Mapping[str, tuple[str, ...]]

_OF_PATTERN: Final = {
    "events:source": ("source",),
    "events:detail-type": ("detail-type",),
    "events:detail.service": ("detail", "service"),
    "events:detail.eventtypecode": ("detail", "eventTypeCode"),
    "events:detail.useridentity.principalid": ("detail", "userIdentity", "principalId"),
}
_OF_ONE_RULE: Final = frozenset(
    {
        *("PutRule", "DeleteRule", "EnableRule", "DisableRule", "DescribeRule", "PutTargets", "RemoveTargets", "ListTargetsByRule"),
        *("TagResource", "UntagResource", "ListTagsForResource"),
    }
)
_MOST: Final = 256  # combinations that are judged one by one
INVOCATION: Final = {
    "events:eventbusinvocation": ("false",)
}  # of PutEvents; true is what a rule of another account does, and there is none


def of_pattern(pattern: str) -> dict[str, tuple[str, ...]]:
    """What a rule's events have to have, by key. A key is absent where the pattern, or one alternative of its `$or`, leaves that open.

    A filter, as {"prefix": "aws."}, counts as its JSON text: it is no literal that a policy could allow by name."""
    try:
        written = json.loads(pattern)
        found = {key: _demanded(written, path) for key, path in _OF_PATTERN.items()}
    except (ValueError, RecursionError):
        return {}  # no pattern; whoever is to save it says so
    return {key: values for key, values in found.items() if values}


def _demanded(pattern: Any, path: tuple[str, ...]) -> tuple[str, ...]:
    """What the field at *path* must be, one of these; (): anything."""
    if not isinstance(pattern, Mapping):
        return ()
    head, *rest = path
    own = pattern.get(head)
    if rest:
        found = _demanded(own, tuple(rest))
    else:
        found = tuple(one if isinstance(one, str) else json.dumps(one) for one in own) if isinstance(own, list) else ()
    either = pattern.get("$or")
    if found or not isinstance(either, list):
        return found
    each = [_demanded(one, path) for one in either]
    return tuple(dict.fromkeys(value for values in each for value in values)) if all(each) else ()


def each(keys: Keys) -> Sequence[Keys]:
    """Every combination of single values, each to be allowed: an operator that does not say of how many values it speaks, as StringEquals,
    is to hold of all. Of very many, all at once, which a Deny of one applies to, and what no policy names, for an Allow with a condition."""
    if prod(map(len, keys.values())) <= _MOST:
        return [{key: (value,) for key, value in zip(keys, values, strict=True)} for values in product(*keys.values())]
    return [keys, {key: (json.dumps(values),) for key, values in keys.items()}]


def of_rule(action: str, account: str) -> dict[str, tuple[str, ...]]:
    """Of the rule itself: whose it is. There is one account, and whoever puts a new rule is of that too."""
    return {"events:creatoraccount": (account,)} if action in _OF_ONE_RULE else {}
