"""An issuer's keys: where they come from, how long they are believed, how often they are looked at."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from router.sources import http_jwks
from router.sources.http_access import JwtAuthorizer
from router.sources.http_jwks import FRESH, PAUSE, PAUSE_NONE, STALE, AtFile, AtUrl, KeySet, NoKeys, keys_in, place_of
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock, settle

ISSUER = "https://login.example.com/tenant"
RSA = RSAKey.generate_key(2048, {"kid": "rsa"}).as_dict(private=False)
EC = ECKey.generate_key("P-256", {"kid": "ec"}).as_dict(private=False)


def key_set(*keys: Any) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


class Web:
    """URLs and what they answer; counts."""

    def __init__(self, pages: Mapping[str, bytes | Exception]) -> None:
        self.pages = dict(pages)
        self.asked: list[str] = []
        self.hold: asyncio.Event | None = None

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        if self.hold is not None:
            await self.hold.wait()
        page = self.pages.get(url, NoKeys("404"))
        if isinstance(page, Exception):
            raise page
        return page


def rig(*keys: Any) -> tuple[KeySet, Web, VirtualClock]:
    clock, web = VirtualClock(), Web({"https://keys": key_set(*keys)})
    return KeySet(ISSUER, AtUrl(web.fetch, uri="https://keys"), clock, Metrics()), web, clock


# -- what keys are


def test_keys_that_can_check_a_signature() -> None:
    keys = keys_in(key_set(RSA, {**EC, "use": "sig"}))
    assert keys.keys() == {"rsa", "ec"}
    assert keys["rsa"].as_dict()["n"] == RSA["n"]


@pytest.mark.parametrize(
    "entry",
    [
        {**RSA, "use": "enc"},
        {**RSA, "kid": ""},
        {**RSA, "kid": 7},
        {name: value for name, value in RSA.items() if name != "kid"},
        {**RSA, "n": "!"},
        {**RSA, "n": 7},
        {name: value for name, value in RSA.items() if name != "n"},
        {**EC, "x": EC["y"]},
        {**EC, "crv": "P-0"},
        OctKey.generate_key(256, {"kid": "oct"}).as_dict(),
        {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "okp"},
        {"kty": ["RSA"], "kid": "x"},
        {},
        None,
        "x",
    ],
)
def test_others_are_passed_over(entry: Any) -> None:
    assert keys_in(key_set(RSA, entry)).keys() == {"rsa"}
    with pytest.raises(NoKeys, match="no key that can check a signature"):
        keys_in(key_set(entry))


@pytest.mark.filterwarnings("ignore:.*2048.*")
def test_a_short_rsa_key_is_passed_over() -> None:
    with pytest.raises(NoKeys):
        keys_in(key_set(RSAKey.generate_key(1024, {"kid": "short"}).as_dict(private=False)))


def test_a_private_part_stays_out() -> None:
    private = RSAKey.generate_key(2048, {"kid": "mine"}).as_dict(private=True)
    assert not keys_in(key_set(private))["mine"].is_private


@pytest.mark.parametrize(
    "text", [b"", b"x", b"[]", b"{}", b'{"keys":{}}', key_set(), key_set(*[RSA] * 101), b'{"keys":[]}' + b" " * http_jwks.KEYS_LIMIT]
)
def test_what_is_no_set(text: bytes) -> None:
    with pytest.raises(NoKeys):
        keys_in(text)


# -- where they are


async def test_the_issuers_configuration_says_where() -> None:
    configuration = json.dumps({"issuer": ISSUER, "jwks_uri": "https://login.example.com/keys"}).encode()
    web = Web({f"{ISSUER}/.well-known/openid-configuration": configuration, "https://login.example.com/keys": key_set(RSA)})
    place = place_of(JwtAuthorizer(ISSUER, frozenset()), web.fetch)
    assert keys_in(await place.load()).keys() == {"rsa"}
    assert web.asked == [f"{ISSUER}/.well-known/openid-configuration", "https://login.example.com/keys"]


async def test_an_issuer_with_a_slash_at_its_end() -> None:
    web = Web({})
    with pytest.raises(NoKeys):
        await AtUrl(web.fetch, issuer="https://login.example.com/").load()
    assert web.asked == ["https://login.example.com/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    "configuration",
    [
        b"x",
        b"[]",
        b"{}",
        json.dumps({"issuer": ISSUER}).encode(),
        json.dumps({"issuer": ISSUER + "/", "jwks_uri": "https://login.example.com/keys"}).encode(),
        json.dumps({"issuer": "https://evil.example.com", "jwks_uri": "https://login.example.com/keys"}).encode(),
        json.dumps({"issuer": ISSUER, "jwks_uri": "http://login.example.com/keys"}).encode(),
        json.dumps({"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"}).encode(),
        json.dumps({"issuer": ISSUER, "jwks_uri": ["https://login.example.com/keys"]}).encode(),
    ],
)
async def test_a_configuration_that_is_not_the_issuers_is_not_followed(configuration: bytes) -> None:
    web = Web({f"{ISSUER}/.well-known/openid-configuration": configuration, "https://login.example.com/keys": key_set(RSA)})
    with pytest.raises(NoKeys):
        await AtUrl(web.fetch, issuer=ISSUER).load()
    assert len(web.asked) == 1


async def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(key_set(RSA))
    clock = VirtualClock()
    keys = KeySet(ISSUER, place_of(JwtAuthorizer(ISSUER, frozenset(), jwks_file=path), Web({}).fetch), clock, Metrics())
    assert await keys.find("rsa") is not None
    path.write_bytes(key_set(EC))
    await clock.advance(11)
    assert await keys.find("rsa") is None  # withdrawn: a look at a file is waited for
    assert await keys.find("ec") is not None
    path.write_bytes(b'{"keys":')  # half written
    await clock.advance(11)
    assert await keys.find("ec") is not None
    with pytest.raises(NoKeys, match="No such file"):
        await AtFile(tmp_path / "none").load()
    with pytest.raises(NoKeys, match="not a regular file"):
        await AtFile(tmp_path).load()


# -- how long they are believed


async def test_keys_are_kept() -> None:
    keys, web, clock = rig(RSA)
    assert await keys.find("rsa") is not None
    await clock.advance(FRESH - 1)
    assert await keys.find("rsa") is not None
    assert len(web.asked) == 1
    assert keys.version == 1


async def test_old_keys_serve_while_they_are_looked_at_again() -> None:
    keys, web, clock = rig(RSA)
    await keys.find("rsa")
    await clock.advance(FRESH)
    web.hold = asyncio.Event()
    assert await keys.find("rsa") is not None
    await settle()
    assert len(web.asked) == 2
    web.pages["https://keys"] = key_set(EC)
    web.hold.set()
    await settle()
    assert await keys.find("rsa") is None
    assert keys.version == 2


async def test_keys_too_old_are_not_believed() -> None:
    keys, web, clock = rig(RSA)
    await keys.find("rsa")
    web.pages["https://keys"] = NoKeys("down")
    await clock.advance(STALE - 1)
    assert await keys.find("rsa") is not None
    await settle()
    await clock.advance(1)
    with pytest.raises(NoKeys, match="down"):
        await keys.find("rsa")
    web.pages["https://keys"] = key_set(RSA)
    await clock.advance(PAUSE)
    assert await keys.find("rsa") is not None


async def test_an_unknown_key_is_looked_for_once_in_a_while() -> None:
    keys, web, clock = rig(RSA)
    await keys.find("rsa")
    await clock.advance(PAUSE)
    for _ in range(20):
        assert await keys.find("made-up") is None
    assert len(web.asked) == 2
    web.pages["https://keys"] = key_set(RSA, EC)
    await clock.advance(PAUSE - 1)
    assert await keys.find("ec") is None
    await clock.advance(1)
    assert await keys.find("ec") is not None
    assert len(web.asked) == 3


async def test_many_who_want_the_keys_cause_one_look() -> None:
    keys, web, _ = rig(RSA)
    web.hold = asyncio.Event()
    finding = [asyncio.create_task(keys.find("rsa")) for _ in range(50)]
    await settle()
    finding[0].cancel()
    web.hold.set()
    found = await asyncio.gather(*finding, return_exceptions=True)
    assert len(web.asked) == 1
    assert sum(isinstance(one, RSAKey) for one in found) == 49


async def test_an_issuer_that_does_not_answer_is_asked_again_soon() -> None:
    keys, web, clock = rig(RSA)
    page, web.pages["https://keys"] = web.pages["https://keys"], NoKeys("down")
    for _ in range(5):
        with pytest.raises(NoKeys, match="down"):
            await keys.find("rsa")
    assert len(web.asked) == 1
    web.pages["https://keys"] = page
    await clock.advance(PAUSE_NONE)
    assert await keys.find("rsa") is not None


async def test_keys_are_looked_at_before_the_first_token() -> None:
    keys, web, _ = rig(RSA)
    keys.begin()
    keys.begin()
    await settle()
    assert len(web.asked) == 1
    assert await keys.find("rsa") is not None
    assert len(web.asked) == 1


async def test_closing_ends_a_look() -> None:
    keys, web, _ = rig(RSA)
    await keys.close()
    web.hold = asyncio.Event()
    finding = asyncio.create_task(keys.find("rsa"))
    await settle()
    await keys.close()
    await settle()
    assert finding.done()
