"""An Outlet that remembers."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from router.errors import JournalError
from router.model import Envelope, Outcome


class MemoryOutlet:
    """Keeps what was emitted (one per function, source, shard, sequencer) and answers invoke() from a function of the test's."""

    def __init__(self, answer: Callable[[Envelope], Outcome] | None = None) -> None:
        self.emitted: list[Envelope] = []
        self.duplicates: list[Envelope] = []
        self.invoked: list[Envelope] = []
        self.refuse = 0  # how many of the next emits fail, as with a full disk
        self._answer = answer or (lambda _: Outcome(b"null"))
        self._known: set[tuple[str, str, str, str]] = set()
        self._changed = asyncio.Condition()

    async def emit(self, envelope: Envelope) -> None:
        """Remember the envelope."""
        await asyncio.sleep(0)
        if self.refuse:
            self.refuse -= 1
            raise JournalError("disk full")
        key = (envelope.function, envelope.source, envelope.shard, envelope.sequencer)
        if envelope.sequencer and key in self._known:
            self.duplicates.append(envelope)
        else:
            self._known.add(key)
            self.emitted.append(envelope)
        async with self._changed:
            self._changed.notify_all()

    async def invoke(self, envelope: Envelope) -> Outcome:
        """Remember the envelope and answer it."""
        await asyncio.sleep(0)
        self.invoked.append(envelope)
        async with self._changed:
            self._changed.notify_all()
        return self._answer(envelope)

    async def until(self, holds: Callable[["MemoryOutlet"], bool], timeout: float = 10.0) -> None:
        """Wait until *holds* is true of this outlet; TimeoutError after *timeout* real seconds."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: holds(self))

    def events(self) -> list[Any]:
        """The emitted events, parsed."""
        return [json.loads(envelope.payload) for envelope in self.emitted]
