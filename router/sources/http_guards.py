"""The guards of routes, in the order in which they are asked, and what routes share behind them.

The route's throttle comes first, so that neither keys nor authorizers can be tried faster than it allows; then the API
key and its usage plan; then the authorizer, which costs an invocation. A key that the authorizer names comes last."""

from typing import TYPE_CHECKING, Final

import structlog

from router.errors import JournalError, SourceError
from router.events.gateway import FREE, Api, Arrival, Asked, Denied, Passage
from router.events.throttle import TokenBucket
from router.sources.base import House, Outlet
from router.sources.http_access import Access, ApiKeys, JwtAuthorizer, LambdaAuthorizer
from router.sources.http_authorizer import Authorizer, AuthorizerGuard, KeyedGuard, Shape
from router.sources.http_face import Guard
from router.sources.http_keys import KeyGuard, Usage, too_many

if TYPE_CHECKING:
    from router.sources.http_jwks import KeySet
    from router.sources.http_jwt import JwtGuard, Signatures

log = structlog.get_logger("router.http")

SHAPES: Final = ("rest", "1.0", "2.0")

Stage = tuple[str, str, tuple[tuple[str, str], ...]]  # of which API: its id, its name, its variables


class ThrottleGuard:
    """Lets a route's requests pass at its rate; see http_face.Guard."""

    def __init__(self, bucket: TokenBucket, house: House) -> None:
        self._bucket, self._clock = bucket, house.clock

    async def admit(self, asked: Asked, arrival: Arrival, outlet: Outlet) -> Passage | Denied:  # noqa: ARG002 - as all guards
        """429 over the rate."""
        wait = self._bucket.take(self._clock.monotonic())
        return too_many(wait) if wait else FREE


class Gatehouse:
    """Makes guards; keeps what they share: usage, authorizers' answers, issuers' keys."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._usage = Usage(house.config.usage_plans, house.clock, house.metrics) if house.config.usage_plans else None
        if self._usage is not None:
            house.later.append(self._usage.tell)
        self._authorizers: dict[tuple[LambdaAuthorizer, Stage], Authorizer] = {}
        self._signatures: dict[tuple[object, ...], Signatures] = {}
        self._key_sets: dict[tuple[object, ...], KeySet] = {}

    def guards(self, access: Access, api: Api, shape: Shape) -> tuple[Guard, ...]:
        """The guards of a route of *api*. *shape*: of its function's event."""
        found: list[Guard] = []
        if access.throttle is not None:
            bucket = TokenBucket(access.throttle.rate, access.throttle.burst, self._house.clock.monotonic())
            found.append(ThrottleGuard(bucket, self._house))
        keys = self._keys(access.api_keys)
        by_header = keys if access.api_keys is not None and access.api_keys.source == "header" else None
        if by_header is not None:
            found.append(by_header)
        if isinstance(access.authorizer, LambdaAuthorizer):
            guard = AuthorizerGuard(self._authorizer(access.authorizer, api), api, shape, by_header)
            found.append(guard if keys is by_header or keys is None else KeyedGuard(guard, keys))
        elif access.authorizer is not None:
            found.append(self._jwt(access.authorizer, api, shape))
        return tuple(found)

    async def open(self) -> None:
        """To be called before the first request. Raises SourceError."""
        for keys in self._key_sets.values():
            keys.begin()
        if self._usage is None:
            return
        try:
            await self._usage.open(self._house.database)
        except JournalError as error:
            raise SourceError(f"what API keys have used cannot be read: {error}") from error

    def succeed(self, former: "Gatehouse") -> None:
        """Go on where *former* stands: with what keys have used, and with the issuers' keys that it has."""
        if self._usage is not None and former._usage is not None:  # noqa: SLF001 - its own kind
            self._usage.succeed(former._usage)  # noqa: SLF001 - its own kind
        for where, keys in self._key_sets.items():
            if where in former._key_sets:  # noqa: SLF001 - its own kind
                keys.succeed(former._key_sets[where])  # noqa: SLF001 - its own kind

    async def run(self) -> None:
        """Keep on record what is used, until cancelled."""
        if self._usage is not None:
            await self._usage.run(self._house.database)

    async def close(self) -> None:
        """To be called after the last request."""
        if self._usage is not None:
            await self._usage.save(self._house.database)
        for authorizer in self._authorizers.values():
            await authorizer.close()
        for keys in self._key_sets.values():
            await keys.close()

    def _keys(self, keys: ApiKeys | None) -> KeyGuard | None:
        return None if keys is None or self._usage is None else KeyGuard(self._usage, keys.plans)

    def _authorizer(self, config: LambdaAuthorizer, api: Api) -> Authorizer:
        stage = (api.api_id, api.stage, tuple(sorted((api.stage_variables or {}).items())))  # what was answered for one is not for another
        shared = self._authorizers.get((config, stage))
        if shared is None:
            shared = self._authorizers[config, stage] = Authorizer(config, self._house.clock, self._house.metrics)
        return shared

    def _jwt(self, config: JwtAuthorizer, api: Api, shape: Shape) -> "JwtGuard":
        from router.sources import http_jwks, http_jwt  # noqa: PLC0415 - needs the extra, and is slow to import

        clock, metrics = self._house.clock, self._house.metrics
        where = (config.issuer, config.jwks_uri, config.jwks_file)
        if where not in self._key_sets:
            self._key_sets[where] = http_jwks.KeySet(config.issuer, http_jwks.place_of(config, http_jwks.fetched), clock, metrics)
        if (*where, config.algorithms) not in self._signatures:
            self._signatures[*where, config.algorithms] = http_jwt.Signatures(self._key_sets[where], config.algorithms)
        signatures = self._signatures[*where, config.algorithms]
        return http_jwt.JwtGuard(config, signatures, api, payload=shape, clock=clock, metrics=metrics)
