"""Webhook deliveries: what one claims about its sender, and whether a secret bears it out.

Pure. A scheme (webhook_schemes.py) reads a claim from a request and raises Refusal where its grammar is broken; the claim's
time is judged; every secret is tried (webhook_keys.py). What is signed is the body as it came, byte for byte: nothing here
looks into it before a key has borne the claim out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from router.events.http import Request

TOLERANCE: Final = 300.0  # seconds a signed time may be off, either way
REMEMBERED: Final = 86_400.0  # seconds a delivery is remembered at least
REMEMBERED_UNTIMED: Final = 7 * 86_400.0  # seconds, where no signed time ends a delivery's life: its id is all there is


class Reason(StrEnum):
    """Why a delivery is not taken; the only thing that logs and metrics say about it."""

    MISSING = "missing"  # a header that the scheme needs is not there
    MALFORMED = "malformed"  # a header is repeated, empty or against its grammar
    MISMATCH = "mismatch"  # no secret bears the signature out
    STALE = "stale"  # signed too long ago
    FUTURE = "future"  # signed for a time to come
    REPLAY = "replay"  # taken before


class Refusal(Exception):
    """A delivery that is not taken."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Claim(NamedTuple):
    """What a delivery says about itself, every header checked against its grammar, nothing verified."""

    signed: bytes = b""  # what the sender signed
    digests: tuple[bytes, ...] = ()  # the MACs it offers
    seals: tuple[bytes, ...] = ()  # the Ed25519 signatures it offers
    token: str = ""  # the shared secret itself, where that is all a sender sends
    algorithm: str = "sha256"  # of the MACs
    at: int | None = None  # epoch seconds it was signed at; None: not signed
    delivery: str = ""  # its id; "": the scheme finds another name for it


class Key(Protocol):
    """A secret that may bear a claim out."""

    @property
    def name(self) -> str:
        """What logs call it; never its value."""

    def bears(self, claim: Claim) -> bool:
        """Whether this secret made one of the claim's signatures. Takes as long for a wrong one as for a right one."""


class Scheme(ABC):
    """How one kind of sender signs."""

    __slots__ = ()

    name: str  # as config.yaml calls it

    @property
    @abstractmethod
    def timed(self) -> bool:
        """Whether a time is signed, so that a tolerance means something."""

    @abstractmethod
    def claim(self, request: Request) -> Claim:
        """Read a delivery. Raises Refusal: MISSING, MALFORMED."""

    def delivery(self, claim: Claim, body: bytes) -> str:  # noqa: ARG002 - some senders' ids are in the body
        """What a repetition of a verified delivery has in common with it; "": nothing, each is new."""
        return claim.delivery

    def challenge(self, body: bytes) -> str | None:  # noqa: ARG002 - most senders ask for nothing
        """What the sender of a verified body wants to hear, when it only tests the address; None: it is an event."""
        return None


class Verified(NamedTuple):
    """A delivery whose sender is known."""

    key: str  # name of the secret that matched
    delivery: str  # its identity within the route; "": it has none
    remember: float  # seconds for which a repetition must be known


def judge_time(claim: Claim, now: float, tolerance: float) -> None:
    """Raise Refusal (STALE, FUTURE) when the signed time is more than *tolerance* seconds from *now* (epoch seconds)."""
    if claim.at is None:
        return
    if now - claim.at > tolerance:
        raise Refusal(Reason.STALE)
    if claim.at - now > tolerance:
        raise Refusal(Reason.FUTURE)


def bearer(claim: Claim, keys: Sequence[Key]) -> Key:
    """The first key that bears the claim out; all are tried, so that time tells nothing. Raises Refusal (MISMATCH)."""
    bearing = [key for key in keys if key.bears(claim)]
    if not bearing:
        raise Refusal(Reason.MISMATCH)
    return bearing[0]


def vouched(scheme: Scheme, claim: Claim, key: Key, body: bytes, tolerance: float) -> Verified:
    """The delivery that *key* has borne out."""
    remember = REMEMBERED_UNTIMED if claim.at is None else max(2 * tolerance, REMEMBERED)
    return Verified(key.name, scheme.delivery(claim, body), remember)


def verify(scheme: Scheme, keys: Sequence[Key], request: Request, *, now: float, tolerance: float = TOLERANCE) -> Verified:
    """All of it in one go: grammar, time, secrets. Raises Refusal."""
    claim = scheme.claim(request)
    judge_time(claim, now, tolerance)
    return vouched(scheme, claim, bearer(claim, keys), request.body, tolerance)
