"""Killed with SIGKILL right before and right after each step of a change: the object is the former or the latter, whole, with what was
said of it, and each version that ever stood there was told once, by its name.

The step that decides is the rename (Staged.publish), or the unlink: before it nothing happened, after it everything did."""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.buckets.object_errors import NoSuchKey
from router.journal.base import Query
from tests.helpers.house import ROOT
from tests.helpers.objects import BUCKET, Rig
from tests.helpers.putter import NEW, OLD, REMOVED, JournalOutlet, act, opened

NAMES = {
    "put": "ObjectCreated:Put",
    "hidden": "ObjectCreated:Put",
    "copy": "ObjectCreated:Copy",
    "complete": "ObjectCreated:CompleteMultipartUpload",
    "tag": "ObjectTagging:Put",
    **dict.fromkeys(REMOVED, "ObjectRemoved:Delete"),
}
CREATING = [
    (operation, step, when)
    for operation in ("put", "copy", "complete", "hidden")
    for step, when in (("note", "before"), ("note", "after"), ("rename", "before"), ("rename", "after"), ("record", "after"))
]
REMOVING = [(operation, step, when) for operation in ("delete", "unhide") for step in ("unlink", "forget") for when in ("before", "after")]
RECORDING = [(operation, step, when) for operation, step in (("tag", "tags"), ("unfold", "unmark")) for when in ("before", "after")]
NOT_DONE = {("note", "before"), ("note", "after"), ("rename", "before"), ("unlink", "before"), ("tags", "before"), ("unmark", "before")}

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120)]


async def events(outlet: JournalOutlet) -> list[Any]:
    """The records of all events that were accepted, newest last."""
    rows = await outlet.journal.list(Query(limit=1000))
    details = [await outlet.journal.find(row.id) for row in reversed(rows)]
    return [orjson.loads(detail.payload or b"")["Records"][0] for detail in details]


@pytest.mark.parametrize(("operation", "step", "when"), CREATING + REMOVING + RECORDING)
async def test_killed_at_any_step(tmp_path: Path, operation: str, step: str, when: str) -> None:
    command = [sys.executable, "-m", "tests.helpers.putter", str(tmp_path), operation, step, when]
    died = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    done = (step, when) not in NOT_DONE
    there = {"unhide": [".h"], "unfold": ["folder/"]}.get(operation, [])  # beside k and source

    database, outlet, house = await opened(tmp_path)
    objects = await house.objects()
    await objects.sweep()
    async with house.running():
        await reaches(outlet, 2 + len(there) + done)
        (house.root / "mark").write_bytes(b"")  # told when everything before it was looked at
        await reaches(outlet, 3 + len(there) + done)
        rig, key = Rig(house, objects), ".k" if operation == "hidden" else REMOVED.get(operation, "k")
        await judge(rig, operation, key, done=done)
        told = [(one["eventName"], one["s3"]["object"]["key"]) for one in await events(outlet)]
        wanted = [("ObjectCreated:Put", name) for name in ("k", "source", "mark", *there)]
        assert Counter(told) == Counter(wanted + [(NAMES[operation], key)] * done)
        if done and operation not in REMOVED:
            (mine,) = [one for one in await events(outlet) if one["userIdentity"]["principalId"] == "AWS:AIDAKILLED"]
            assert mine["requestParameters"]["sourceIPAddress"] == "192.0.2.9"
        assert not list((house.root / ".router").glob("put-*"))
        if not done:
            await act(rig, operation)
            await judge(rig, operation, key, done=True)
            assert len(await events(outlet)) == 4 + len(there)
    await objects.close()
    await database.close()


async def reaches(outlet: JournalOutlet, count: int) -> None:
    """Wait until so many events were accepted."""
    async with asyncio.timeout(20):
        while len(await events(outlet)) < count:
            await asyncio.sleep(0.02)


async def judge(rig: Rig, operation: str, key: str, *, done: bool) -> None:
    """The object is wholly the one or the other."""
    if done == (operation in REMOVED) and operation in {*REMOVED, "hidden"}:
        with pytest.raises(NoSuchKey):
            await rig.get(key)
        assert key not in await rig.keys()
        return
    found = await rig.objects.head(BUCKET, key)
    assert key in await rig.keys()
    if operation in {"tag", "unhide", "unfold"}:
        assert found.metadata.tags == ({"new": "tag"} if operation == "tag" and done else {})
        return
    assert await rig.get(key) == (NEW if done else OLD)
    assert found.content_type == ("new/type" if done else "old/type")
    assert found.etag.endswith("-1") == (done and operation == "complete")
