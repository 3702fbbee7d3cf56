"""Who asks: users (the holders of access keys), sessions of roles, services, and nobody in particular.

Pure. Sources: IAM user guide, "IAM identifiers" and "AWS JSON policy elements: Principal"."""

import hashlib
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from router.iam.policy import Principals

ID_LENGTH: Final = 21  # AIDA and 17 characters


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. A service has neither account nor id."""

    kind: Literal["user", "session", "service", "anonymous"]
    arn: str  # of a service: its name, s3.amazonaws.com
    account: str = ""
    id: str = ""  # aws:userid: AIDA…, AROA…:session
    name: str = ""  # of the user or the role
    session: str = ""  # RoleSessionName
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def role_arn(self) -> str:
        """Of a session: its role."""
        return f"arn:aws:iam::{self.account}:role/{self.name}" if self.kind == "session" else ""


ANONYMOUS: Final = Principal("anonymous", "*")


def user(account: str, name: str) -> Principal:
    """The holder of an access key."""
    arn = f"arn:aws:iam::{account}:user/{name}"
    return Principal("user", arn, account, unique_id("AIDA", arn), name)


def role_session(account: str, role: str, session: str) -> Principal:
    """One session of a role: of a function, its name."""
    arn = f"arn:aws:sts::{account}:assumed-role/{role}/{session}"
    return Principal("session", arn, account, f"{unique_id('AROA', f'arn:aws:iam::{account}:role/{role}')}:{session}", role, session)


def service(name: str) -> Principal:
    """A service that delivers to a function or a queue, as s3.amazonaws.com."""
    return Principal("service", name)


def unique_id(prefix: str, arn: str) -> str:
    """An id like AWS's, AIDAJQABLZS4A3QDU576Q: always the same for one ARN."""
    return (prefix + b32encode(hashlib.sha256(arn.encode()).digest()).decode())[:ID_LENGTH]


def keys_of(principal: Principal) -> dict[str, tuple[str, ...]]:
    """The condition keys that follow from who asks, lower-case."""
    if principal.kind == "service":
        return {"aws:principalisawsservice": ("true",), "aws:principalservicename": (principal.arn,)}
    if principal.kind == "anonymous":
        return {"aws:principaltype": ("Anonymous",), "aws:principalisawsservice": ("false",)}
    found: dict[str, tuple[str, ...]] = {
        "aws:principalarn": (principal.role_arn or principal.arn,),  # of a session it is the role's: global condition keys
        "aws:principalaccount": (principal.account,),
        "aws:principaltype": ("User" if principal.kind == "user" else "AssumedRole",),
        "aws:principalisawsservice": ("false",),
        "aws:userid": (principal.id,),
        **{f"aws:principaltag/{key}".lower(): (value,) for key, value in principal.tags.items()},
    }
    return found | ({"aws:username": (principal.name,)} if principal.kind == "user" else {})


Naming = Literal["", "everyone", "account", "role", "self"]
"""How closely a statement names who asks; "" when it does not."""

_CLOSENESS: Final[tuple[Naming, ...]] = ("self", "role", "everyone", "account")


def naming(principals: Principals, principal: Principal, *, trust: bool = False) -> Naming:
    """How a statement's Principal names who asks; for NotPrincipal "everyone" but those named. *trust*: of a role's trust, in which * is
    everyone but services."""
    found = {_named(kind, name, principal, trust=trust) for kind, name in principals.named}
    closest: Naming = next((one for one in _CLOSENESS if one in found), "")
    if principals.inverted:
        return "" if closest else "everyone"
    return closest


def _named(kind: str, name: str, principal: Principal, *, trust: bool) -> Naming:
    if kind == "Service":
        return "self" if principal.kind == "service" and principal.arn == name else ""
    if kind != "AWS":
        return ""
    if name == "*":
        return "" if trust and principal.kind == "service" else "everyone"
    if principal.kind in ("service", "anonymous"):
        return ""
    if name in (principal.account, f"arn:aws:iam::{principal.account}:root"):
        return "account"
    if name == principal.arn:
        return "self"
    return "role" if name == principal.role_arn else ""
