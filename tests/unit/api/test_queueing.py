"""Queues over the control socket's calls."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.api.control import Control
from router.api.queueing import QueueCalls
from router.events.http import Request
from tests.unit.api.bench import Bench
from tests.unit.queues.rig import Rig, rig


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made


async def asked(house: Rig, method: str, path: str, value: Any = None) -> tuple[int, Any]:
    control = Control(Bench().calls, queues=QueueCalls(house.queues, house.moves))
    response = await control(Request(method, path, [], json.dumps(value).encode() if value is not None else b""))
    assert isinstance(response.body, bytes)
    return response.status, json.loads(response.body)


async def test_a_message_by_hand(house: Rig) -> None:
    message = {"body": "x", "attributes": {"a": {"type": "String", "value": "b"}}}
    status, sent = await asked(house, "POST", "/queues/jobs/messages", message)
    assert (status, sent["md5_of_body"], sent["sequence"]) == (200, "9dd4e461268c8034f5c8564e155c67a6", None)
    status, (row, *_) = await asked(house, "GET", "/queues")
    assert (row["name"], row["kind"], row["messages"], row["in_flight"], row["dead_letter_queue"]) == ("jobs", "standard", 1, 0, "dead")
    _, (found,) = await asked(house, "POST", "/queues/jobs/receive", {"max": 10})
    assert (found["id"], found["body"], found["receives"], found["attributes"]) == (sent["id"], "x", 1, message["attributes"])
    assert await asked(house, "POST", "/queues/jobs/delete", {"handles": [found["handle"]]}) == (200, {"deleted": 1})
    assert await asked(house, "POST", "/queues/jobs/purge") == (200, {"purged": 0})


async def test_a_redrive(house: Rig) -> None:
    status, answer = await asked(house, "POST", "/queues/dead/redrive", {"to": "jobs"})
    assert status == 200
    _, (row,) = await asked(house, "GET", "/moves")
    assert (row["id"], row["state"], row["started"]) == (answer["task"], "RUNNING", "2026-09-21T14:13:20.000Z")


@pytest.mark.parametrize(
    ("path", "value", "status"),
    [
        ("/queues/nowhere/messages", {"body": "x"}, 400),
        ("/queues/jobs/messages", {"body": 1}, 400),
        ("/queues/jobs/messages", {"body": "x", "more": 1}, 400),
        ("/queues/jobs/messages", {"body": "x", "delay": True}, 400),
        ("/queues/jobs/messages", {"body": "x", "attributes": [1]}, 400),
        ("/queues/jobs/messages", {"body": "x", "attributes": {"a": 1}}, 400),
        ("/queues/jobs/messages", {"body": "\x00"}, 400),
        ("/queues/jobs/receive", {"max": 11}, 400),
        ("/queues/jobs/receive", {"max": "1"}, 400),
        ("/queues/jobs/receive", {"wait": 30}, 400),
        ("/queues/jobs/receive", {"visibility": -1}, 400),
        ("/queues/jobs/delete", {"handles": ["nonsense"]}, 400),
        ("/queues/jobs/delete", {"handles": "x"}, 400),
        ("/queues/dead/redrive", {"rate": "fast"}, 400),
    ],
)
async def test_what_is_wrong_is_told(house: Rig, path: str, value: Any, status: int) -> None:
    answered, body = await asked(house, "POST", path, value)
    assert answered == status
    assert body["message"]
