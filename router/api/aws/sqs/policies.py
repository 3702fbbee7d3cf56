"""The policy of a queue or a topic: read, checked, and changed by AddPermission and RemovePermission. Pure.

Source: Amazon SQS API reference, AddPermission. Statements made here name the account's own root: nothing reaches across accounts."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from router.events.sqs_errors import InvalidAttributeValue, InvalidParameterValue
from router.iam import reading
from router.iam.policy import BadPolicy, Policy

ACTIONS: Final = ("*", "ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl", "ReceiveMessage", "SendMessage")
MOST: Final = 7  # actions of one permission


class Permission(NamedTuple):
    """What AddPermission grants."""

    label: str
    accounts: Sequence[str]
    actions: Sequence[str]
    arn: str  # of the queue or topic


def document_of(text: str, account: str) -> Any:
    """The document that a Policy attribute spells. Raises InvalidAttributeValue with its mistakes."""
    try:
        return checked(reading.parse(text), account)
    except BadPolicy as error:
        raise InvalidAttributeValue("Policy", str(error)[:1000]) from None


def checked(document: Any, account: str) -> Any:
    """The document, if it is a queue's policy. Raises InvalidAttributeValue with its mistakes."""
    try:
        reading.read(document, name="", kind="resource", account=account)
    except BadPolicy as error:
        raise InvalidAttributeValue("Policy", str(error)[:1000]) from None
    return document


@lru_cache(maxsize=1024)
def policy_of(owner: str, text: str) -> Policy:
    """The policy in the settings of a queue or topic, which were checked. *owner*: whose, for people."""
    return reading.read(json.loads(text), name=owner, kind="resource")


def _with_permission(
    document: Any,
    label: str,
    accounts: Sequence[str],
    actions: Sequence[str],
    arn: str,
    *,
    service: str = "SQS",
    known: Sequence[str] = ACTIONS,
) -> dict[str, Any]:
    """The document with one more statement; None as *document*: none so far. Raises InvalidParameterValue."""
    found: dict[str, Any] = document or {"Version": "2012-10-17", "Id": f"{arn}/{service}DefaultPolicy", "Statement": []}
    statements = _listed(found)
    if any(statement.get("Sid") == label for statement in statements):
        raise InvalidParameterValue(f"Value {label[:100]} for parameter Label is invalid. Reason: Already exists.")
    if not accounts or not actions or len(actions) > MOST:
        raise InvalidParameterValue(f"A permission has at least one account, and 1 to {MOST} actions.")
    for action in actions:
        if action not in known:
            told = f"Value {service}:{action[:100]} for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke this action."
            raise InvalidParameterValue(told)
    statement = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": _one([f"arn:aws:iam::{account}:root" for account in accounts])},
        "Action": _one([f"{service}:{action}" for action in actions]),
        "Resource": arn,
    }
    return {**found, "Statement": [*statements, statement]}


def _without_permission(document: Any, label: str) -> dict[str, Any] | None:
    """The document with one statement less; None: with none left. Raises InvalidParameterValue."""
    statements = _listed(document or {"Statement": []})
    left = [statement for statement in statements if statement.get("Sid") != label]
    if len(left) == len(statements):
        raise InvalidParameterValue(f"Value {label[:100]} for parameter Label is invalid. Reason: can't find label on existing policy.")
    return {**document, "Statement": left} if left else None


def permitted(
    value: Mapping[str, Any], statement: Permission, account: str, *, service: str = "SQS", known: Sequence[str] = ACTIONS
) -> dict[str, Any]:
    """What is declared of a queue or topic, with one permission more. Raises InvalidParameterValue, InvalidAttributeValue."""
    document = _with_permission(value.get("policy"), *statement, service=service, known=known)
    return {**value, "policy": checked(document, account)}


def forbidden(value: Mapping[str, Any], label: str) -> dict[str, Any]:
    """The same with one less. Raises InvalidParameterValue."""
    document = _without_permission(value.get("policy"), label)
    rest = {key: one for key, one in value.items() if key != "policy"}
    return rest if document is None else {**rest, "policy": document}


def _listed(document: dict[str, Any]) -> list[dict[str, Any]]:
    found = document["Statement"]
    return [found] if isinstance(found, dict) else list(found)


def _one(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values
