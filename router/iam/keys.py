"""Access keys of operators: what is kept of them, and what their scopes allow.

Pure. A secret is not kept: Signature Version 4 needs it in the clear, so that it cannot be kept hashed, and instead it
follows from the state key (credentials.py) and the key's id. The list of keys, and every backup of it, holds no secret."""

import hmac
import json
import re
from base64 import b32encode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Final

from router.iam import reading
from router.iam.policy import CURRENT, BadPolicy, Policy

MASTER_BYTES: Final = 32
SECRET_LENGTH: Final = 40  # characters, as AWS's: 240 bits
NAME: Final = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")  # IAM quotas: names of users
VERSION: Final = 1

_ID: Final = re.compile(r"AKIA[A-Z2-7]{16}")
_READ: Final = (
    *("lambda:Get*", "lambda:List*", "s3:Get*", "s3:List*", "sqs:Get*", "sqs:List*", "events:Describe*", "events:List*"),
    *("events:TestEventPattern", "scheduler:Get*", "scheduler:List*", "logs:Describe*", "logs:Get*", "logs:FilterLogEvents"),
    *("dynamodb:BatchGetItem", "dynamodb:Describe*", "dynamodb:Get*", "dynamodb:List*", "dynamodb:Query", "dynamodb:Scan"),
    *("sns:Get*", "sns:List*", "sts:GetCallerIdentity"),
)
SCOPES: Final[Mapping[str, Sequence[str]]] = {
    "admin": ("*",),
    "invoke": ("lambda:InvokeFunction", "lambda:InvokeFunctionUrl", "sts:GetCallerIdentity"),
    "read": _READ,
}
"""A key's scope and the actions that it allows, on everything."""


class Damaged(ValueError):
    """A list of keys that cannot be read; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One access key, without its secret."""

    id: str  # AKIA…
    name: str  # whose it is: the user in its ARN; one user may have several, to change over from one to the next
    scopes: tuple[str, ...] = ()
    policy: Mapping[str, Any] | None = None  # a policy document of its own
    created: float = 0.0  # epoch seconds
    _policies: tuple[Policy, ...] = field(default=(), init=False, compare=False, repr=False)

    @property
    def policies(self) -> tuple[Policy, ...]:
        """What it allows. Raises BadPolicy. Read once: every signed request asks."""
        if not self._policies:
            scopes = tuple(map(_of_scope, self.scopes))
            own = () if self.policy is None else (reading.read(self.policy, name=f"the policy of key {self.name}"),)
            object.__setattr__(self, "_policies", (*scopes, *own))
        return self._policies


@cache
def _of_scope(scope: str) -> Policy:
    return reading.read(document(SCOPES[scope]), name=f"scope {scope}")


def document(actions: Sequence[str]) -> Mapping[str, Any]:
    """A policy that allows actions on everything."""
    return {"Version": CURRENT, "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


def new_id(chance: bytes) -> str:
    """A key's id from ten random bytes."""
    return f"AKIA{b32encode(chance[:10]).decode()}"


@lru_cache(maxsize=256)  # both: an HMAC gives the interpreter away, and every request would wait twice to have it back
def secret_of(master: bytes, key_id: str) -> str:
    """The secret of a key: of its id and the state key."""
    return b64encode(hmac.digest(derived(master, "access key"), key_id.encode(), "sha256")).decode()[:SECRET_LENGTH]


@lru_cache(maxsize=16)
def derived(master: bytes, purpose: str) -> bytes:
    """A key for one purpose."""
    return hmac.digest(master, f"event-router {purpose}".encode(), "sha256")


# -- the list


def encoded(keys: Sequence[AccessKey]) -> bytes:
    """The list as it is kept."""
    rows = [{"id": key.id, "name": key.name, "scopes": list(key.scopes), "policy": key.policy, "created": key.created} for key in keys]
    return json.dumps({"version": VERSION, "keys": rows}, indent=1).encode()


def decoded(content: bytes) -> dict[str, AccessKey]:
    """The list by id. Raises Damaged: half a list would lock people out, or let them in again, without a word."""
    try:
        value = json.loads(content)
        if value["version"] != VERSION:
            raise Damaged(f"written by another version of this program (version {value['version']!r:.20} of the list)")
        found = [_row(row) for row in value["keys"]]
        keys = {key.id: key for key in found}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise error if isinstance(error, Damaged) else Damaged(f"no list of access keys: {str(error)[:200]}") from None
    if len(keys) != len(found):
        raise Damaged("one key stands there twice")
    return keys


def _row(row: Any) -> AccessKey:
    key = AccessKey(row["id"], row["name"], tuple(row["scopes"]), row["policy"], float(row["created"]))
    if not _ID.fullmatch(key.id) or not NAME.fullmatch(key.name) or any(scope not in SCOPES for scope in key.scopes):
        raise Damaged(f"key {str(key.id)[:40]!r} has an id, a name or a scope that is none")
    try:
        _ = key.policies
    except BadPolicy as error:
        raise Damaged(f"key {key.id}: {error}") from None
    return key
