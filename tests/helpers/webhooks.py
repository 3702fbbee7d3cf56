"""Deliveries of webhooks: the vectors of tests/golden/webhook_vectors.json, and fresh ones signed as their senders sign."""

import hashlib
import hmac
import json
from base64 import b64encode
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from router.events.http import Request

VECTORS: Final = json.loads((Path(__file__).parents[1] / "golden/webhook_vectors.json").read_text(encoding="utf-8"))


class Vector(NamedTuple):
    """One delivery and its verdict."""

    provider: str
    secret: str
    headers: dict[str, str]  # as sent
    body: bytes
    now: int  # epoch seconds
    why: str  # "": taken; else the reason

    @classmethod
    def read(cls, entry: dict[str, Any]) -> Self:
        """An entry of "accept" or "reject"."""
        body = entry["body"].encode() if "body" in entry else bytes.fromhex(entry.get("body_hex", VECTORS["body_hex"]))
        return cls(entry["scheme"], entry["secret"], entry["headers"], body, entry.get("now", VECTORS["ts"]), entry.get("why", ""))

    @property
    def request(self) -> Request:
        """The delivery."""
        return request(self.headers, self.body)


ACCEPTED: Final = [Vector.read(entry) for entry in VECTORS["accept"]]
REFUSED: Final = [Vector.read(entry) for entry in VECTORS["reject"]]


def named(vector: Vector) -> str:
    """A name for the list of tests."""
    return "-".join(filter(None, (vector.provider, vector.why, str(vector.now), next(iter(vector.headers.values()))[-8:])))


def request(headers: dict[str, str], body: bytes = b"", path: str = "/hook") -> Request:
    """A delivery as the listener hands it over."""
    return Request("POST", path, [(name.lower(), value) for name, value in headers.items()], body, peer="192.0.2.1", host="hooks.example")


def github(secret: str, body: bytes, delivery: str) -> dict[str, str]:
    """Headers as GitHub sends them."""
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }


def slack(secret: str, body: bytes, at: int) -> dict[str, str]:
    """Headers as Slack sends them."""
    signed = hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    return {"Content-Type": "application/json", "X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={signed}"}


def stripe(secret: str, body: bytes, at: int) -> dict[str, str]:
    """Headers as Stripe sends them."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Content-Type": "application/json", "Stripe-Signature": f"t={at},v1={signed}"}


def standard(material: bytes, body: bytes, at: int, delivery: str) -> dict[str, str]:
    """Headers as Standard Webhooks has them; *material*: what `whsec_` spells in base64."""
    signed = hmac.new(material, f"{delivery}.{at}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": delivery, "webhook-timestamp": str(at), "webhook-signature": f"v1,{b64encode(signed).decode()}"}
