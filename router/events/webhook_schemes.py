"""How senders sign: GitHub, GitLab, Stripe, Slack, Shopify, Standard Webhooks, and any HMAC described by the config.

Pure. Sources: GitHub docs, "Validating webhook deliveries"; Slack docs, "Verifying requests from Slack" and "url_verification";
Stripe docs, "Resolve webhook signature verification errors"; Shopify docs, "Verify webhook deliveries"; Standard Webhooks
specification; GitLab docs, "Webhooks". Not covered: Twilio, PayPal, Discord, Amazon SNS."""

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

import orjson

from router.events import webhook_grammar as grammar
from router.events.http import Request
from router.events.webhook import Claim, Reason, Refusal, Scheme

_NAMES: Final = ("id", "timestamp", "signature")
_FAMILIES: Final = ("webhook", "svix")
_ID: Final = ("idempotency-key", "x-gitlab-event-uuid")  # GitLab: the first stays the same over retries, the second over recursive hooks


class Part(StrEnum):
    """What a signature may cover beside literal text."""

    BODY = "body"
    TIMESTAMP = "timestamp"  # the text of its header
    ID = "id"  # the text of its header
    PATH = "path"  # as sent, percent-encoded, without the query
    METHOD = "method"


@dataclass(frozen=True, slots=True)
class Signed(Scheme):
    """One MAC in one header."""

    name: str
    header: str  # lower-case, as all header names here
    parts: tuple[Part | bytes, ...] = (Part.BODY,)
    encoding: grammar.Encoding = "hex"
    algorithm: str = "sha256"
    prefix: str = ""  # before the digest in the header
    timestamp_header: str = ""
    id_headers: tuple[str, ...] = ()  # the first that is there counts
    id_form: re.Pattern[str] = grammar.ANY_ID

    @property
    def timed(self) -> bool:
        """See Scheme."""
        return bool(self.timestamp_header)

    def claim(self, request: Request) -> Claim:
        """See Scheme. Without an id the signature itself tells a delivery from another."""
        value = grammar.header(request, self.header)
        if not value.startswith(self.prefix):
            raise Refusal(Reason.MALFORMED)
        digest = grammar.digest(value.removeprefix(self.prefix), self.encoding, grammar.SIZES[self.algorithm])
        time = grammar.header(request, self.timestamp_header) if self.timestamp_header else ""
        number = grammar.timestamp(time) if time else None
        delivery = _delivery_id(request, self.id_headers, self.id_form)
        if not delivery and Part.ID in self.parts:
            raise Refusal(Reason.MISSING)
        signed = self._signed(request, time, delivery)
        return Claim(signed, (digest,), algorithm=self.algorithm, at=number, delivery=delivery or f"signature {digest.hex()}")

    def _signed(self, request: Request, time: str, delivery: str) -> bytes:
        if self.parts == (Part.BODY,):
            return request.body
        texts = {Part.TIMESTAMP: time, Part.ID: delivery, Part.PATH: request.path, Part.METHOD: request.method}
        return b"".join(
            part if isinstance(part, bytes) else request.body if part is Part.BODY else texts[part].encode(errors="replace")
            for part in self.parts
        )


@dataclass(frozen=True, slots=True)
class Slack(Signed):
    """Slack: events keep their id when they are sent again under a new signature; an address is tested with a challenge."""

    def delivery(self, claim: Claim, body: bytes) -> str:
        """See Scheme."""
        event_id = _json_of(body).get("event_id")
        return f"event {event_id}" if isinstance(event_id, str) and grammar.ANY_ID.fullmatch(event_id) else claim.delivery

    def challenge(self, body: bytes) -> str | None:
        """See Scheme."""
        if b"url_verification" not in body:
            return None
        asked = _json_of(body)
        challenge = asked.get("challenge")
        return challenge if asked.get("type") == "url_verification" and isinstance(challenge, str) else None


@dataclass(frozen=True, slots=True)
class Stripe(Scheme):
    """Stripe: time and MACs in one header, several MACs while a secret is rolled; the event's id is in the body."""

    name: str = "stripe"

    @property
    def timed(self) -> bool:
        """See Scheme."""
        return True

    def claim(self, request: Request) -> Claim:
        """See Scheme."""
        times: list[str] = []
        digests: list[bytes] = []
        entries = grammar.header(request, "stripe-signature").split(",")
        if len(entries) > grammar.MOST_SIGNATURES + 1:
            raise Refusal(Reason.MALFORMED)
        for entry in entries:
            key, equals, value = entry.partition("=")
            if not equals:
                raise Refusal(Reason.MALFORMED)
            if key == "t":
                times.append(value)
            elif key == "v1":
                digests.append(grammar.digest(value, "hex", grammar.SIZES["sha256"]))
        if len(times) != 1:
            raise Refusal(Reason.MALFORMED)
        at = grammar.timestamp(times[0])
        return Claim(times[0].encode() + b"." + request.body, tuple(digests), at=at)

    def delivery(self, claim: Claim, body: bytes) -> str:
        """See Scheme. What was signed stands in for an id: of several MACs any may be left out on the way."""
        event_id = _json_of(body).get("id")
        known = isinstance(event_id, str) and grammar.ANY_ID.fullmatch(event_id)
        return f"event {event_id}" if known else f"signed {sha256(claim.signed).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Standard(Scheme):
    """Standard Webhooks, under its own header names or Svix's."""

    name: str = "standard"
    families: tuple[str, ...] = _FAMILIES

    @property
    def timed(self) -> bool:
        """See Scheme."""
        return True

    def claim(self, request: Request) -> Claim:
        """See Scheme."""
        family = next((family for family in self.families if grammar.present(request, f"{family}-signature")), self.families[0])
        delivery, time, listed = (grammar.header(request, f"{family}-{name}") for name in _NAMES)
        grammar.matched(delivery, grammar.PLAIN_ID)
        at = grammar.timestamp(time)
        entries = listed.split(" ")
        if len(entries) > grammar.MOST_SIGNATURES:
            raise Refusal(Reason.MALFORMED)
        digests: list[bytes] = []
        seals: list[bytes] = []
        for entry in entries:
            version, comma, value = entry.partition(",")
            if not comma:
                raise Refusal(Reason.MALFORMED)
            if version == "v1":
                digests.append(grammar.base64(value, grammar.SIZES["sha256"]))
            elif version == "v1a":
                seals.append(grammar.base64(value, grammar.ED25519))
        signed = f"{delivery}.{time}.".encode() + request.body
        return Claim(signed, tuple(digests), tuple(seals), at=at, delivery=delivery)


@dataclass(frozen=True, slots=True)
class GitLabToken(Scheme):
    """GitLab's secret token: it is sent as it is, and the body is signed by nobody."""

    name: str = "gitlab-token"

    @property
    def timed(self) -> bool:
        """See Scheme."""
        return False

    def claim(self, request: Request) -> Claim:
        """See Scheme."""
        token = grammar.token(grammar.header(request, "x-gitlab-token"))
        return Claim(token=token, delivery=_delivery_id(request, _ID, grammar.ANY_ID))

    def delivery(self, claim: Claim, body: bytes) -> str:
        """See Scheme. Without an id the body tells a delivery from another."""
        return claim.delivery or f"body {sha256(body).hexdigest()}"


@dataclass(frozen=True, slots=True)
class GitLab(Standard):
    """GitLab's signing token; beside it, where *plain* says so, the secret token of instances that sign nothing."""

    name: str = "gitlab"
    families: tuple[str, ...] = _FAMILIES[:1]
    plain: bool = False

    def claim(self, request: Request) -> Claim:
        """See Scheme. A delivery that is signed is judged by its signature alone, whatever token it carries."""
        if self.plain and not grammar.present(request, *(f"{self.families[0]}-{name}" for name in _NAMES)):
            return _PLAIN.claim(request)
        return Standard.claim(self, request)

    def delivery(self, claim: Claim, body: bytes) -> str:
        """See Scheme."""
        return _PLAIN.delivery(claim, body)


@dataclass(frozen=True, slots=True)
class Unsigned(Scheme):
    """No scheme: whoever knows the address may deliver."""

    name: str = "none"
    id_headers: tuple[str, ...] = ()

    @property
    def timed(self) -> bool:
        """See Scheme."""
        return False

    def claim(self, request: Request) -> Claim:
        """See Scheme."""
        return Claim(delivery=_delivery_id(request, self.id_headers, grammar.ANY_ID))


_PLAIN: Final = GitLabToken()

GITHUB: Final = Signed("github", "x-hub-signature-256", prefix="sha256=", id_headers=("x-github-delivery",))
SHOPIFY: Final = Signed("shopify", "x-shopify-hmac-sha256", encoding="base64", id_headers=("x-shopify-webhook-id",))
SLACK: Final = Slack(
    "slack",
    "x-slack-signature",
    (b"v0:", Part.TIMESTAMP, b":", Part.BODY),
    prefix="v0=",
    timestamp_header="x-slack-request-timestamp",
)


def _delivery_id(request: Request, names: tuple[str, ...], form: re.Pattern[str]) -> str:
    """The id in the first of these headers that is there; "" when none is."""
    for name in names:
        if value := grammar.optional(request, name):
            return grammar.matched(value, form)
    return ""


def _json_of(body: bytes) -> dict[str, Any]:
    """A body that is a JSON object; {} for any other."""
    if not body.startswith(b"{"):
        return {}
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
