"""From a signed request to who sent it: the key or the session behind its access key id, and what that may do.

Pure: keys, roles and the time are given. The same for every face that takes signatures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from router import names
from router.iam import claims, reading, sessions, sigv4
from router.iam.auth_errors import AuthFailure, Flaw
from router.iam.claims import ALGORITHM, Request, Signed, Where
from router.iam.evaluation import Policies
from router.iam.keys import AccessKey, secret_of
from router.iam.policy import BadPolicy, Policy
from router.iam.principals import Principal, role_session, user
from router.iam.sigv4 import Verified

SESSION_PREFIX: Final = "ASIA"


class Caller(NamedTuple):
    """Who sent a request."""

    principal: Principal
    key_id: str
    policies: Policies  # those of the caller; a resource's own is added by who knows it
    issued: float | None = None  # epoch seconds: when the session began; None for a key


class Realm(NamedTuple):
    """Everybody who may sign."""

    account: str
    masters: Sequence[bytes]  # state keys; the first is in use, others only open what they sealed
    keys: Mapping[str, AccessKey]
    roles: Mapping[str, Policy]

    def find(self, key_id: str, token: str, now: float) -> tuple[Caller, str]:
        """Whose key this is, and its secret. Raises AuthFailure."""
        if key_id.startswith(SESSION_PREFIX):
            return self._session(key_id, token, now)
        key = self.keys.get(key_id)
        if key is None or not self.masters:
            raise AuthFailure(Flaw.UNKNOWN_KEY)
        if token:
            raise AuthFailure(Flaw.BAD_TOKEN)
        return Caller(user(self.account, key.name), key_id, Policies(key.policies)), secret_of(self.masters[0], key_id)

    def _session(self, key_id: str, token: str, now: float) -> tuple[Caller, str]:
        session, secret = sessions.opened(self.masters, key_id, token, now)
        if session.key:
            return self._holder(session, key_id), secret
        role = self.roles.get(session.role)  # without it: a role that is gone from the config allows nothing
        bound = None
        if session.policy is not None:
            try:
                bound = reading.read(session.policy, name=f"the session {session.name}", kind="session")
            except BadPolicy:
                raise AuthFailure(Flaw.BAD_TOKEN) from None
        policies = Policies((role,) if role is not None else (), None, bound)
        return Caller(role_session(self.account, session.role, session.name), key_id, policies, session.issued), secret

    def _holder(self, session: sessions.Session, key_id: str) -> Caller:
        """The holder of a key, whose sessions end with it."""
        key = self.keys.get(session.key)
        if key is None:
            raise AuthFailure(Flaw.BAD_TOKEN)
        return Caller(user(self.account, key.name), key_id, Policies(key.policies), session.issued)

    def authenticate(self, request: Request, where: Where, now: float, payload: Callable[[], str]) -> tuple[Caller, Verified]:
        """Who sent a request in Signature Version 4, and that it is what was signed. Raises AuthFailure.

        *payload*: as sigv4.verify() takes it; asked for only when the key is known."""
        signed = claims.read(request, where)
        sigv4.check_time(signed, where, now)
        caller, secret = self.find(signed.key_id, signed.token, now)
        return caller, sigv4.verify(request, signed, secret, payload=payload())


def context_of(
    caller: Caller, signed: Signed | None, *, address: str, secure: bool, agent: str, region: str, now: float, referer: str = ""
) -> dict[str, tuple[str, ...]]:
    """The condition keys that every request has, lower-case; absent where there is nothing to say."""
    found = {
        "aws:currenttime": names.iso_s(now),
        "aws:epochtime": str(int(now)),
        "aws:securetransport": "true" if secure else "false",
        "aws:requestedregion": region,
        "aws:sourceip": address,
        "aws:useragent": agent,
        "aws:referer": referer,
        "aws:viaawsservice": "false",
        "aws:multifactorauthpresent": "false" if caller.issued is not None else "",  # of temporary credentials alone; there is no MFA here
        "aws:tokenissuetime": names.iso_s(caller.issued) if caller.issued is not None else "",
    }
    if signed is not None and signed.service == "s3":
        found |= {"s3:signatureversion": ALGORITHM, "s3:authtype": "REST-HEADER" if signed.form == "header" else "REST-QUERY-STRING"}
    return {key: (value,) for key, value in found.items() if value}
