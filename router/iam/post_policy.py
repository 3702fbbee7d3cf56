"""Browser uploads: a form whose policy is signed, and whether what it sends is what the policy allows.

Pure: fields of the form in, AuthFailure out. Source: S3 API reference, "Browser-based uploads using POST", for both
versions of signatures: boto3 makes Version 2 for endpoints that are not AWS's."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from router.iam import claims, sigv4, values
from router.iam.auth_errors import AuthFailure, Flaw
from router.iam.claims import ALGORITHM, Signed, Where

LARGEST: Final = 20 * 1024  # characters of a policy

_UNCOVERED: Final = frozenset(("file", "policy", "signature", "awsaccesskeyid", "x-amz-signature"))  # what no condition needs to cover
_VERSION_4: Final = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature")  # fields that tell the version, as they are missed
_VERSION_2: Final = ("AWSAccessKeyId", "Signature")
_IGNORED: Final = "x-ignore-"
_RANGE: Final = "content-length-range"
_OPERATORS: Final = ("eq", "starts-with")
_NOT_SIMPLE: Final = "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."


class Posted(NamedTuple):
    """What a form claims."""

    key_id: str
    policy: str  # base64, as it was signed
    token: str
    signed: Signed | None  # in Version 4
    signature: str  # in Version 2: base64


class Rule(NamedTuple):
    """One condition."""

    operator: str  # "eq", "starts-with"
    field: str  # lower-case, without its dollar
    value: str

    def __str__(self) -> str:
        return json.dumps([self.operator, f"${self.field}", self.value])


class Policy(NamedTuple):
    """What a form may send."""

    expires: float  # epoch seconds
    rules: tuple[Rule, ...]
    low: int = 0  # bytes of the file
    high: int | None = None
    never: str = ""  # a condition that no form meets


def read(fields: Mapping[str, str], where: Where) -> Posted:
    """What the form claims. *fields*: names lower-case, the file left out. Raises AuthFailure."""
    policy, token = fields.get("policy", ""), fields.get("x-amz-security-token", "")
    signature = next((names for names in (_VERSION_4, _VERSION_2) if any(name.lower() in fields for name in names)), ())
    if not signature:
        raise AuthFailure(Flaw.UNSIGNED)
    if missing := next((name for name in signature if name.lower() not in fields), ""):
        told = f"Bucket POST must contain a field named '{missing}'.  If it is specified, please check the order of the fields."
        raise AuthFailure(Flaw.MISSING_FIELD, told, facts={"ArgumentName": missing, "ArgumentValue": ""})
    if signature is _VERSION_4:
        return _version_4(fields, where, policy, token)
    return Posted(fields["awsaccesskeyid"], policy, token, None, fields["signature"])


def verify(posted: Posted, secret: str) -> None:
    """Whether the policy was signed with *secret*. Raises AuthFailure."""
    text = posted.policy.encode("utf-8", "surrogatepass")
    if posted.signed is not None:
        expected = hmac.digest(sigv4.signing_key(secret, posted.signed), text, "sha256").hex()
    else:
        expected = base64.b64encode(hmac.digest(secret.encode(), text, hashlib.sha1)).decode()
    if not hmac.compare_digest(expected.encode(), posted.signature.encode("utf-8", "surrogatepass")):
        raise AuthFailure(Flaw.MISMATCH, facts={"AWSAccessKeyId": posted.key_id, "StringToSign": posted.policy})


def policy_of(posted: Posted) -> Policy:
    """The policy; to be read once it is verified. Raises AuthFailure."""
    try:
        if len(posted.policy) > LARGEST:
            raise ValueError(f"longer than {LARGEST} characters")  # noqa: TRY301 - one answer for all of them
        value = json.loads(base64.b64decode(posted.policy, validate=True))
        expires = values.moment(value["expiration"])
        if expires is None or "T" not in value["expiration"]:
            raise ValueError("expiration")  # noqa: TRY301 - as above
        return _policy(float(expires), value["conditions"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise AuthFailure(Flaw.BAD_FORM_POLICY) from None


def check(policy: Policy, fields: Mapping[str, str], *, bucket: str, now: float) -> None:
    """Whether a form is what its policy allows, its file apart. Raises AuthFailure."""
    if now >= policy.expires:
        raise AuthFailure(Flaw.AGAINST_POLICY, "Invalid according to Policy: Policy expired.")
    given = {**fields, "bucket": bucket}
    for rule in policy.rules:
        value = given.get(rule.field, "")
        if not (value.startswith(rule.value) if rule.operator == "starts-with" else value == rule.value):
            raise AuthFailure(Flaw.AGAINST_POLICY, f"Invalid according to Policy: Policy Condition failed: {rule}")
    if policy.never:
        raise AuthFailure(Flaw.AGAINST_POLICY, f"Invalid according to Policy: Policy Condition failed: {policy.never}")
    covered = {rule.field for rule in policy.rules} | _UNCOVERED
    if extra := sorted(name for name in fields if name not in covered and not name.startswith(_IGNORED)):
        raise AuthFailure(Flaw.AGAINST_POLICY, f"Invalid according to Policy: Extra input fields: {', '.join(extra)}")


def check_size(policy: Policy, size: int) -> None:
    """Whether the file is as large as the policy allows: *size* bytes, all of them or so far. Raises AuthFailure."""
    if policy.high is not None and size > policy.high:
        raise AuthFailure(Flaw.TOO_LARGE, facts={"ProposedSize": str(size), "MaxSizeAllowed": str(policy.high)})
    if size < policy.low:
        raise AuthFailure(Flaw.TOO_SMALL, facts={"ProposedSize": str(size), "MinSizeAllowed": str(policy.low)})


def _version_4(fields: Mapping[str, str], where: Where, policy: str, token: str) -> Posted:
    if fields.get("x-amz-algorithm") != ALGORITHM:
        raise AuthFailure(Flaw.BAD_QUERY, f'x-amz-algorithm only supports "{ALGORITHM}"')
    signed = claims.of_form(fields.get("x-amz-credential", ""), fields.get("x-amz-date", ""), fields["x-amz-signature"], token, where)
    return Posted(signed.key_id, policy, token, signed, signed.signature)


def _policy(expires: float, conditions: Any) -> Policy:
    """Raises ValueError, TypeError and their like."""
    if not isinstance(conditions, list):
        raise TypeError("conditions")
    rules: list[Rule] = []
    low, high, never = 0, None, ""
    for condition in conditions:
        if isinstance(condition, Mapping):
            if len(condition) != 1:
                raise AuthFailure(Flaw.BAD_FORM_POLICY, _NOT_SIMPLE)
            rules += [_rule("eq", f"${name}", value) for name, value in condition.items()]
        elif _unmeetable(condition):
            never = never or json.dumps([str(value) for value in condition])
        elif isinstance(condition, list) and condition[:1] == [_RANGE]:
            least, most = _range(condition)
            low, high = max(low, least), most if high is None else min(high, most)  # each of them holds
        else:
            operator, name, value = condition
            rules.append(_rule(operator.lower(), name, value))
    return Policy(expires, tuple(rules), low, high, never)


def _unmeetable(condition: Any) -> bool:
    """Whether it is of a field without its dollar, or a range of what is no number: as recorded of AWS, no form meets it."""
    if not isinstance(condition, list) or len(condition) != 3 or not isinstance(condition[0], str):
        return False
    if condition[0] == _RANGE:
        return any(isinstance(value, str) and not value.isdecimal() for value in condition[1:])
    return condition[0].lower() in _OPERATORS and all(isinstance(value, str) for value in condition) and not condition[1].startswith("$")


def _rule(operator: str, name: Any, value: Any) -> Rule:
    if operator not in _OPERATORS or not isinstance(value, str) or not name.startswith("$"):
        raise ValueError("condition")
    return Rule(operator, name[1:].lower(), value)


def _range(condition: Sequence[Any]) -> tuple[int, int]:
    _, low, high = (int(value) if isinstance(value, str) and value.isdecimal() else value for value in condition)
    if type(low) is not int or type(high) is not int or not 0 <= low <= high:
        raise ValueError("range")
    return low, high
