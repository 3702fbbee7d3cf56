"""Aliases of a function, and which version or alias a trigger invokes.

Source: Lambda API reference, CreateAlias: names are not digits alone; RoutingConfig adds one published version at most, and none
to $LATEST. Whether a version is published is not known here: that is in the state directory."""

import re
from collections.abc import Collection
from typing import Final

from router.config.node import Node
from router.config.problems import shown
from router.config.types import Alias
from router.names import LATEST

_NAME: Final = re.compile(r"(?!\d+\Z)[A-Za-z0-9_-]{1,128}", re.ASCII)
_VERSION: Final = r"[1-9][0-9]{0,8}"
_WHAT: Final = "the number of a published version"


def aliases(form: Node) -> dict[str, Alias]:
    """The value under `aliases`."""
    child = form.child("aliases")
    found: dict[str, Alias] = {}
    for name, node in child.items() if child else ():
        assert child is not None  # no entries without it
        if not _NAME.fullmatch(name):
            child.misnamed(name, "an alias is 1 to 128 letters, digits, hyphens and underscores, and not digits alone")
        found[name] = _alias(name, node.form(main="version", known=("version", "weights")))
    return found


def qualifier(node: Node, known: Collection[str]) -> str:
    """What a trigger's `qualifier` names; "" when it has none. *known*: the function's aliases."""
    text = node.text("qualifier", "") if node.has("qualifier") else ""
    if not node.has("qualifier") or text == LATEST or text in known or re.fullmatch(_VERSION, text):
        return text
    node.problem(
        f"no alias {shown(text)} of this function{node.did_you_mean(text, known)}; write an alias, {_WHAT} or {LATEST}", "qualifier"
    )
    return text


def _alias(name: str, form: Node) -> Alias:
    version = form.text("version", pattern=rf"{_VERSION}|\$LATEST", what=f"{_WHAT} or {LATEST}")
    weights = form.child("weights")
    entries = weights.items() if weights else []
    if weights is None or not entries:
        return Alias(name, version)
    other = entries[0][0]
    weight = weights.number(other, low=0, high=1)
    if len(entries) > 1:
        weights.problem("an alias has two versions at most: its own and one with a weight")
    elif not re.fullmatch(_VERSION, other):
        weights.misnamed(other, f"not {_WHAT}")
    elif version in {LATEST, other}:
        weights.problem(f"the alias means {version} already; a weight is for a second version, and both must be published")
    return Alias(name, version, other, weight)
