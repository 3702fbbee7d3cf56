"""Access keys over the control socket, without one."""

import json
from pathlib import Path
from typing import Any

import pytest

from router.api.control import Control
from router.api.keys import Keys
from router.credentials import KeyStore
from router.events.http import Request
from tests.helpers.clock import VirtualClock

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


class Asking:
    """The calls on keys."""

    def __init__(self, state: Path) -> None:
        self.store = KeyStore(state)
        self.control = Control(None, keys=Keys(self.store, VirtualClock(1_795_651_200.0)))  # type: ignore[arg-type]

    async def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = await self.control(Request(method, path, [], json.dumps(body).encode() if body is not None else b""))
        assert isinstance(answer.body, bytes)
        return answer.status, json.loads(answer.body)


@pytest.fixture
def ask(tmp_path: Path) -> Asking:
    return Asking(tmp_path)


async def test_a_key_is_made_listed_and_revoked(ask: Asking) -> None:
    status, made = await ask("POST", "/keys", {"name": "ann", "scopes": ["read"], "policy": POLICY})
    assert status == 200
    assert made.keys() == {"AccessKeyId", "SecretAccessKey", "id", "name", "scopes", "policy", "created"}
    assert made["AccessKeyId"] == made["id"]
    assert made["created"] == "2026-11-26T00:00:00.000Z"
    row = {key: made[key] for key in ("id", "name", "scopes", "policy", "created")}
    assert await ask("GET", "/keys") == (200, [row])
    assert await ask("POST", f"/keys/{made['id']}/revoke") == (200, row)
    assert await ask("GET", "/keys") == (200, [])
    status, refused = await ask("POST", f"/keys/{made['id']}/revoke")
    assert (status, refused["code"]) == (400, "InvalidParameterValueException")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": 1, "scopes": ["read"]},
        {"name": "ann", "scopes": "read"},
        {"name": "ann", "scopes": [1]},
        {"name": "ann", "policy": "all"},
        {"name": "ann", "scopes": ["read"], "role": "x"},
        {"name": "ann", "scopes": []},
        {"name": "ann", "scopes": ["all"]},
        {"name": "a b", "scopes": ["read"]},
        {"name": "ann", "policy": {"Statement": [{}]}},
    ],
)
async def test_what_is_no_key_is_refused(ask: Asking, body: Any) -> None:
    status, refused = await ask("POST", "/keys", body)
    assert (status, refused["code"]) == (400, "InvalidParameterValueException")
    assert not ask.store.all()


async def test_changes_are_logged_without_the_secret(
    ask: Asking, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr("router.api.keys.log.info", lambda event, **facts: told.append((event, facts)))
    _, made = await ask("POST", "/keys", {"name": "ann", "scopes": ["admin"]})
    await ask("POST", f"/keys/{made['id']}/revoke")
    assert [event for event, _ in told] == ["key_created", "key_revoked"]
    assert made["SecretAccessKey"] not in str(told)
