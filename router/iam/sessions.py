"""Temporary credentials: of a function's role for one execution environment, of whoever assumed a role, of a key's holder.

Pure. Nothing is kept: the session token carries role, session and times, sealed with the state key; id and secret follow
from it. A token that was altered, that another state key sealed, or whose time is over, opens nothing."""

import binascii
import hmac
import json
from base64 import b32encode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from router import names
from router.iam.auth_errors import AuthFailure, Flaw
from router.iam.keys import SECRET_LENGTH, derived

LIFETIME: Final = 12 * 3600.0  # seconds; the longest that AWS gives a role's session
LONGEST_TOKEN: Final = 8192  # characters
NONCE_BYTES: Final = 16

_TAG: Final = 32  # bytes of the seal


@dataclass(frozen=True, slots=True)
class Session:
    """Who a token speaks for."""

    role: str
    name: str  # RoleSessionName: of an execution environment, its function's name
    issued: float  # epoch seconds
    expires: float  # epoch seconds
    policy: Mapping[str, Any] | None = None  # bounds what the role allows
    key: str = ""  # id of the access key whose holder's session it is; "": a role's


@dataclass(frozen=True, slots=True)
class Credentials:
    """Temporary credentials as a client has them."""

    key_id: str  # ASIA…
    secret: str = field(repr=False)
    token: str = field(repr=False)
    issued: float = 0.0  # epoch seconds
    expires: float = 0.0  # epoch seconds

    def due(self, now: float) -> bool:
        """Whether it is time for new ones: three quarters of their life are over."""
        return now >= self.expires - (self.expires - self.issued) / 4

    def variables(self) -> dict[str, str]:
        """As SDKs find them in the environment."""
        return {"AWS_ACCESS_KEY_ID": self.key_id, "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_SESSION_TOKEN": self.token}

    def document(self) -> dict[str, str]:
        """As SDKs find them behind AWS_CONTAINER_CREDENTIALS_FULL_URI."""
        return {
            "AccessKeyId": self.key_id,
            "SecretAccessKey": self.secret,
            "Token": self.token,
            "Expiration": names.iso_s(self.expires),
        }


def mint(master: bytes, session: Session, nonce: bytes) -> Credentials:
    """Credentials for a session; *nonce*: NONCE_BYTES of chance. Raises ValueError when the session's policy is too long."""
    facts: list[Any] = [session.role, session.name, session.issued, session.expires, nonce.hex(), session.policy, session.key]
    payload = json.dumps(facts, separators=(",", ":")).encode()
    seal = _seal(master, payload)
    token = urlsafe_b64encode(seal + payload).decode().rstrip("=")
    if len(token) > LONGEST_TOKEN:
        raise ValueError("the session's policy is too long")
    key_id, secret = _pair(master, seal)
    return Credentials(key_id, secret, token, session.issued, session.expires)


def opened(masters: Sequence[bytes], key_id: str, token: str, now: float) -> tuple[Session, str]:
    """The session of a token, and the secret of its key. *masters*: state keys in force. Raises AuthFailure."""
    raw = _raw(token)
    seal, payload = raw[:_TAG], raw[_TAG:]
    master = next((one for one in masters if hmac.compare_digest(_seal(one, payload), seal)), None)
    if master is None:
        raise AuthFailure(Flaw.BAD_TOKEN)
    known, secret = _pair(master, seal)
    if not hmac.compare_digest(known.encode(), key_id.encode("utf-8", "surrogatepass")):
        raise AuthFailure(Flaw.BAD_TOKEN)
    role, name, issued, expires, _, policy, key = json.loads(payload)  # ours: the seal holds
    if now >= expires:
        raise AuthFailure(Flaw.EXPIRED_TOKEN)
    return Session(role, name, issued, expires, policy, key), secret


def _raw(token: str) -> bytes:
    if not token or len(token) > LONGEST_TOKEN or not token.isascii():
        raise AuthFailure(Flaw.BAD_TOKEN)
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise AuthFailure(Flaw.BAD_TOKEN) from None
    if urlsafe_b64encode(raw).decode().rstrip("=") != token:  # two spellings of one token would be two tokens
        raise AuthFailure(Flaw.BAD_TOKEN)
    return raw


def _seal(master: bytes, payload: bytes) -> bytes:
    return hmac.digest(derived(master, "session token"), payload, "sha256")


def _pair(master: bytes, seal: bytes) -> tuple[str, str]:
    key_id = b32encode(hmac.digest(derived(master, "session id"), seal, "sha256")[:10]).decode()
    return f"ASIA{key_id}", b64encode(hmac.digest(derived(master, "session secret"), seal, "sha256")).decode()[:SECRET_LENGTH]
