"""A reload takes a queue out of the config while the router is at work on it: nothing ends, nothing is lost."""

from pathlib import Path

import pytest

from router.config.types import Destination, Queue
from router.events.sqs_errors import QueueDoesNotExist
from router.events.sqs_rules import New
from router.journal.database import Database
from router.queues.outbox import Outbox
from router.queues.store import Queues
from router.queues.units import Settled, Wanted
from tests.helpers.clock import VirtualClock


async def test_what_is_under_way_is_finished(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "store.db")
    queues = await Queues.open(database, VirtualClock(), {"q": Queue("q", max_message_size=2048)}, region="r", account="1")
    outbox = await Outbox.open(database, queues)
    for text in ("a", "b"):
        await queues.send("q", [New(text)])
    one, other = (await queues.take("q", Wanted(2, 30, "f"))).messages
    queues.adopt({})
    assert outbox.room(Destination("queue", "q")) == 2048
    assert outbox.room(Destination("queue", "never.fifo")) > 0
    await queues.extend("q", [other.handle], 30, "f")
    assert await queues.settle("q", [Settled(one.handle), Settled(other.handle, 0.0)]) == [None, None]
    await queues.expire("q")
    assert await queues.left_behind() == {"q": 1}
    for call in (queues.receive("q"), queues.delete("q", [one.handle]), queues.count("q")):
        with pytest.raises(QueueDoesNotExist):
            await call
    await database.close()
