"""Telemetry on its way to an environment's subscribers: collected from the start, sent in batches, bounded.

A subscriber listens on 127.0.0.1 in a process of its own environment, and nobody else is sent anything: a function must not
have the daemon speak to other services of the machine."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import structlog

from router import names
from router.runtime import listeners
from router.runtime.telemetry_api import Buffer, Subscription
from router.telemetry import platform
from router.telemetry.platform import PlatformEvent

_EARLY: Final = 1000  # events kept for subscribers to come
_EARLY_BYTES: Final = 256 * 1024
_ANSWER: Final = 5.0  # seconds for a subscriber to take a batch
_SLOW: Final = "Some logs were dropped because the downstream consumer is slower than the logs production rate"
log: Final = structlog.get_logger(__name__)


class Feed:
    """One subscriber."""

    def __init__(
        self, name: str, subscription: Subscription, pids: Callable[[], Collection[int]], tell: Callable[[PlatformEvent], bytes]
    ) -> None:
        """*pids*: the environment's processes; *tell*: an event of the platform, spelled as of now."""
        self.name, self.subscription = name, subscription
        self._pids, self._tell = pids, tell
        self._buffer = Buffer(subscription.max_items, subscription.max_bytes)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None
        self._urgent = False  # what waits goes as soon as what is being sent has arrived
        self._trusted: frozenset[int] = frozenset()  # listening sockets that are known to be the environment's
        self._stream: asyncio.StreamWriter | None = None  # of TCP, open for good

    def put(self, event: bytes) -> None:
        """Have it sent soon."""
        self._buffer.put(event)
        if self._buffer.full:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(self.subscription.timeout, self.flush)

    def flush(self) -> None:
        """Send what waits, now or when what is being sent has arrived."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._urgent = self._sending is not None
        if self._sending is None and not self._buffer.empty:
            self._sending = self._loop.create_task(self._send(self._buffer.take()), name="telemetry")
            self._sending.add_done_callback(self._sent)

    async def end(self) -> None:
        """Send what waits, and leave."""
        self.flush()
        while self._sending is not None:
            await asyncio.wait([self._sending])
            await asyncio.sleep(0)  # its callback
        if self._timer is not None:
            self._timer.cancel()
        self._hang_up()  # what was delivered is out: _deliver waits for that

    def cancel(self) -> None:
        """Leave at once."""
        self._buffer.take()
        if self._timer is not None:
            self._timer.cancel()
        if self._sending is not None:
            self._sending.cancel()
        self._hang_up()

    def _hang_up(self) -> None:
        """Drop the connection, if there is one, with what the subscriber would not read."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.transport.abort()

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending = None
        if task.cancelled():
            self._buffer.take()
            return
        self._tell_lost(_SLOW)
        if self._urgent or self._buffer.full:
            self.flush()
        elif not self._buffer.empty and self._timer is None:
            self._timer = self._loop.call_later(self.subscription.timeout, self.flush)

    async def _send(self, batch: list[bytes]) -> None:
        try:
            async with asyncio.timeout(_ANSWER):
                await self._deliver(batch)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            self._hang_up()
            self._buffer.lose(len(batch), sum(map(len, batch)))
            self._tell_lost(f"could not send events: {str(error) or type(error).__name__}")

    def _tell_lost(self, reason: str) -> None:
        events, size = self._buffer.lost()
        if events and "platform" in self.subscription.types:
            self._buffer.force(self._tell(platform.logs_dropped(reason, events, size)))

    async def _deliver(self, batch: list[bytes]) -> None:
        """Raises OSError, ValueError (an answer that is none, or a refusal)."""
        await self._check()
        if self.subscription.protocol == "TCP":
            if self._stream is None or self._stream.is_closing():
                _, self._stream = await asyncio.open_connection("127.0.0.1", self.subscription.port)
                self._stream.transport.set_write_buffer_limits(0)  # nothing is left with us once it is drained
            self._stream.write(b"".join(event + b"\n" for event in batch))
            await self._stream.drain()
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self.subscription.port)
        try:
            body = b"[" + b",".join(batch) + b"]"
            head = (
                f"POST {self.subscription.path} HTTP/1.1\r\nHost: sandbox.localdomain:{self.subscription.port}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
            status = (await reader.readuntil(b"\n")).split(None, 2)[1:2]
        finally:
            writer.transport.abort()  # close() would wait for one that does not read
        if not status or not status[0].startswith(b"2"):
            raise ValueError(f"the subscriber answered {b''.join(status).decode('ascii', 'replace') or 'nonsense'}")

    async def _check(self) -> None:
        """Raises OSError when who listens is none of the environment's processes, or nobody does."""
        found = await asyncio.to_thread(_listening, self.subscription.port, self._trusted, [*self._pids()])
        if found is None:
            log.warning("telemetry_stranger_refused", extension=self.name, port=self.subscription.port)
            raise PermissionError("who listens there is no process of this environment")
        if not found:
            raise ConnectionRefusedError("nobody listens there")
        self._trusted = found


def _listening(port: int, trusted: frozenset[int], pids: Collection[int]) -> frozenset[int] | None:
    """The sockets that listen there, all *trusted* or of these processes; None when one is neither. Blocking."""
    found = listeners.inodes(port)
    return found if found <= trusted or listeners.held(found, pids) else None


class Telemetry:
    """All that is told of one environment, and who is told."""

    def __init__(self, now: Callable[[], float], pids: Callable[[], Collection[int]]) -> None:
        """*now*: epoch seconds; *pids*: the environment's processes."""
        self._now, self._pids = now, pids
        self._feeds: dict[str, Feed] = {}
        self._early: deque[tuple[str, bytes]] | None = deque()  # for subscribers to come; None: none can come
        self._early_size = 0

    def subscribe(self, name: str, subscription: Subscription) -> bool:
        """Have *name* told from the environment's start on; False when it is too late. A second time replaces the first."""
        if self._early is None:
            return False
        if name in self._feeds:
            self._feeds[name].cancel()
        feed = self._feeds[name] = Feed(name, subscription, self._pids, self._told)
        for kind, event in self._early:
            if kind in subscription.types:
                feed.put(event)
        return True

    def close(self) -> None:
        """Init is over: no subscriber can come any more."""
        self._early, self._early_size = None, 0

    def tell(self, event: PlatformEvent) -> None:
        """Something that the platform tells."""
        if self._feeds or self._early is not None:
            self._put("platform", self._told(event))

    def line(self, kind: str, line: str, record: Any = None) -> None:
        """A line of a `function` or an `extension`; *record*: what it says, when it is an object of a JSON log."""
        if self._feeds or self._early is not None:
            self._put(kind, self._spelled({"type": kind, "record": line if record is None else record}))

    def flush(self) -> None:
        """Somebody may wait for what was told last."""
        for feed in self._feeds.values():
            feed.flush()

    async def end(self) -> None:
        """Send what waits; then forget all subscribers. What is told from now on is for those of the next generation."""
        feeds, self._feeds = self._feeds, {}
        self._early, self._early_size = deque(), 0
        await asyncio.gather(*(feed.end() for feed in feeds.values()))

    def _put(self, kind: str, event: bytes) -> None:
        if self._early is not None:
            self._early.append((kind, event))
            self._early_size += len(event)
            while len(self._early) > _EARLY or self._early_size > _EARLY_BYTES:
                self._early_size -= len(self._early.popleft()[1])
        for feed in self._feeds.values():
            if kind in feed.subscription.types:
                feed.put(event)

    def _told(self, event: PlatformEvent) -> bytes:
        return platform.encoded(event.spelled(self._now())).encode()

    def _spelled(self, event: Mapping[str, Any]) -> bytes:
        return platform.encoded({"time": names.iso_ms(self._now()), **event}).encode()
