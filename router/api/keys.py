"""Access keys over the control socket."""

import asyncio
from typing import Any, Final

import structlog

from router import names
from router.clock import Clock
from router.credentials import KeyStore
from router.errors import InvalidParameter
from router.iam.keys import AccessKey

log = structlog.get_logger("router.keys")

_KNOWN: Final = frozenset(("name", "scopes", "policy"))


class Keys:
    """Makes, lists and revokes keys, off the loop: files are synced; every change is logged."""

    def __init__(self, store: KeyStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def list(self) -> list[dict[str, Any]]:
        """One row a key. Raises JournalError."""
        return [row(key) for key in (await asyncio.to_thread(self._store.all)).values()]

    async def create(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """A key's row and its secret, which is told only here. Raises InvalidParameter, JournalError."""
        key, secret = await asyncio.to_thread(self._store.create, *arguments(wanted), self._clock.now())
        log.info("key_created", id=key.id, name=key.name, scopes=list(key.scopes), policy=key.policy is not None)
        return created(key, secret)

    async def revoke(self, key_id: str) -> dict[str, Any]:
        """The row of the key that is gone. Raises InvalidParameter, JournalError."""
        key = await asyncio.to_thread(self._store.revoke, key_id)
        log.info("key_revoked", id=key.id, name=key.name)
        return row(key)


def arguments(wanted: dict[str, Any]) -> tuple[str, list[str], dict[str, Any] | None]:
    """Name, scopes and policy of a key that is asked for. Raises InvalidParameter."""
    name, scopes, policy = wanted.get("name"), wanted.get("scopes", []), wanted.get("policy")
    listed = isinstance(scopes, list) and all(isinstance(scope, str) for scope in scopes)
    if not isinstance(name, str) or not listed or not isinstance(policy, dict | None) or not wanted.keys() <= _KNOWN:
        raise InvalidParameter('a key is {"name": text, "scopes": [text], "policy": a policy document or null}')
    return name, scopes, policy


def row(key: AccessKey) -> dict[str, Any]:
    """A key as `router keys list` shows it; the keys are stable."""
    return {"id": key.id, "name": key.name, "scopes": list(key.scopes), "policy": key.policy, "created": names.iso_ms(key.created)}


def created(key: AccessKey, secret: str) -> dict[str, Any]:
    """A new key as `router keys create` prints it, in AWS's words."""
    return {"AccessKeyId": key.id, "SecretAccessKey": secret, **row(key)}
