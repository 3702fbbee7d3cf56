"""What a role allows of a bucket as a whole: what its directory may be used for, where no operation is asked for that could be checked.

Pure. Fails closed: an Allow for part of a bucket, for all but something, or under a condition, opens no directory, and a Deny of anything in S3
closes all of them; such functions go through the endpoint."""

from typing import Final, Literal

from router import names
from router.iam.evaluation import Policies, Request, evaluate
from router.iam.policy import Policy
from router.iam.principals import role_session
from router.wildcards import matches

Use = Literal["hide", "read", "write"]

_READ: Final = "s3:GetObject"
_WRITE: Final = ("s3:PutObject", "s3:DeleteObject")
_KEYS: Final = ("", "\x01" * 64)
_ANY: Final = (_READ, *_WRITE, "s3:ListBucket")


def use(policy: Policy, bucket: str, account: str) -> Use:
    """Read: all its objects may be read; write: they may be put and deleted too."""
    if any(
        statement.effect == "Deny" and _touches(statement.actions.patterns, inverted=statement.actions.inverted)
        for statement in policy.statements
    ):
        return "hide"
    plain = policy._replace(statements=tuple(one for one in policy.statements if not one.conditions and not one.resources.inverted))
    if not _allows(plain, _READ, bucket, account):
        return "hide"
    return "write" if all(_allows(plain, action, bucket, account) for action in _WRITE) else "read"


def _touches(patterns: tuple[str, ...], *, inverted: bool) -> bool:
    return inverted or any(matches(pattern, action, fold=True) for pattern in patterns for action in _ANY)


def _allows(policy: Policy, action: str, bucket: str, account: str) -> bool:
    """Of every object: of one without a name and of one with a name that nobody writes; only a pattern for all covers both."""
    who, arn = role_session(account, "role", "session"), names.bucket_arn(bucket)
    return all(evaluate(Request(action, f"{arn}/{key}", who, {}, account), Policies((policy,))).allowed for key in _KEYS)
