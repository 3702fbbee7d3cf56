"""Queues as their users see them; the model test (tests/conformance/test_queue_model.py) covers the order of things."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.errors import JournalError
from router.events.sqs import Attribute
from router.events.sqs_errors import BatchRequestTooLong, PurgeQueueInProgress, QueueDoesNotExist
from router.events.sqs_rules import New
from router.queues.rows import DAMAGED
from router.queues.units import Settled, Wanted
from tests.helpers.asker import Asker
from tests.helpers.clock import VirtualClock, settle
from tests.unit.queues.rig import Rig, code, rig


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made


async def test_a_message_comes_back_as_it_was_sent(house: Rig) -> None:
    attributes = {
        "n": Attribute("Number.int", "7"),
        "raw": Attribute("Binary", bytes(range(256))),
        "t": Attribute("String", "\u00e9\U0001f600"),
    }
    sent = await house.sent("jobs", "body \u00e9 \U0001f600\t\n", attributes=attributes, trace="Root=1-2-3")
    (message,) = await house.queues.receive("jobs", wait=0)
    assert (message.id, message.body, message.attributes, message.trace) == (
        sent.message_id,
        "body \u00e9 \U0001f600\t\n",
        attributes,
        "Root=1-2-3",
    )
    assert (message.receives, message.sender, message.fifo) == (1, "123456789012", None)
    assert message.sent == message.first_received == int(house.clock.now() * 1000)


async def test_a_standard_queue_keeps_a_message_s_group_and_neither_orders_nor_deduplicates_by_it(house: Rig) -> None:
    for body in ("a", "a", "b"):
        await house.sent("jobs", body, group="tenant")
    got = await house.queues.receive("jobs", most=10, wait=0)
    assert [(message.body, message.group, message.fifo) for message in got] == [(body, "tenant", None) for body in ("a", "a", "b")]
    one = await house.queues.receive("jobs", wait=0)
    assert one == []
    (answer,) = await house.queues.send("jobs", [New("x", group="tenant", deduplication="d")])
    assert code(answer) == "InvalidParameterValue"  # type: ignore[arg-type]


async def test_a_group_goes_with_its_message_to_the_dead_letter_queue_and_back(house: Rig) -> None:
    await house.sent("jobs", "poison", group="tenant")
    for _ in range(3):
        await house.bodies("jobs", visibility=0)
    (letter,) = await house.queues.receive("dead", wait=0, visibility=0)
    await house.moves.start("dead")
    await house.moves.step()
    (back,) = await house.queues.receive("jobs", wait=0)
    assert (letter.group, back.body, back.group) == ("tenant", "poison", "tenant")


async def test_messages_of_a_store_that_knew_no_groups_of_standard_queues_have_none(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        await made.sent("jobs", "old")
        for sql in ("ALTER TABLE queue_bodies DROP COLUMN tenant", "UPDATE schema_steps SET steps = 1 WHERE component = 'queues'"):
            await made.database.transact(lambda connection, sql=sql: connection.execute(sql).fetchall())  # type: ignore[misc]
    async with rig(tmp_path) as made:
        await made.sent("jobs", "new", group="tenant")
        got = await made.queues.receive("jobs", most=10, wait=0)
        assert [(message.body, message.group) for message in got] == [("old", ""), ("new", "tenant")]


async def test_a_received_message_is_hidden_until_its_timeout(house: Rig) -> None:
    await house.sent("jobs")
    assert await house.bodies("jobs") == ["x"]
    await house.clock.advance(29.9)
    assert await house.bodies("jobs") == []
    await house.clock.advance(0.2)
    (message,) = await house.queues.receive("jobs", wait=0)
    assert message.receives == 2
    assert message.first_received == message.sent


async def test_a_long_poll_ends_with_a_send(house: Rig) -> None:
    waiting = asyncio.create_task(house.queues.receive("jobs", wait=20))
    while not house.clock.sleepers:
        await asyncio.sleep(0)
    await house.sent("jobs", "now")
    assert [message.body for message in await waiting] == ["now"]


async def test_who_has_left_gets_no_message_and_costs_none_a_receive(house: Rig) -> None:
    leaver, other = Asker(), Asker()
    waiting = [asyncio.create_task(house.queues.receive("jobs", wait=20, client=client)) for client in (leaver, other)]
    while house.clock.sleepers < 2:
        await asyncio.sleep(0)
    leaver.left = True
    await house.sent("jobs", "now")
    none, (message,) = await asyncio.gather(*waiting)
    assert (none, message.body, message.receives) == ([], "now", 1)


async def test_who_has_left_buries_nothing(house: Rig) -> None:
    await house.sent("jobs", "poison")
    for _ in range(2):
        await house.bodies("jobs", visibility=0)
    gone = Asker()
    gone.left = True
    assert await house.queues.receive("jobs", wait=20, client=gone) == []
    assert (await house.queues.count("dead")).messages == 0


async def test_a_long_poll_sees_a_delayed_message_when_it_is_due_and_gives_up_after_its_wait(house: Rig) -> None:
    await house.sent("patient", "later")
    waiting = asyncio.create_task(house.queues.receive("patient"))
    while not house.clock.sleepers:
        await asyncio.sleep(0)
    await house.clock.advance(1.0)
    assert [message.body for message in await waiting] == ["later"]
    again = asyncio.create_task(house.queues.receive("patient"))
    for _ in range(6):
        while not house.clock.sleepers and not again.done():
            await asyncio.sleep(0)
        await house.clock.advance(1.0)
    assert await again == []


async def test_a_batch_is_judged_message_by_message(house: Rig) -> None:
    messages = [New("good"), New("bad \x00"), New("x" * 2000), New("y" * 1024), New("told apart", deduplication="d")]
    answers = await house.queues.send("short", messages)
    assert [code(answer) for answer in answers] == ["", "InvalidMessageContents", "InvalidParameterValue", "", "InvalidParameterValue"]
    assert sorted(await house.bodies("short")) == ["good", "y" * 1024]


async def test_a_batch_that_is_too_large_in_all_is_refused(house: Rig) -> None:
    with pytest.raises(BatchRequestTooLong):
        await house.queues.send("jobs", [New("x" * 600_000), New("y" * 600_000)])
    assert await house.bodies("jobs") == []


async def test_what_is_no_queue_is_told(house: Rig) -> None:
    for call in (
        house.queues.send("other", [New("x")]),
        house.queues.receive("other"),
        house.queues.purge("other"),
        house.queues.count("other"),
    ):
        with pytest.raises(QueueDoesNotExist, match="specified queue does not exist"):
            await call


async def test_handles_go_stale(house: Rig) -> None:
    await house.sent("jobs")
    (first,) = await house.queues.receive("jobs", wait=0, visibility=1)
    await house.clock.advance(1)
    (second,) = await house.queues.receive("jobs", wait=0)
    assert first.handle != second.handle
    assert await house.queues.delete("jobs", [first.handle]) == [None]
    assert (await house.queues.count("jobs")).messages == 1
    assert await house.queues.delete("jobs", [second.handle, second.handle]) == [None, None]
    assert (await house.queues.count("jobs")).messages == 0


async def test_a_standard_queue_takes_a_change_of_visibility_that_comes_late(house: Rig) -> None:
    """Recorded of AWS: after the visibility timeout, and under the handle of an earlier receive."""
    await house.sent("jobs")
    (first,) = await house.queues.receive("jobs", wait=0, visibility=1)
    await house.clock.advance(1)
    assert await house.queues.change_visibility("jobs", [(first.handle, 5)]) == [None]
    await house.clock.advance(4)
    assert await house.bodies("jobs") == [], "it is hidden again"
    await house.clock.advance(1)
    assert await house.bodies("jobs") == ["x"]
    assert await house.queues.change_visibility("jobs", [(first.handle, 0)]) == [None]
    assert (await house.queues.count("jobs")).visible == 1, "the handle of the first receive frees what the second one hid"


async def test_a_fifo_queue_refuses_a_change_of_visibility_that_comes_late(house: Rig) -> None:
    await house.sent("line.fifo", group="g")
    (first,) = await house.queues.receive("line.fifo", wait=0, visibility=1)
    await house.clock.advance(1)
    assert code((await house.queues.change_visibility("line.fifo", [(first.handle, 5)]))[0]) == "MessageNotInflight"


@pytest.mark.parametrize("handle", ["", "x", "MQ==", "\u00e9", "MQpqb2JzCjk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTkKeA==", "MQpqb2JzCi0xCng="])
async def test_what_is_no_handle_is_told(house: Rig, handle: str) -> None:
    assert [code(answer) for answer in await house.queues.delete("jobs", [handle])] == ["ReceiptHandleIsInvalid"]


async def test_a_handle_is_good_in_its_own_queue_alone(house: Rig) -> None:
    await house.sent("jobs")
    (message,) = await house.queues.receive("jobs", wait=0)
    assert [code(answer) for answer in await house.queues.delete("dead", [message.handle])] == ["ReceiptHandleIsInvalid"]


async def test_nobody_holds_a_message_longer_than_twelve_hours(house: Rig) -> None:
    await house.sent("jobs")
    (message,) = await house.queues.receive("jobs", wait=0, visibility=43_200)
    await house.clock.advance(10)
    (answer,) = await house.queues.change_visibility("jobs", [(message.handle, 43_195)])
    assert code(answer) == "InvalidParameterValue"
    assert "beyond the limit" in str(answer)


async def test_a_fifo_handle_expires_with_its_visibility(house: Rig) -> None:
    await house.sent("line.fifo", group="g")
    (message,) = await house.queues.receive("line.fifo", wait=0, visibility=1)
    await house.clock.advance(2)
    (answer,) = await house.queues.delete("line.fifo", [message.handle])
    assert "The receipt handle has expired" in str(answer)


async def test_a_fifo_queue_knows_a_duplicate_for_five_minutes_also_after_a_restart(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with rig(tmp_path, clock) as house:
        first = await house.sent("line.fifo", "same", group="g")
        assert await house.sent("line.fifo", "same", group="h") == first
    await clock.advance(299)
    async with rig(tmp_path, clock) as house:
        assert await house.sent("line.fifo", "same", group="g") == first
        await clock.advance(2)
        second = await house.sent("line.fifo", "same", group="g")
        assert second.sequence > first.sequence
        assert len(first.sequence) == len(second.sequence) == 20


async def test_a_message_received_too_often_moves_and_keeps_its_id_and_count(house: Rig) -> None:
    sent = await house.sent("jobs", "poison")
    for _ in range(2):
        assert await house.bodies("jobs") == ["poison"]
        await house.clock.advance(30)
    assert await house.bodies("jobs") == []
    (dead,) = await house.queues.receive("dead", wait=0)
    assert (dead.id, dead.receives) == (sent.message_id, 3)
    assert dead.dead_letter_source == "arn:aws:sqs:eu-west-1:123456789012:jobs"
    assert (await house.queues.count("jobs")).messages == 0


async def test_who_waits_for_the_dead_letter_queue_sees_it_come(house: Rig) -> None:
    await house.sent("jobs", "poison")
    waiting = asyncio.create_task(house.queues.receive("dead", wait=20))
    for _ in range(3):
        await house.bodies("jobs", visibility=0)
    assert [message.body for message in await waiting] == ["poison"]


async def test_old_messages_are_neither_received_nor_kept(house: Rig) -> None:
    await house.sent("short", "old")
    await house.clock.advance(59)
    await house.sent("short", "new")
    await house.clock.advance(2)
    assert await house.queues.expire("short") == 1
    assert await house.bodies("short") == ["new"]
    await house.clock.advance(120)
    assert await house.bodies("short") == []
    assert (await house.queues.count("short")).messages == 0


async def test_a_purge_takes_what_is_held_too_and_comes_once_a_minute(house: Rig) -> None:
    for number in range(150):
        await house.sent("jobs", str(number))
    await house.bodies("jobs")
    assert await house.queues.purge("jobs") == 150
    with pytest.raises(PurgeQueueInProgress):
        await house.queues.purge("jobs")
    await house.clock.advance(60)
    assert await house.queues.purge("jobs") == 0


async def test_a_restart_frees_what_a_mapping_held_and_nothing_else(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with rig(tmp_path, clock) as house:
        await house.sent("jobs", "mapped")
        (mapped,) = (await house.queues.take("jobs", Wanted(1, 600, "f"))).messages
        await house.sent("jobs", "outside")
        assert await house.bodies("jobs", visibility=600) == ["outside"]
        await house.sent("line.fifo", "grouped", group="g")
        await house.queues.take("line.fifo", Wanted(1, 600, "f"))
    async with rig(tmp_path, clock) as house:
        assert await house.bodies("jobs") == ["mapped"]
        assert await house.bodies("line.fifo") == []  # received once, as often as it may be
        assert await house.queues.delete("jobs", [mapped.handle]) == [None]
        assert (await house.queues.count("jobs")).messages == 2  # the handle of the dead instance is stale


async def test_what_was_never_handed_on_was_not_received(house: Rig) -> None:
    await house.sent("jobs")
    (message,) = (await house.queues.take("jobs", Wanted(1, 600, "f"))).messages
    assert await house.queues.settle("jobs", [Settled(message.handle, 0, uncounted=True)]) == [None]
    (again,) = await house.queues.receive("jobs", wait=0)
    assert again.receives == 1


async def test_a_take_stops_at_its_limit_of_bytes(house: Rig) -> None:
    for number in range(4):
        await house.sent("jobs", str(number) * 100)
    assert len((await house.queues.take("jobs", Wanted(10, 30, "f", limit=250))).messages) == 2
    assert len((await house.queues.take("jobs", Wanted(10, 30, "f", limit=50))).messages) == 1


@pytest.mark.parametrize(
    "damage", ["UPDATE queue_bodies SET body = 'other'", "UPDATE queue_bodies SET attributes = '{}'", "DELETE FROM queue_bodies"]
)
async def test_a_damaged_message_goes_to_nobody(house: Rig, damage: str) -> None:
    await house.sent("jobs", attributes={"a": Attribute("String", "b")})
    await house.database.write(damage)
    assert await house.bodies("jobs") == []
    assert await house.queues.left_behind() == {DAMAGED: 1}


async def test_a_full_disk_refuses_sends_and_lets_deletes_through(house: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.sent("jobs")
    (message,) = await house.queues.receive("jobs", wait=0)
    monkeypatch.setattr(type(house.database), "short_of_space", True)
    with pytest.raises(JournalError, match="free some space"):
        await house.sent("jobs")
    assert await house.queues.delete("jobs", [message.handle]) == [None]


async def test_a_caller_who_went_away_leaves_the_others_told(house: Rig) -> None:
    waiting = asyncio.create_task(house.queues.receive("jobs", wait=20))
    while not house.clock.sleepers:
        await asyncio.sleep(0)
    sending = asyncio.create_task(house.sent("jobs"))
    await settle(2)
    sending.cancel()
    assert [message.body for message in await waiting] == ["x"]


async def test_counts(house: Rig) -> None:
    await house.sent("jobs", "abc")
    await house.sent("jobs", "de", delay=5)
    await house.sent("jobs", "f")
    await house.clock.advance(1)
    await house.bodies("jobs", most=1)
    count = await house.queues.count("jobs")
    assert (count.messages, count.in_flight, count.delayed, count.visible, count.size, count.oldest) == (3, 1, 1, 1, 6, 1.0)
