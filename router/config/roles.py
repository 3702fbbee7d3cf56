"""Roles: what functions may do, as IAM policy documents. Pure.

What a policy may say is passed in, as the words of triggers are: it stands beside this room (router/iam)."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from router.config.node import Node
from router.config.types import Role

NAME: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")  # IAM quotas: names of roles
CURRENT: Final = "2012-10-17"
LARGEST: Final = 10_240  # characters without spaces: IAM quotas, all inline policies of a role
LARGEST_TRUST: Final = 4096  # of its trust, the same: IAM quotas, where the quota was raised
_EXAMPLES: Final = {
    "policy": "{Effect: Allow, Action: s3:GetObject, Resource: arn:aws:s3:::in/*}",
    "trust": "{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}",
}

Place = Sequence[str | int]
Policies = Callable[[Any], Sequence[tuple[Place, str]]]
"""A policy document → its mistakes, each with its place in it; () for a document that is right."""


def roles(node: Node, policies: Policies | None, trusts: Policies | None = None) -> dict[str, Role]:
    """The value under `roles`; mistakes are noted where they stand in the document."""

    def read(name: str, child: Node) -> Role:
        if not NAME.fullmatch(name):
            node.misnamed(name, "a role's name is 1 to 64 letters, digits and _ + = , . @ -")
        form = child.form(known=("policy", "trust"))
        return Role(name, document(form, policies), document(form, trusts, "trust", LARGEST_TRUST) if form.has("trust") else None)

    return node.each(read)


def document(form: Node, policies: Policies | None, key: str = "policy", largest: int = LARGEST, example: str = "") -> dict[str, Any]:
    """The document under *key*: written whole, or as a list of its statements, which may use policy variables. *example*: of a statement."""
    child = form.child(key)
    written = None if child is None else child.literal()
    if child is None or not written or child.scalar:
        given = "is required:" if written is None else "must be"
        form.problem(f"{given} a list of statements, as - {example or _EXAMPLES[key]}", key)
        return {}
    listed = isinstance(written, list)
    found = {"Version": CURRENT, "Statement": written} if listed else dict(written)
    for place, message in policies(found) if policies is not None else ():
        _note(child, tuple(place[1:]) if listed and place[:1] in (["Statement"], ("Statement",)) else tuple(place), message)
    if len(re.sub(r"\s", "", repr(found))) > largest:
        child.problem(f"longer than the {largest:,} characters that a {key} may have")
    return found


def _note(node: Node, place: tuple[str | int, ...], message: str) -> None:
    """Note a mistake at the last step of *place* that is there; a key that should not be there is told at the key."""
    for index, step in enumerate(place):
        if isinstance(step, int):
            elements = node.elements()
            if step >= len(elements):
                break
            node = elements[step]
            continue
        child = node.child(step)
        if child is None:
            break
        if index == len(place) - 1 and message.startswith("no element of a policy"):
            node.misnamed(step, message)
            return
        node = child
    node.problem(message)
