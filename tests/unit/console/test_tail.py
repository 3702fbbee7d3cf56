"""Log events for the page."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.clock import SystemClock
from router.console import tail as module
from router.console.tail import Tail
from router.errors import TooManyRequests
from router.events.http import Response
from router.telemetry.logfiles import directory, encoded, segment

STREAM = "2026/11/28/[$LATEST]0123456789abcdef"
AT = 1_795_000_000.0


def write(root: Path, function: str, *messages: str, at: float = AT) -> None:
    place = directory(root, function, STREAM)
    place.mkdir(parents=True, exist_ok=True)
    with (place / segment(STREAM, 0)).open("ab") as file:
        for number, message in enumerate(messages):
            file.write(encoded(at + number, message))


@pytest.fixture
def stop() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def tail(tmp_path: Path, stop: asyncio.Event, monkeypatch: pytest.MonkeyPatch) -> Tail:
    monkeypatch.setattr(module, "POLL", 0.01)
    return Tail(tmp_path, stop, SystemClock())


def messages(answer: Response) -> list[str]:
    assert isinstance(answer.body, bytes)
    return [event["message"] for event in json.loads(answer.body)]


async def test_the_last_events_come_oldest_first(tmp_path: Path, tail: Tail) -> None:
    write(tmp_path, "a", *(f"line {number}" for number in range(20)))
    write(tmp_path, "b", "of another function")
    assert messages(await tail.recent({"function": "a", "since": "1", "limit": "3"})) == ["line 17", "line 18", "line 19"]
    assert messages(await tail.recent({"since": str(AT + 19)})) == ["line 19"]
    assert len(messages(await tail.recent({"since": "1"}))) == 21


async def test_without_a_time_it_begins_now(tmp_path: Path, tail: Tail) -> None:
    write(tmp_path, "a", "long ago")
    assert messages(await tail.recent({})) == []


async def test_half_a_surrogate_pair_is_told_as_the_log_reader_does(tmp_path: Path, tail: Tail) -> None:
    write(tmp_path, "a", "half \ud83d")
    assert messages(await tail.recent({"since": "1"})) == ["half \\ud83d"]


async def pieces(answer: Response) -> AsyncIterator[bytes]:
    assert not isinstance(answer.body, bytes)
    async for piece in answer.body:
        yield piece


async def test_what_is_logged_comes_as_it_is_logged(tmp_path: Path, tail: Tail) -> None:
    write(tmp_path, "a", "first", "with\n\na blank line")
    arriving = pieces(await tail.follow({"since": "1"}))
    assert (await anext(arriving)).startswith(b":")
    read = await anext(arriving)
    while read.count(b"data: ") < 2:
        read += await anext(arriving)
    assert [json.loads(line[6:])["message"] for line in read.split(b"\n\n") if line] == ["first", "with\n\na blank line"]
    write(tmp_path, "b", "later", at=AT + 60)
    assert json.loads((await anext(arriving))[6:]) == {
        "time": "2026-11-18T11:07:40.000Z",
        "function": "b",
        "stream": STREAM,
        "message": "later",
    }
    await arriving.aclose()


async def test_a_stop_ends_it_and_nothing_is_left_running(tail: Tail, stop: asyncio.Event) -> None:
    before = asyncio.all_tasks()
    answer = await tail.follow({})
    arriving = answer.body
    assert not isinstance(arriving, bytes)
    await anext(arriving)
    waiting = asyncio.ensure_future(anext(arriving, b"ended"))
    await asyncio.sleep(0)
    stop.set()
    assert await waiting == b": nothing\n\n"
    assert await anext(arriving, b"ended") == b"ended"
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_a_client_that_leaves_leaves_nothing_running(tail: Tail) -> None:
    before = asyncio.all_tasks()
    arriving = (await tail.follow({})).body
    assert not isinstance(arriving, bytes)
    await anext(arriving)
    waiting = asyncio.ensure_future(anext(arriving))
    await asyncio.sleep(0.02)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_only_so_many_at_once(tail: Tail) -> None:
    opened = [(await tail.follow({})).body for _ in range(module.TAILS)]
    for one in opened:
        assert not isinstance(one, bytes)
        await anext(one)
    with pytest.raises(TooManyRequests):
        await tail.follow({})
    await opened[0].aclose()
    assert (await tail.follow({})).status == 200
    for one in opened[1:]:
        await one.aclose()


async def test_a_quiet_log_is_told_from_a_dead_connection(tail: Tail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT", 0.01)
    arriving = pieces(await tail.follow({}))
    assert [await anext(arriving) for _ in range(3)] == [b": here they come\n\n", b": nothing\n\n", b": nothing\n\n"]
    await arriving.aclose()
