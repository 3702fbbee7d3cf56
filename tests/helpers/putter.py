"""A process that changes one object and dies on the way: `python -m tests.helpers.putter PLACE OPERATION STEP WHEN`.

It runs a bucket's source and the object store over a real journal, as the daemon does. STEP names what it is killed before or after."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from router.buckets import staging
from router.buckets.facts import Caller, Metadata
from router.buckets.ledger import Recorder
from router.buckets.notes import Notes
from router.buckets.staging import Staged
from router.clock import SystemClock
from router.journal.base import Beside
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.model import Envelope, Outcome, Stream
from tests.helpers.bucket import BucketHouse
from tests.helpers.objects import BUCKET, EVERYTHING, Rig

STEPS: dict[str, tuple[Any, str]] = {
    "note": (Notes, "put"),
    "rename": (Staged, "publish"),
    "record": (Recorder, "created"),
    "unlink": (staging, "remove"),
    "forget": (Recorder, "removed"),
    "tags": (Recorder, "retagged"),
    "unmark": (Recorder, "unmarked"),
}
REMOVED = {"delete": "k", "unhide": ".h", "unfold": "folder/"}  # operation → key
OLD, NEW = b"old content", b"new content"
WHO = Caller("AWS:AIDAKILLED", "192.0.2.9")


class JournalOutlet:
    """What a source emits goes to a journal, and nobody runs it."""

    def __init__(self, journal: SqliteJournal) -> None:
        self.journal = journal

    async def emit(self, envelope: Envelope) -> None:
        """Durable on return."""
        await self.journal.append(envelope)

    async def emit_all(self, envelopes: Sequence[Envelope], beside: Beside | None = None) -> None:
        """Durable on return, with what is beside."""
        await self.journal.append_all(envelopes, beside)

    async def invoke(self, envelope: Envelope) -> Outcome:
        """Of a bucket's source nobody awaits an outcome: one that asks is broken."""
        raise AssertionError(f"a bucket's source invoked {envelope.function} instead of emitting")

    async def stream(self, envelope: Envelope) -> Stream:
        """As invoke()."""
        raise AssertionError(f"a bucket's source streamed {envelope.function} instead of emitting")


async def opened(place: Path) -> tuple[Database, JournalOutlet, BucketHouse]:
    """A house whose events are kept."""
    database = await Database.open(place / "store")
    outlet = JournalOutlet(await SqliteJournal.open(database, SystemClock()))
    return database, outlet, BucketHouse(place, database, outlet, wanted={"f": EVERYTHING})


def arm(step: str, when: str) -> None:
    """Have the process killed before or after the step, wherever it runs."""
    owner, name = STEPS[step]
    inner: Callable[..., Any] = getattr(owner, name)

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    async def awaited(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            die()
        result = await inner(*args, **kwargs)
        die()
        return result

    def called(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            die()
        result = inner(*args, **kwargs)
        die()
        return result

    setattr(owner, name, awaited if asyncio.iscoroutinefunction(inner) else called)


async def act(rig: Rig, operation: str) -> None:
    """Change the object `k`, which is there."""
    objects, said = rig.objects, Metadata({"content-type": "new/type"})
    if operation == "put":
        await rig.put("k", NEW, said, caller=WHO)
    elif operation == "hidden":
        await rig.put(".k", NEW, said, caller=WHO)
    elif operation == "copy":
        async with await objects.open(BUCKET, "source") as source:
            await objects.copy(source, BUCKET, "k", said, caller=WHO)
    elif operation in REMOVED:
        await objects.delete(BUCKET, REMOVED[operation], caller=WHO)
    elif operation == "tag":
        await objects.tag(BUCKET, "k", {"new": "tag"}, caller=WHO)
    else:
        (upload,) = (await objects.uploads(BUCKET)).uploads
        await objects.complete(BUCKET, "k", upload.upload_id, [await rig.part(upload, 1, NEW)], caller=WHO)


async def run(place: Path, operation: str, step: str, when: str) -> None:
    """Begin with an object that was told, then change it."""
    database, _, house = await opened(place)
    objects = await house.objects()
    async with house.running():
        rig = Rig(house, objects)
        for key in ("k", "source"):
            await rig.put(key, OLD if key == "k" else NEW, Metadata({"content-type": "old/type"}))
        if operation == "unhide":
            await rig.put(".h", OLD)
        if operation == "unfold":
            await rig.put("folder/")
        await objects.create_upload(BUCKET, "k", Metadata({"content-type": "new/type"}))
        arm(step, when)
        await act(rig, operation)
    await objects.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), *sys.argv[2:5]))
