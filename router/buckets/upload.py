"""A body that streams in: gathered to a mebibyte, digested and written in a thread while the next one comes.

Flat memory: of one body a mebibyte is gathered while another is written, and what came with it; of all together no more than GATHERED
is held for the sake of large writes. Beyond that each writes what it has before it takes more."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, Protocol, TypeVar

from router.buckets.checksums import Running
from router.buckets.facts import ANYWAY, NOBODY, Condition, Digests, Metadata, ObjectFacts, Part
from router.buckets.object_errors import TooLarge
from router.buckets.staging import Staged
from router.events.s3 import CREATED, Caller

T = TypeVar("T")

PIECE: Final = 1024**2  # bytes
GATHERED: Final = 64 * 1024**2  # bytes
LARGEST: Final = 5 * 1024**3  # bytes of one put, or of one part


class InThread(Protocol):
    """Runs what touches the disk in a thread; an OSError comes out as StorageTrouble."""

    def __call__(self, function: Callable[..., T], /, *arguments: object) -> Awaitable[T]:
        """Give what *function* gives."""
        ...


class Gathered:
    """What all bodies hold."""

    def __init__(self) -> None:
        self.size = 0  # bytes


class Body:
    """Bytes on their way to a staged file."""

    def __init__(self, in_thread: InThread, stage: Callable[[], Staged], gathered: Gathered, algorithms: AbstractSet[str]) -> None:
        """*stage* makes the file, in a thread, once there is something to write."""
        self._in_thread, self._stage, self._gathered = in_thread, stage, gathered
        self.decode: Callable[[bytes], bytes] | None = None  # see objects.Upload
        self._running = Running(algorithms)
        self._held, self._size = list[bytes](), 0
        self._staged: Staged | None = None
        self._writing: asyncio.Task[None] | None = None
        self._over = False

    async def write(self, data: bytes) -> None:
        """Append. Raises TooLarge, StorageTrouble, and what *decode* raises: of this piece or of one before it."""
        self._held.append(data)
        self._size += len(data)
        self._gathered.size += len(data)
        if self._size >= PIECE or self._gathered.size > GATHERED:
            await self._settled()
            self._hand_over()
        if self._gathered.size > GATHERED:
            await self._settled()

    async def digests(self) -> Digests:
        """Of all that was written so far."""
        await self._settled()
        self._hand_over()
        await self._settled()
        return self._running.digests()

    async def abort(self) -> None:
        """Leave nothing behind, unless it was taken."""
        if self._over:
            return
        self._over = True
        self._gathered.size -= self._size
        self._held, self._size = [], 0
        if self._writing is not None:
            await asyncio.wait([self._writing])
            if not self._writing.cancelled():
                self._writing.exception()  # asked for here, since nobody else does
        if self._staged is not None:
            await self._in_thread(self._staged.close)

    async def taken(self) -> tuple[Staged, Digests]:
        """The whole body, and its digests; from here on it is the caller's."""
        digests = await self.digests()
        if self._staged is None:
            self._staged = await self._in_thread(self._stage)
        self._over = True
        return self._staged, digests

    async def _settled(self) -> None:
        """What was handed over is written. Raises what that raised."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    def _hand_over(self) -> None:
        if self._held:
            self._writing = asyncio.create_task(self._written(self._held, self._size))
            self._held, self._size = [], 0

    async def _written(self, held: list[bytes], size: int) -> None:
        try:
            await self._in_thread(self._digest_and_write, held)
        finally:
            self._gathered.size -= size

    def _digest_and_write(self, held: list[bytes]) -> None:
        came = held[0] if len(held) == 1 else b"".join(held)
        data = memoryview(came if self.decode is None else self.decode(came))
        if self._running.size + len(data) > LARGEST:
            raise TooLarge(f"more than {LARGEST} bytes")
        self._running.update(data)
        if self._staged is None:
            self._staged = self._stage()
        for start in range(0, len(data), PIECE):
            self._staged.write(data[start : start + PIECE])


class ObjectUpload(Body):
    """A body that is to be an object (objects.Upload)."""

    def __init__(
        self, in_thread: InThread, stage: Callable[[], Staged], gathered: Gathered, algorithms: AbstractSet[str], put: "Put"
    ) -> None:
        super().__init__(in_thread, stage, gathered, algorithms)
        self._put = put

    async def commit(
        self, metadata: Metadata, *, condition: Condition = ANYWAY, caller: Caller = NOBODY, event: str = CREATED
    ) -> ObjectFacts:
        """See objects.Upload."""
        staged, digests = await self.taken()
        return await self._put(staged, digests, metadata, condition=condition, caller=caller, event=event)


class ObjectPart(Body):
    """A body that is to be a part (objects.PartUpload)."""

    def __init__(
        self, in_thread: InThread, stage: Callable[[], Staged], gathered: Gathered, algorithms: AbstractSet[str], put: "PutPart"
    ) -> None:
        super().__init__(in_thread, stage, gathered, algorithms)
        self._put = put

    async def commit(self, checksums: Mapping[str, str]) -> Part:
        """See objects.PartUpload."""
        staged, digests = await self.taken()
        return await self._put(staged, digests, checksums)


class Put(Protocol):
    """Makes a body the object; closes it whatever happens."""

    async def __call__(
        self, staged: Staged, digests: Digests, metadata: Metadata, *, condition: Condition, caller: Caller, event: str
    ) -> ObjectFacts:
        """See objects.Upload.commit."""
        ...


class PutPart(Protocol):
    """Makes a body the part; closes it whatever happens."""

    async def __call__(self, staged: Staged, digests: Digests, checksums: Mapping[str, str], /) -> Part:
        """See objects.PartUpload.commit."""
        ...
