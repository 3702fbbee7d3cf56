"""Secrets of webhooks: how they are spelled, and whether one bears a claim out.

Pure. Sources: the senders' own documentation; Standard Webhooks specification, "Signature scheme". Comparisons are of bytes and
take constant time. A message about a secret never quotes it."""

import hmac
from base64 import b64decode
from binascii import unhexlify
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal

from router.events.webhook import Claim, Key

SecretEncoding = Literal["utf8", "hex", "base64"]
Maker = Callable[[str, str], Key]
"""A secret's name and its text to its key; raises BadSecret."""

SYMMETRIC: Final = "whsec_"
PUBLIC: Final = "whpk_"
PRIVATE: Final = "whsk_"
LENGTHS: Final = range(24, 65)  # bytes of a Standard Webhooks secret
INSTALL: Final = "pip install 'event-router[webhook]'"


class BadSecret(ValueError):
    """A secret that cannot be one; the text says what would be right, and nothing of the secret."""


@dataclass(frozen=True, slots=True)
class HmacKey:
    """A shared secret that the sender computes MACs with; see Key."""

    name: str
    material: bytes = field(repr=False)

    def bears(self, claim: Claim) -> bool:
        """See Key."""
        own = hmac.digest(self.material, claim.signed, claim.algorithm)
        return any([hmac.compare_digest(own, offered) for offered in claim.digests])  # noqa: C419 - a list: all are compared


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A shared secret that the sender sends as it is; see Key."""

    name: str
    material: bytes = field(repr=False)  # SHA-256 of it: of equal length whatever is offered

    def bears(self, claim: Claim) -> bool:
        """See Key."""
        return hmac.compare_digest(self.material, sha256(claim.token.encode()).digest())


@dataclass(frozen=True, slots=True)
class SealKey:
    """The public half of an Ed25519 pair whose private half the sender keeps; see Key."""

    name: str
    verified: Callable[[bytes, bytes], bool] = field(repr=False)  # signature, message

    def bears(self, claim: Claim) -> bool:
        """See Key. What is compared is public, so its time tells nothing."""
        return any([self.verified(seal, claim.signed) for seal in claim.seals])  # noqa: C419 - a list: all are tried


@dataclass(frozen=True, slots=True)
class NoKey:
    """Bears everything out: a route that asks nobody who they are."""

    name: str = "none"

    def bears(self, claim: Claim) -> bool:  # noqa: ARG002 - that is its point
        """See Key."""
        return True


def shared(name: str, text: str, encoding: SecretEncoding = "utf8") -> Key:
    """The key of a secret that is used as it is spelled. Raises BadSecret."""
    _check(text)
    if encoding == "utf8":
        return HmacKey(name, text.encode())
    try:
        material = unhexlify(text) if encoding == "hex" else b64decode(text, validate=True)
    except ValueError:
        raise BadSecret(f"is not {encoding}, as secret_encoding says") from None
    _check(material)
    return HmacKey(name, material)


def standard(name: str, text: str) -> Key:
    """The key of a Standard Webhooks secret: `whsec_` and base64, or `whpk_` and base64 of an Ed25519 public key. Raises BadSecret."""
    _check(text)
    if text.startswith(PRIVATE):
        raise BadSecret(f"begins with {PRIVATE}: that is the sender's private key, a receiver needs the public one, {PUBLIC}…")
    if text.startswith(PUBLIC):
        return SealKey(name, _verifier(_decoded(text.removeprefix(PUBLIC), PUBLIC, range(32, 33))))
    if not text.startswith(SYMMETRIC):
        raise BadSecret(f"begins neither with {SYMMETRIC} nor with {PUBLIC}, as Standard Webhooks secrets do")
    return HmacKey(name, _decoded(text.removeprefix(SYMMETRIC), SYMMETRIC, LENGTHS))


def token(name: str, text: str) -> Key:
    """The key of a secret that is sent as it is. Raises BadSecret."""
    _check(text)
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise BadSecret("holds characters that no header carries; a token is visible ASCII")
    return TokenKey(name, sha256(text.encode()).digest())


def _check(secret: str | bytes) -> None:
    if not secret:
        raise BadSecret("is empty: anybody could sign with it; write auth: none for a route that asks nobody who they are")


def _decoded(text: str, prefix: str, lengths: range) -> bytes:
    try:
        material = b64decode(text, validate=True)
    except ValueError:
        raise BadSecret(f"is not base64 behind {prefix}") from None
    if len(material) not in lengths:
        told = f"{lengths[0]} to {lengths[-1]}" if len(lengths) > 1 else f"{lengths[0]}"
        raise BadSecret(f"holds {len(material)} bytes behind {prefix}, not {told}")
    return material


def _verifier(material: bytes) -> Callable[[bytes, bytes], bool]:
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra, and slow to import
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    except ImportError:
        raise BadSecret(f"begins with {PUBLIC}: Ed25519 signatures need a library that is not installed; {INSTALL}") from None
    try:
        key = Ed25519PublicKey.from_public_bytes(material)
    except ValueError:
        raise BadSecret(f"holds no Ed25519 public key behind {PUBLIC}") from None

    def verified(seal: bytes, signed: bytes) -> bool:
        try:
            key.verify(seal, signed)
        except InvalidSignature:
            return False
        return True

    return verified
