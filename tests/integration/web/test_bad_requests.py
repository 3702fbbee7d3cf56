"""The corpus of tests/helpers/hostile.py against the http source: AWS's status and body, the end of the connection, nothing run
that should not be, and a healthy client that notices nothing."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

import pytest

from tests.helpers.hostile import CORPUS, HEALTHY, Hostile
from tests.helpers.wire import Client
from tests.integration.web.test_http_source import Running

LAST = b"GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
AHEAD = b"HTTP/1.1 100 Continue\r\n\r\n"


class Said(NamedTuple):
    """One answer on the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


def answers(wire: bytes) -> list[Said]:
    """Everything that was said on a connection. Raises ValueError where it does not add up."""
    found = []
    while wire:
        head, separator, rest = wire.partition(b"\r\n\r\n")
        line, *lines = head.decode().split("\r\n")
        status = re.fullmatch(r"HTTP/1\.1 ([0-9]{3}) .+", line)
        if status is None or not separator:
            raise ValueError(f"no answer: {wire[:200]!r}")
        headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in lines)}
        length = int(headers["content-length"])
        found.append(Said(int(status[1]), headers, rest[:length]))
        wire = rest[length:]
    return found


@pytest.fixture
async def source() -> AsyncIterator[Running]:
    made = Running()
    task = await made.start()
    yield made
    made.stop.set()
    async with asyncio.timeout(10):
        await task


class Door(Protocol):
    """Where clients come in."""

    async def client(self) -> Client:
        """A new connection."""


async def heard(source: Door, attempt: Hostile, pieces: list[bytes]) -> list[Said]:
    """All answers to what is sent in these pieces, read until the server ends the connection, or all is answered."""
    client = await source.client()
    try:
        for piece in pieces:
            client.send(piece)
            await asyncio.sleep(0)
        if attempt.eof:
            client.writer.write_eof()
        elif not attempt.cut:
            client.send(LAST)
        return answers((await client.rest()).replace(AHEAD, b""))
    finally:
        await client.close()


def cut(sent: bytes, chance: random.Random) -> list[bytes]:
    """The same bytes in up to eight pieces."""
    edges = sorted(chance.randrange(len(sent) + 1) for _ in range(7))
    return [sent[start:end] for start, end in zip([0, *edges], [*edges, len(sent)], strict=True) if start < end]


@pytest.mark.parametrize("attempts", CORPUS.values(), ids=CORPUS.keys())
async def test_bad_requests(source: Running, attempts: list[Hostile]) -> None:
    chance = random.Random(4)
    healthy = await source.client()
    try:
        for attempt in attempts:
            for pieces in ([attempt.sent], cut(attempt.sent, chance)):
                before = len(source.outlet.invoked)
                check(attempt, await heard(source, attempt, pieces))
                assert len(source.outlet.invoked) - before == attempt.statuses.count(200), attempt.sent[:200]
                assert (await healthy.ask(HEALTHY)).status == 200
    finally:
        await healthy.close()


def check(attempt: Hostile, said: list[Said]) -> None:
    told = attempt.sent[:200]
    statuses = tuple(answer.status for answer in said)
    expected = attempt.statuses if attempt.cut or attempt.eof else (*attempt.statuses, 404)  # the answer to LAST
    assert statuses == expected, told
    assert not said or attempt.eof or said[-1].headers["connection"] == "close", told
    for answer in said:
        if answer.status == 200:
            continue
        assert answer.headers["content-type"] == "application/json", told
        assert len(answer.headers["apigw-requestid"]) == 16, told
        assert list(json.loads(answer.body)) == ["message"], told
        if answer.status == 413:
            assert answer.body == b'{"message":"Request Too Long"}'
    assert all(b"smuggled" not in answer.body for answer in said), told
