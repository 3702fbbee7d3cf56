"""STS: who a caller is, and temporary credentials: of a role for who may assume it, of a key for its holder.

Source: AWS Security Token Service API reference. A role may be assumed by whom its trust lets; one without a trust by whom a policy of
their own allows it, as on AWS where the trust names the account. What would have to be ignored is refused: tags, managed policies, MFA."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from router.api.aws.service import AwsError, Call, Members, Need, Operation
from router.clock import Clock
from router.config.types import Config
from router.credentials import KeyStore
from router.iam import reading, trust
from router.iam.policy import BadPolicy, Policy
from router.iam.principals import role_session
from router.iam.sessions import Credentials, Session

SHORTEST: Final = 900  # seconds
HOUR: Final = 3600  # seconds; what is asked for where nothing is said, and the longest of a session that a session asks for
LONGEST: Final = 12 * HOUR  # of a role's session
LONGEST_OF_KEY: Final = 36 * HOUR
USUAL_OF_KEY: Final = 12 * HOUR
POLICY: Final = 2048  # characters

_ROLE: Final = re.compile(r"arn:[^:]+:[^:]+:[^:]*:[^:]*:.+")  # what is an ARN to AssumeRole, as recorded of AWS
_SESSION: Final = re.compile(r"[A-Za-z0-9_+=,.@-]*")
_LENGTHS: Final = {"RoleSessionName": (2, 64), "RoleArn": (20, 2048)}  # characters
_KEY: Final = re.compile(r"[A-Z0-9]{16,128}")
_UNSUPPORTED: Final = ("PolicyArns", "Tags", "TransitiveTagKeys", "SerialNumber", "TokenCode", "SourceIdentity", "ProvidedContexts")


class Sts:
    """See service.Service."""

    name: ClassVar[str] = "sts"

    def __init__(self, config: Callable[[], Config], store: KeyStore, clock: Clock) -> None:
        """*config*: the one in force."""
        self._config, self._store, self._clock = config, store, clock
        self._operations = {
            "GetCallerIdentity": Operation(_identity, _nothing),
            "AssumeRole": Operation(self._assume, _assuming),
            "GetSessionToken": Operation(self._session, _nothing),
            "GetAccessKeyInfo": Operation(self._key, lambda _: [Need("sts:GetAccessKeyInfo", "*")]),
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What is done here."""
        return self._operations

    def policy(self, resource: str) -> Policy | None:
        """The trust of a role; None where it has none."""
        config = self._config()
        return trust.at(resource, config.account, {name: role.trust for name, role in config.roles.items()})

    async def _assume(self, call: Call) -> Members:
        """Credentials of a role."""
        asked = call.parameters
        _refuse(asked)
        arn, name = asked["RoleArn"], asked["RoleSessionName"]
        found = trust.ARN.fullmatch(arn)
        config = self._config()
        if found is None or found[1] != config.account or found[2] not in config.roles:
            raise AwsError(
                "AccessDenied", f"User: {call.caller.principal.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}", 403
            )
        chained = call.caller.issued is not None
        seconds = _duration(asked.get("DurationSeconds", HOUR), LONGEST)
        if chained and seconds > HOUR:
            raise AwsError(
                "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            )
        now = self._clock.now()
        policy = _policy(asked.get("Policy"))
        made = self._opened(Session(found[2], name, now, now + seconds, policy))
        who = role_session(config.account, found[2], name)
        return {
            "Credentials": _told(made),
            "AssumedRoleUser": {"AssumedRoleId": who.id, "Arn": who.arn},
            **({"PackedPolicySize": 1 + 99 * len(asked["Policy"]) // POLICY} if policy is not None else {}),
        }

    async def _session(self, call: Call) -> Members:
        """Credentials of a key's holder."""
        if call.caller.issued is not None:
            raise AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
        _refuse(call.parameters)
        now = self._clock.now()
        seconds = _duration(call.parameters.get("DurationSeconds", USUAL_OF_KEY), LONGEST_OF_KEY)
        return {"Credentials": _told(self._opened(Session("", "", now, now + seconds, key=call.caller.key_id)))}

    async def _key(self, call: Call) -> Members:
        """Whose account a key belongs to: there is only one."""
        if not _KEY.fullmatch(call.parameters["AccessKeyId"]):
            raise _invalid(call.parameters["AccessKeyId"], "accessKeyId", r"Member must satisfy regular expression pattern: [\w]*")
        return {"Account": self._config().account}

    def _opened(self, session: Session) -> Credentials:
        try:
            return self._store.opened(session)
        except ValueError:
            raise AwsError("PackedPolicyTooLarge", "The session's policy is too long") from None


async def _identity(call: Call) -> Members:
    """Who the caller is; never denied, as on AWS."""
    who = call.caller.principal
    return {"UserId": who.id, "Account": who.account, "Arn": who.arn}


def _nothing(call: Call) -> Sequence[Need]:  # noqa: ARG001 - as all
    return ()


def _assuming(call: Call) -> Sequence[Need]:
    """What assuming a role needs. Raises AwsError for what can name none, whoever asks."""
    asked = call.parameters
    _check_names(asked)
    context = {"sts:rolesessionname": (str(asked["RoleSessionName"]),), "sts:durationseconds": (str(asked.get("DurationSeconds", HOUR)),)}
    if asked.get("ExternalId"):
        context["sts:externalid"] = (str(asked["ExternalId"]),)
    return [Need("sts:AssumeRole", asked["RoleArn"], context)]


def _check_names(asked: Members) -> None:
    """Raise AwsError for a role's ARN or a session's name that is none."""
    for member, (low, high) in _LENGTHS.items():
        given, told = asked[member], member[0].lower() + member[1:]
        if not low <= len(given) <= high:
            side, bound = ("greater", low) if len(given) < low else ("less", high)
            raise _invalid(given, told, f"Member must have length {side} than or equal to {bound}")
    if not _SESSION.fullmatch(asked["RoleSessionName"]):
        raise _invalid(asked["RoleSessionName"], "roleSessionName", r"Member must satisfy regular expression pattern: [\w+=,.@-]*")
    if not _ROLE.fullmatch(asked["RoleArn"]):
        raise AwsError("ValidationError", f"{asked['RoleArn']} is invalid")


def _refuse(asked: Members) -> None:
    """What would have no effect. Raises AwsError."""
    for name in _UNSUPPORTED:
        if asked.get(name):
            raise AwsError("InvalidParameterValue", f"{name} is not supported here")


def _duration(seconds: int, longest: int) -> int:
    if seconds < SHORTEST:
        raise _invalid(str(seconds), "durationSeconds", f"Member must have value greater than or equal to {SHORTEST}")
    if seconds > longest:
        raise _invalid(str(seconds), "durationSeconds", f"Member must have value less than or equal to {longest}")
    return seconds


def _policy(text: str | None) -> dict[str, Any] | None:
    """A session's own policy. Raises AwsError."""
    if text is None:
        return None
    if len(text) > POLICY:
        raise _invalid(text[:100], "policy", f"Member must have length less than or equal to {POLICY}")
    try:
        document = reading.parse(text)
        reading.read(document, name="the session's policy", kind="session")
    except BadPolicy as error:
        raise AwsError("MalformedPolicyDocument", str(error)) from error
    return dict(document)


def _told(made: Credentials) -> dict[str, Any]:
    return {"AccessKeyId": made.key_id, "SecretAccessKey": made.secret, "SessionToken": made.token, "Expiration": made.expires}


def _invalid(value: str, member: str, constraint: str) -> AwsError:
    return AwsError(
        "ValidationError", f"1 validation error detected: Value '{value[:100]}' at '{member}' failed to satisfy constraint: {constraint}"
    )
