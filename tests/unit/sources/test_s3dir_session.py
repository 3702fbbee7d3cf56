"""A bucket's session that ends while it still has something in hand."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from router.events import s3
from router.model import Envelope
from tests.helpers.bucket import until
from tests.helpers.clock import settle
from tests.helpers.objects import rig
from tests.helpers.outlet import MemoryOutlet


class Busy(MemoryOutlet):
    """Takes the first event when the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.asked = asyncio.Event(), 0

    async def emit_all(self, envelopes: Sequence[Envelope], beside: Any = None) -> None:
        self.asked += 1
        if self.asked == 1:
            await self.gate.wait()
        await super().emit_all(envelopes, beside)


async def test_what_is_put_after_a_reload_is_told_to_those_whose_triggers_are_in_force(tmp_path: Path) -> None:
    """The session of before may have a large file to read yet, for whoever was to be told when that came."""
    outlet = Busy()
    async with rig(tmp_path, outlet=outlet) as made:
        stop = asyncio.Event()
        former = asyncio.create_task(made.house.source().run(outlet, stop))
        await until(lambda: made.house.scans() > 0)
        (made.root / "a").write_bytes(b"x")
        await until(lambda: outlet.asked)
        made.house.wanted = {"g": s3.Filter(s3.PRODUCED)}
        stop.set()
        await settle()
        await made.put("b", b"y")
        outlet.gate.set()
        await former
        async with made.house.running():
            await until(lambda: len(outlet.emitted) > 1)
    told = [(one.function, one.payload.count(b'"key":"b"')) for one in outlet.emitted]
    assert told == [("f", 0), ("g", 1)]
