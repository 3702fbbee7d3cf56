"""The public keys of an issuer: from its openid-configuration, from a URL, or from a file.

Keys are kept: looked at again after FRESH seconds while the old ones serve, and not believed after STALE. A token that
names an unknown key has them looked at once more, at most every PAUSE seconds: keys are rotated, and tokens are made up."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

import orjson
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from router.clock import Clock
from router.config import files
from router.sources.http_access import KEYS_LIMIT, JwtAuthorizer, wrong_with_url
from router.telemetry.metrics import Metrics

log = structlog.get_logger("router.http")

FRESH: Final = 3600.0  # seconds
FRESH_FILE: Final = 10.0  # seconds; a look at a file costs nothing
STALE: Final = 7200.0  # seconds; as long as API Gateway may keep keys
PAUSE: Final = 30.0  # seconds
PAUSE_NONE: Final = 5.0  # seconds, while there are no keys at all
TIMEOUT: Final = 5.0  # seconds of one request
MOST: Final = 100  # keys of a set
SMALLEST: Final = 2048  # bits of an RSA key: RFC 7518 section 3.3
DISCOVERY: Final = "/.well-known/openid-configuration"

_KINDS: Final = {"RSA": (RSAKey, ("n", "e")), "EC": (ECKey, ("crv", "x", "y"))}  # kty → class, public parts

Key = RSAKey | ECKey
Fetch = Callable[[str], Awaitable[bytes]]
"""A URL to the body of its 200. Raises NoKeys."""


class NoKeys(Exception):
    """The keys cannot be had now; the text says why."""


class Place(Protocol):
    """Where a key set is."""

    fresh: float  # seconds
    near: bool  # a look costs nothing: it is waited for

    async def load(self) -> bytes:
        """The key set: JSON text. Raises NoKeys."""


class AtFile:
    """In a file."""

    fresh, near = FRESH_FILE, True

    def __init__(self, path: Path) -> None:
        self._path = path

    async def load(self) -> bytes:
        """See Place."""
        try:
            content = await asyncio.to_thread(files.content, self._path, KEYS_LIMIT + 1)
        except OSError as error:
            raise NoKeys(f"{self._path}: {error.strerror}") from error
        except files.NotRegular:
            raise NoKeys(f"{self._path} is not a regular file") from None
        return content


class AtUrl:
    """At a URL, or where an issuer says."""

    fresh, near = FRESH, False

    def __init__(self, fetch: Fetch, *, uri: str = "", issuer: str = "") -> None:
        self._fetch, self._uri, self._issuer = fetch, uri, issuer

    async def load(self) -> bytes:
        """See Place."""
        return await self._fetch(self._uri or await self._discovered())

    async def _discovered(self) -> str:
        """jwks_uri of the issuer's openid-configuration, which must be the issuer's own: OpenID Connect Discovery 4.3."""
        url = self._issuer.removesuffix("/") + DISCOVERY
        try:
            value = orjson.loads(await self._fetch(url))
        except orjson.JSONDecodeError:
            raise NoKeys(f"{url}: no JSON") from None
        if not isinstance(value, dict) or value.get("issuer") != self._issuer:
            raise NoKeys(f"{url} is another issuer's")
        uri = value.get("jwks_uri")
        if not isinstance(uri, str) or wrong_with_url(uri):
            raise NoKeys(f"{url}: its jwks_uri cannot be used")
        return uri


class KeySet:
    """The keys of one issuer."""

    def __init__(self, issuer: str, place: Place, clock: Clock, metrics: Metrics) -> None:
        self._issuer, self._place, self._clock = issuer, place, clock
        self._keys: Mapping[str, Key] = {}
        self._loaded: float | None = None  # monotonic
        self._tried: float | None = None  # monotonic
        self._looking: asyncio.Task[None] | None = None
        self._failing = ""
        self.version = 0  # grows with every look that brought other keys
        self._looks = metrics.counter("router_jwks_looks_total", "Looks at an issuer's keys.", "issuer", "outcome")

    def begin(self) -> None:
        """Have the keys looked at before the first token comes: what is wrong with them is told at the start."""
        self._start(self._clock.monotonic())

    def succeed(self, former: "KeySet") -> None:
        """Take over the keys that another has had from the same place, unless there are newer ones here."""
        if self._loaded is None and former._loaded is not None:  # noqa: SLF001 - its own kind
            self._keys, self._loaded, self.version = former._keys, former._loaded, self.version + 1  # noqa: SLF001 - its own kind

    async def find(self, kid: str) -> Key | None:
        """The key of this id; None when the issuer has none. Raises NoKeys when its keys cannot be had."""
        now = self._clock.monotonic()
        if self._loaded is None or now - self._loaded >= STALE:
            await self._look(now)
        elif now - self._loaded >= self._place.fresh:
            await self._look(now) if self._place.near else self._start(now)
        if self._loaded is None or self._clock.monotonic() - self._loaded >= STALE:
            raise NoKeys(self._failing or "the issuer's keys have not been had yet")
        if kid not in self._keys:
            await self._look(now)
        return self._keys.get(kid)

    async def close(self) -> None:
        """End a look that runs."""
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    async def _look(self, now: float) -> None:
        self._start(now)
        if self._looking is not None:
            await asyncio.shield(self._looking)

    def _start(self, now: float) -> None:
        """Have the keys looked at, unless that is being done or was done just now."""
        if self._looking is not None and not self._looking.done():
            return
        self._looking = None
        pause = min(PAUSE if self._loaded is not None else PAUSE_NONE, self._place.fresh)
        if self._tried is None or now - self._tried >= pause:
            self._tried = now
            self._looking = asyncio.create_task(self._load(), name="jwks")

    async def _load(self) -> None:
        try:
            keys = keys_in(await self._place.load())
        except NoKeys as error:
            self._looks.add(self._issuer, "failed")
            if str(error) != self._failing:
                log.warning("jwks_unavailable", issuer=self._issuer, error=str(error))
            self._failing = str(error)
            return
        self._looks.add(self._issuer, "ok")
        if self._failing or self._loaded is None:
            log.info("jwks_loaded", issuer=self._issuer, keys=len(keys))
        self._failing = ""
        if {kid: key.as_dict() for kid, key in keys.items()} != {kid: key.as_dict() for kid, key in self._keys.items()}:
            self.version += 1
        self._keys, self._loaded = keys, self._clock.monotonic()


def keys_in(text: bytes) -> dict[str, Key]:
    """The keys of a set that can check a signature, by id. Others are passed over. Raises NoKeys when it is no set."""
    if len(text) > KEYS_LIMIT:
        raise NoKeys(f"the key set has more than {KEYS_LIMIT // 1024} KB")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise NoKeys("the key set is no JSON") from None
    listed = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise NoKeys('{"keys": […]} is missing')
    if len(listed) > MOST:
        raise NoKeys(f"the key set has {len(listed)} keys, {MOST} at most are taken")
    found = {key.kid: key for entry in listed if (key := _key(entry)) is not None and key.kid}
    if not found:
        raise NoKeys("the key set has no key that can check a signature: RSA from 2,048 bits or EC, with a kid")
    return found


def _key(entry: Any) -> Key | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or not isinstance(entry.get("kid"), str):
        return None
    kind: Any = _KINDS.get(str(entry.get("kty")))
    if kind is None:
        return None
    public = {name: entry[name] for name in ("kty", "kid", "alg", *kind[1]) if name in entry}  # whatever private parts it has stay out
    try:
        key: Key = kind[0].import_key(public)
        weak = isinstance(key, RSAKey) and key.public_key.key_size < SMALLEST
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None if weak else key


def place_of(config: JwtAuthorizer, fetch: Fetch) -> Place:
    """Where the keys of an authorizer are."""
    if config.jwks_file is not None:
        return AtFile(config.jwks_file)
    import aiohttp  # noqa: F401, PLC0415 - slow to import: now, and not while requests wait

    return AtUrl(fetch, uri=config.jwks_uri, issuer=config.issuer)


async def fetched(url: str) -> bytes:
    """The body of a 200, cut when it is longer than KEYS_LIMIT. Redirects are not followed. Raises NoKeys."""
    import aiohttp  # noqa: PLC0415 - as in place_of: who has keys in a file does without

    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT), trust_env=True) as session,
            session.get(url, allow_redirects=False, headers={"accept": "application/json"}) as answer,
        ):
            if answer.status != 200:
                raise NoKeys(f"{url}: answered {answer.status}")
            return await _whole(answer.content)
    except TimeoutError:
        raise NoKeys(f"{url}: no answer within {TIMEOUT:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NoKeys(f"{url}: {error}") from error


async def _whole(stream: Any) -> bytes:
    body = b""
    async for part in stream.iter_chunked(65536):
        body += part
        if len(body) > KEYS_LIMIT:
            break
    return body
