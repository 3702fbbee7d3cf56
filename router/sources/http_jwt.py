"""JWT authorizers of HTTP APIs: a token is taken when its issuer signed it, for us, and it is in time.

Needs the extra `jwt` (joserfc); imported only where a route has such an authorizer. Signing algorithms are those of
asymmetric keys that the config allows; which of them is used is the key's and the token's common word."""

import hashlib
from collections import OrderedDict
from typing import Any, Final

import structlog
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from router.clock import Clock
from router.events import authorizer, jwt
from router.events.gateway import Api, Arrival, Asked, Denied, Passage
from router.events.jwt import BadToken
from router.sources.base import Outlet
from router.sources.http_access import JwtAuthorizer
from router.sources.http_jwks import KeySet, NoKeys
from router.telemetry.metrics import Metrics

log = structlog.get_logger("router.http")

KEPT: Final = 4096  # tokens whose signature was checked
HEAD_LONGEST: Final = 4096  # bytes

_NO_TOKEN: Final = Denied(401, {"message": "Unauthorized"}, challenge=jwt.challenge())
_SCOPE: Final = "the token has none of the scopes of the route"


class Signatures:
    """Checks tokens against one issuer's keys; a token that was good is good as long as the keys stay the same."""

    def __init__(self, keys: KeySet, algorithms: tuple[str, ...]) -> None:
        self.keys = keys
        self._algorithms = algorithms
        self._kept: OrderedDict[bytes, dict[str, Any]] = OrderedDict()  # digest → claims
        self._version = 0

    async def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token with a good signature; nothing else of it is checked. Raises BadToken, NoKeys."""
        head = jwt.head(token, self._algorithms)
        key = await self.keys.find(head.kid)
        if self.keys.version != self._version:
            self._kept.clear()
            self._version = self.keys.version
        digest = hashlib.sha256(token.encode()).digest()
        if (kept := self._kept.get(digest)) is not None:
            self._kept.move_to_end(digest)
            return kept
        if key is None:
            raise BadToken("the token's key is not one of the issuer's")
        if key.alg is not None and key.alg != head.algorithm:
            raise BadToken("the token's signing algorithm is not that of its key")
        claims = jwt.claims_of(_verified(token, key, head.algorithm))
        self._kept[digest] = claims
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return claims


class JwtGuard:
    """Wants a token; see http_face.Guard."""

    def __init__(self, config: JwtAuthorizer, signatures: Signatures, api: Api, *, payload: str, clock: Clock, metrics: Metrics) -> None:
        """*payload*: format of the function's event."""
        self._config, self._signatures, self._api, self._payload, self._clock = config, signatures, api, payload, clock
        self._expected = jwt.Expected(config.issuer, config.audience)
        self._checked = metrics.counter("router_jwt_checks_total", "Tokens checked by JWT authorizers.", "issuer", "outcome")

    async def admit(self, asked: Asked, arrival: Arrival, outlet: Outlet) -> Passage | Denied:  # noqa: ARG002 - as all guards
        """401 without a good token, 403 without a scope of the route's."""
        values = authorizer.identities((self._config.source,), asked, self._api)
        if values is None:
            self._checked.add(self._config.issuer, "no_token")
            return _NO_TOKEN
        try:
            claims = await self._signatures.claims(jwt.token_in(values[0]))
            jwt.check(claims, self._expected, self._clock.now())
        except BadToken as error:
            return self._denied(401, "Unauthorized", "invalid_token", str(error), "refused")
        except NoKeys:
            return self._denied(401, "Unauthorized", "invalid_token", "the issuer's keys cannot be had", "no_keys")
        scopes = jwt.scopes_of(claims)
        if self._config.scopes and not set(self._config.scopes) & set(scopes):
            return self._denied(403, "Forbidden", "insufficient_scope", _SCOPE, "no_scope")
        self._checked.add(self._config.issuer, "ok")
        told = {"claims": jwt.event_claims(claims), "scopes": scopes if self._config.scopes else None}
        return Passage({"jwt": told} if self._payload == "2.0" else told)

    def _denied(self, status: int, message: str, error: str, description: str, outcome: str) -> Denied:
        self._checked.add(self._config.issuer, outcome)
        return Denied(status, {"message": message}, challenge=jwt.challenge(self._config.scopes, error, description))


def _verified(token: str, key: Any, algorithm: str) -> bytes:
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = HEAD_LONGEST
    try:
        return jws.deserialize_compact(token, key, registry=registry).payload
    except (JoseError, ValueError, TypeError, RecursionError):  # the last: a head nested a thousand deep
        raise BadToken("the token's signature is wrong") from None
