"""A message for more subscribers than one transaction holds: kept once, then each gets it once, whatever comes between."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from router.errors import JournalError, SourceError
from router.events.sns_rules import LARGEST, Message
from router.events.sqs import Attribute
from router.sources import topics
from tests.unit.api.aws.sns.rig import ARN, FUNCTION, Rig, rig

MANY = 1203
SUBSCRIPTIONS = {f"s{number}": {"queue": "jobs"} for number in range(MANY)}
WRITTEN = {
    "functions": {"g": FUNCTION},
    "topics": {
        "many": {"subscriptions": {**SUBSCRIPTIONS, "f": {"function": "g"}, "none": {"queue": "dead", "filter": {"kind": ["other"]}}}},
        "large": {"subscriptions": {f"s{number}": {"queue": "jobs"} for number in range(100)}},
        "few": {"subscriptions": {"f": {"function": "g", "dead_letter": {"queue": "dead"}}}},
        "twin": {"subscriptions": {f"s{number}": {"queue": "dead", "raw": True} for number in range(topics.SUBSCRIBERS)}},
    },
}
MESSAGE = Message(
    "hello", "subject", {"n": Attribute("Number", "7"), "b": Attribute("Binary", b"\0\xff")}, group="tenant", trace="Root=1-2-3"
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path, WRITTEN) as made:
        yield made


async def publish(house: Rig, topic: str = "many", message: Message = MESSAGE, beside: Any = None) -> str:
    return (await house.topics.publish(house.outlet, topic, message, beside)).message_id  # type: ignore[arg-type]


async def hand_on(house: Rig) -> bool:
    return await house.topics.hand_on(house.outlet)  # type: ignore[arg-type]


async def rows(house: Rig) -> int:
    return int((await house.database.read("SELECT count(*) FROM topic_backlog"))[0][0])


async def got(house: Rig, queue: str = "jobs") -> list[dict[str, Any]]:
    """What a queue has, looked up in the store."""
    sql = "SELECT body FROM queue_bodies JOIN queue_messages USING (id) WHERE queue = ? ORDER BY id"
    return [json.loads(row[0]) for row in await house.database.read(sql, queue)]


async def all_got(house: Rig, message_id: str) -> None:
    """Each subscriber has it, once."""
    found = await got(house)
    assert len({one["UnsubscribeURL"] for one in found}) == len(found) == MANY
    assert {(one["MessageId"], one["Message"], one["Subject"]) for one in found} == {(message_id, "hello", "subject")}
    assert await house.database.read("SELECT DISTINCT tenant FROM queue_bodies") == [("tenant",)]
    assert found[0]["MessageAttributes"] == {"n": {"Type": "Number", "Value": "7"}, "b": {"Type": "Binary", "Value": "AP8="}}
    assert [one["Records"][0]["Sns"]["MessageId"] for one in await house.events("g")] == [message_id]
    assert (await got(house, "dead"), await rows(house)) == ([], 0)


async def test_it_is_kept_and_then_everybody_has_it_once(house: Rig) -> None:
    done: list[str] = []
    message_id = await publish(house, beside=lambda _: done.append("beside"))
    assert (done, await rows(house), await got(house), house.topics.behind.is_set()) == (["beside"], 1, [], True)
    steps = 0
    while await hand_on(house):
        steps += 1
        assert len(await got(house)) <= steps * topics.SUBSCRIBERS
    assert steps == -(-(MANY + 1) // topics.SUBSCRIBERS)
    await all_got(house, message_id)


async def test_few_subscribers_have_it_when_it_is_published(house: Rig) -> None:
    await publish(house, "twin")
    assert len(await house.database.read("SELECT 1 FROM queue_messages WHERE queue = 'dead'")) == topics.SUBSCRIBERS
    assert not await hand_on(house)


async def test_a_function_that_gets_it_has_no_dead_letter(house: Rig) -> None:
    message_id = await publish(house, "few")
    assert [one["Records"][0]["Sns"]["MessageId"] for one in await house.events("g")] == [message_id]
    assert await got(house, "dead") == []


@pytest.mark.parametrize("region", ["eu-west-1", "af-south-1", "us-east-1"])
@pytest.mark.parametrize("steps", [0, 1, 2])
async def test_a_death_between_two_transactions_loses_and_doubles_nothing(tmp_path: Path, steps: int, region: str) -> None:
    """Nor does a config that has another region at the next start."""
    async with rig(tmp_path, WRITTEN) as house:
        message_id = await publish(house)
        for _ in range(steps):
            assert await hand_on(house)
    async with rig(tmp_path, {**WRITTEN, "region": region}) as house:
        while await hand_on(house):
            pass
        await all_got(house, message_id)


async def test_what_the_store_does_not_take_is_not_done(house: Rig) -> None:
    house.outlet.fail = True
    with pytest.raises(JournalError):
        await publish(house)
    house.outlet.fail = False
    assert not await hand_on(house)
    message_id = await publish(house)
    house.outlet.fail = True
    with pytest.raises(JournalError):
        await hand_on(house)
    house.outlet.fail = False
    assert await got(house) == []
    while await hand_on(house):
        pass
    await all_got(house, message_id)


async def test_a_transaction_holds_no_more_bytes_than_it_may(house: Rig) -> None:
    await publish(house, "large", Message("x" * LARGEST))
    before = 0
    while await hand_on(house):
        (count,) = (await house.database.read("SELECT sum(size), count(*) FROM queue_messages"))[0][:1]
        assert 0 < count - before <= topics.AT_ONCE
        before = count
    assert len(await house.database.read("SELECT 1 FROM queue_messages WHERE queue = 'jobs'")) == 100


async def test_a_topic_that_goes_takes_what_nobody_got_with_it(house: Rig) -> None:
    """Deleted, or taken out of config.yaml; and a row that is damaged holds nobody up."""
    await publish(house)
    await house.topics.forget("many")
    assert not await hand_on(house)
    await publish(house)
    house.topics.topics = {name: one for name, one in house.topics.topics.items() if name != "many"}
    assert await hand_on(house)
    await publish(house, "large", Message("x" * LARGEST))

    def damage(connection: apsw.Connection) -> None:
        connection.execute("UPDATE topic_backlog SET message = x'00'").fetchall()

    await house.database.transact(damage)
    assert await hand_on(house)
    assert not await hand_on(house)
    assert await got(house) == []


async def test_a_topic_that_is_made_anew_is_not_handed_what_the_former_had_left(house: Rig) -> None:
    arn = f"{ARN}again"
    made = {"subscriptions": SUBSCRIPTIONS}
    await house.fragments.put("topics", "again", made)
    await publish(house, "again")
    await house.call("DeleteTopic", TopicArn=arn)
    await house.fragments.put("topics", "again", made)
    assert not await hand_on(house)
    assert await got(house) == []


async def test_the_source_hands_on_until_it_is_stopped(house: Rig) -> None:
    stop = asyncio.Event()
    message_id = await publish(house)
    task = asyncio.create_task(house.source.run(house.outlet, stop))  # type: ignore[arg-type]
    async with asyncio.timeout(20):
        while len(await got(house)) < MANY or await rows(house):
            await asyncio.sleep(0)
        await all_got(house, message_id)
        await publish(house)
        while len(await got(house)) < 2 * MANY or await rows(house):
            await asyncio.sleep(0)
        stop.set()
        await task
        await publish(house)
        house.outlet.fail = True
        with pytest.raises(SourceError):
            await house.source.run(house.outlet, asyncio.Event())  # type: ignore[arg-type]
    assert await rows(house) == 1
