"""An Outlet that remembers."""

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from router.errors import JournalError, StreamBroken
from router.journal.base import Beside
from router.model import HTTP_INTEGRATION, Envelope, Outcome, Stream


class GivenPieces:
    """Pieces of a test's own; an exception among them is raised in its turn. *closed* tells how it ended."""

    def __init__(self, pieces: Iterable[bytes | Exception]) -> None:
        self._pieces = iter(pieces)
        self.closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        await asyncio.sleep(0)
        piece = b"" if self.closed else next(self._pieces, b"")
        if isinstance(piece, Exception):
            raise piece
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        self.closed = True


def resolved(outcome: Outcome) -> asyncio.Future[Outcome]:
    """An outcome that is there already."""
    future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    future.set_result(outcome)
    return future


def streamed(*pieces: bytes | Exception, http: bool = False, content_type: str = "application/octet-stream") -> Stream:
    """What a streaming function answers; to be given back by MemoryOutlet's *answer*. StreamBroken as a piece breaks it off."""
    error = next((piece for piece in pieces if isinstance(piece, StreamBroken)), None)
    outcome = Outcome(b"") if error is None else Outcome(error.payload, "Unhandled", error.error_type)
    return Stream(HTTP_INTEGRATION if http else content_type, GivenPieces(pieces), resolved(outcome))


class MemoryOutlet:
    """Keeps what was emitted (one per function, source, shard, sequencer) and answers invoke() from a function of the test's."""

    def __init__(self, answer: Callable[[Envelope], Any] | None = None) -> None:
        self.emitted: list[Envelope] = []
        self.duplicates: list[Envelope] = []
        self.invoked: list[Envelope] = []
        self.refuse = 0  # how many of the next emits fail, as with a full disk
        self.store: Any = None  # where emit_all() does what is beside
        self._answer = answer or (lambda _: Outcome(b"null"))
        self._known: set[tuple[str, str, str, str]] = set()
        self._changed = asyncio.Condition()

    async def emit(self, envelope: Envelope) -> bool:
        """Remember the envelope; False for one that is known."""
        await asyncio.sleep(0)
        if self.refuse:
            self.refuse -= 1
            raise JournalError("disk full")
        fresh = self._keep(envelope)
        async with self._changed:
            self._changed.notify_all()
        return fresh

    def _keep(self, envelope: Envelope) -> bool:
        key = (envelope.function, envelope.source, envelope.shard, envelope.sequencer)
        if envelope.sequencer and key in self._known:
            self.duplicates.append(envelope)
            return False
        self._known.add(key)
        self.emitted.append(envelope)
        return True

    async def emit_all(self, envelopes: Sequence[Envelope], beside: Beside | None = None) -> None:
        """Remember them all, or none; what is beside goes to *store*."""
        if self.refuse:
            self.refuse -= 1
            raise JournalError("disk full")
        if beside is not None:
            assert self.store is not None, "this test gave the outlet no store"
            await self.store.transact(beside)
        await asyncio.sleep(0)
        for envelope in envelopes:
            self._keep(envelope)
        async with self._changed:
            self._changed.notify_all()

    async def invoke(self, envelope: Envelope) -> Outcome:
        """Remember the envelope and answer it."""
        await asyncio.sleep(0)
        self.invoked.append(envelope)
        async with self._changed:
            self._changed.notify_all()
        return self._answer(envelope)  # type: ignore[no-any-return]

    async def stream(self, envelope: Envelope) -> Stream:
        """Remember the envelope; its answer is whole, or what *answer* made with streamed()."""
        outcome = await self.invoke(envelope)
        if isinstance(outcome, Stream):
            return outcome
        failed = bool(outcome.function_error)
        return Stream("application/json", GivenPieces([] if failed else [outcome.payload]), resolved(outcome), whole=True)

    async def until(self, holds: Callable[["MemoryOutlet"], bool], timeout: float = 10.0) -> None:
        """Wait until *holds* is true of this outlet; TimeoutError after *timeout* real seconds."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: holds(self))

    def events(self) -> list[Any]:
        """The emitted events, parsed."""
        return [json.loads(envelope.payload) for envelope in self.emitted]
