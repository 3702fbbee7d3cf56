"""Telemetry without sockets: who is told what, in which batches, and what is lost."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from router.runtime import telemetry_feed
from router.runtime.telemetry_api import Subscription
from router.runtime.telemetry_feed import Feed, Telemetry
from router.telemetry import platform

PLATFORM = Subscription(frozenset({"platform"}), "HTTP", 1, "/", timeout=0.0)
ALL = PLATFORM._replace(types=frozenset({"platform", "function", "extension"}))


class Receiver:
    """Takes batches in the place of a connection."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def deliver(self, batch: list[bytes]) -> None:
        await self.open.wait()
        if self.error is not None:
            raise self.error
        self.batches.append([json.loads(event) for event in batch])

    @property
    def events(self) -> list[Any]:
        return [event for batch in self.batches for event in batch]


@pytest.fixture
async def receiver(monkeypatch: pytest.MonkeyPatch) -> Receiver:
    found = Receiver()
    monkeypatch.setattr(Feed, "_deliver", found.deliver)
    return found


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_subscriber_is_told_of_its_types_from_the_start(receiver: Receiver) -> None:
    telemetry = Telemetry(lambda: 1.0, list)
    telemetry.line("function", "early")
    telemetry.tell(platform.start("one", "$LATEST"))
    assert telemetry.subscribe("a", PLATFORM)
    telemetry.close()
    telemetry.tell(platform.start("two", "$LATEST"))
    telemetry.flush()
    await turns()
    assert [event["record"]["requestId"] for event in receiver.events] == ["one", "two"]
    assert receiver.events[0] == {
        "time": "1970-01-01T00:00:01.000Z",
        "type": "platform.start",
        "record": {"requestId": "one", "version": "$LATEST"},
    }


async def test_lines_are_text_or_objects(receiver: Receiver) -> None:
    telemetry = Telemetry(lambda: 1.0, list)
    telemetry.subscribe("a", ALL)
    telemetry.line("function", '{"level": 1}')
    telemetry.line("function", '{"level": 1}', {"level": 1})
    telemetry.line("extension", "half \udc80")
    telemetry.flush()
    await turns()
    assert [(event["type"], event["record"]) for event in receiver.events] == [
        ("function", '{"level": 1}'),
        ("function", {"level": 1}),
        ("extension", "half \udc80"),
    ]


async def test_after_init_nobody_can_subscribe_until_the_next_generation(receiver: Receiver) -> None:
    telemetry = Telemetry(lambda: 1.0, list)
    telemetry.close()
    assert not telemetry.subscribe("a", ALL)
    telemetry.line("function", "nobody listens")
    await telemetry.end()
    assert telemetry.subscribe("a", ALL)
    await telemetry.end()
    assert receiver.events == []


async def test_early_events_are_bounded(receiver: Receiver) -> None:
    telemetry = Telemetry(lambda: 1.0, list)
    for number in range(5000):
        telemetry.line("function", str(number))
    telemetry.line("function", "x" * 300_000)
    assert telemetry._early is not None
    assert len(telemetry._early) == 0
    telemetry.line("function", "last")
    telemetry.subscribe("a", ALL)
    await telemetry.end()
    assert [event["record"] for event in receiver.events] == ["last"]


async def test_what_a_slow_subscriber_misses_is_told(receiver: Receiver) -> None:
    receiver.open.clear()
    telemetry = Telemetry(lambda: 1.0, list)
    telemetry.subscribe("a", ALL)
    telemetry.line("function", "first")
    telemetry.flush()
    for number in range(1500):
        telemetry.line("function", str(number))
    await turns()
    receiver.open.set()
    await telemetry.end()
    dropped = [event for event in receiver.events if event["type"] == "platform.logsDropped"]
    assert [event["record"]["droppedRecords"] for event in dropped] == [500]
    assert sum(event["type"] == "function" for event in receiver.events) == 1001
    assert max(map(len, receiver.batches)) <= 1001


async def test_a_flush_while_a_batch_is_sent_is_not_forgotten(receiver: Receiver) -> None:
    telemetry = Telemetry(lambda: 1.0, list)
    telemetry.subscribe("a", ALL._replace(timeout=1000.0))
    receiver.open.clear()
    for line in ("one", "two"):
        telemetry.line("function", line)
        telemetry.flush()
    await turns()
    receiver.open.set()
    await turns()
    assert [event["record"] for event in receiver.events] == ["one", "two"]
    await telemetry.end()


async def test_a_batch_that_cannot_be_sent_is_lost_and_told(receiver: Receiver) -> None:
    receiver.error = OSError("no such port")
    telemetry = Telemetry(lambda: 1.0, list)
    telemetry.subscribe("a", ALL)
    telemetry.line("function", "lost")
    telemetry.flush()
    await turns()
    receiver.error = None
    telemetry.flush()
    await turns()
    (event,) = receiver.events
    assert event["record"]["reason"] == "could not send events: no such port"
    assert event["record"]["droppedRecords"] == 1
    await telemetry.end()


async def test_a_second_subscription_takes_the_place_of_the_first(receiver: Receiver) -> None:
    telemetry = Telemetry(lambda: 1.0, list)
    telemetry.subscribe("a", ALL)
    telemetry.subscribe("a", PLATFORM)
    telemetry.line("function", "unwanted")
    telemetry.tell(platform.start("one", "$LATEST"))
    await telemetry.end()
    assert [event["type"] for event in receiver.events] == ["platform.start"]


@pytest.fixture
async def peers(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[socket.socket]]:
    """The other ends of connections to a subscriber that accepts them and never reads."""
    found: list[socket.socket] = []
    opened = asyncio.open_connection

    async def connected(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        found.append(theirs)
        return await opened(sock=ours)

    async def trusted(feed: Feed) -> None:
        """Whose the port is does not matter here."""

    monkeypatch.setattr(asyncio, "open_connection", connected)
    monkeypatch.setattr(Feed, "_check", trusted)
    yield found
    for peer in found:
        peer.close()


def hung_up(peer: socket.socket) -> bool:
    """Whether nothing follows what has arrived."""
    try:
        while peer.recv(65536):
            pass
    except BlockingIOError:
        return False
    return True


@pytest.mark.parametrize("protocol", ["TCP", "HTTP"])
@pytest.mark.parametrize("leave", ["timeout", "cancel"])
async def test_a_subscriber_that_does_not_read_keeps_no_connection(
    protocol: str, leave: str, peers: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry_feed, "_ANSWER", 0.05 if leave == "timeout" else 60.0)
    feed = Feed("a", ALL._replace(types=frozenset({"function"}), protocol=protocol, max_bytes=2**20), list, lambda event: b"{}")
    feed.put(b"x" * 2**20)
    feed.flush()
    sending = feed._sending
    assert sending is not None
    await turns()
    if leave == "cancel":
        feed.cancel()
    await asyncio.wait([sending])
    await turns()
    assert [hung_up(peer) for peer in peers] == [True]
    feed.cancel()
