"""Feeds whose function fails: retries, bisect, partial responses, age, destinations, lanes; over real databases, killed in between."""

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from router.config.types import Destination
from router.errors import TooManyRequests
from router.events.stream_batches import Rules
from router.model import Envelope, Outcome
from router.sources.feed_install import printed_uninstall
from router.sources.feed_sql import Names
from tests.helpers.clock import VirtualClock, settle
from tests.helpers.outlet import MemoryOutlet
from tests.unit.sources.feed_rig import Rig, copy, records, table, writer

ORDERS = "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, paid INTEGER)"
OK = Outcome(b"null")
FAILED = Outcome(b'{"errorMessage": "no"}', "Unhandled", "Exception")
LOST = Destination("queue", "lost")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


def keys(envelope: Envelope) -> list[int]:
    return [int(record["dynamodb"]["Keys"]["id"]["N"]) for record in records([envelope])]


def failing_on(*bad: int) -> Callable[[Envelope], Outcome]:
    return lambda envelope: FAILED if set(bad) & set(keys(envelope)) else OK


def insert(user: Any, numbers: range) -> None:
    user.execute("BEGIN")
    user.executemany("INSERT INTO orders VALUES (?, 'tea', 0)", [(number,) for number in numbers])
    user.execute("COMMIT")


async def lost(rig: Rig) -> list[dict[str, Any]]:
    return [json.loads(message.body) for message in await rig.queues.receive("lost", most=10, wait=0)]


async def test_a_batch_is_given_up_after_its_retries_and_the_next_one_goes_on(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop), answer=failing_on(2), batch_size=3, rules=Rules(retries=1), on_failure=LOST) as rig:
        await rig.caught_up()
        insert(user, range(1, 7))
        await rig.caught_up()
        assert [keys(envelope) for envelope in rig.outlet.invoked] == [[1, 2, 3], [1, 2, 3], [4, 5, 6]]
        (record,) = await lost(rig)
        assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
        assert record["requestContext"]["approximateInvokeCount"] == 2
        assert record["requestContext"]["functionArn"] == "arn:aws:lambda:us-east-1:123456789012:function:f"
        assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
        sequences = [one["dynamodb"]["SequenceNumber"] for one in records([rig.outlet.invoked[0]])]
        info = record["DDBStreamBatchInfo"]
        assert (info["startSequenceNumber"], info["endSequenceNumber"], info["batchSize"]) == (sequences[0], sequences[-1], 3)
        assert "payload" not in record, "of a bucket's records alone"
        assert info["streamArn"] == records([rig.outlet.invoked[0]])[0]["eventSourceARN"]
    user.close()


async def test_a_throttle_is_no_attempt(tmp_path: Path, shop: Path) -> None:
    user, refused = writer(shop, ORDERS), 0

    def answer(_: Envelope) -> Outcome:
        nonlocal refused
        if refused < 5:
            refused += 1
            raise TooManyRequests("ConcurrentInvocationLimitExceeded")
        return OK

    async with Rig(tmp_path, table(shop), answer=answer, rules=Rules(retries=0), on_failure=LOST) as rig:
        await rig.caught_up()
        insert(user, range(1, 3))
        await rig.caught_up()
        assert await lost(rig) == []
        assert len(rig.outlet.invoked) == 6
    user.close()


async def test_a_partial_response_moves_the_cursor_up_to_what_failed(tmp_path: Path, shop: Path) -> None:
    def answer(envelope: Envelope) -> Outcome:
        failures = [r["dynamodb"]["SequenceNumber"] for r in records([envelope]) if r["dynamodb"]["Keys"]["id"]["N"] == "3"]
        return Outcome(json.dumps({"batchItemFailures": [{"itemIdentifier": f} for f in failures]}).encode())

    user = writer(shop, ORDERS)
    rules = Rules(retries=2, partial=True, bisect=True)
    async with Rig(tmp_path, table(shop), answer=answer, rules=rules, on_failure=LOST) as rig:
        await rig.caught_up()
        insert(user, range(1, 6))
        await rig.caught_up()
        runs = [keys(envelope) for envelope in rig.outlet.invoked]
        assert runs[:2] == [[1, 2, 3, 4, 5], [3, 4, 5]]
        assert runs[-1] == [5]
        (record,) = await lost(rig)
        assert record["DDBStreamBatchInfo"]["batchSize"] == 1
        assert record["responseContext"]["functionError"] is None
    user.close()


async def test_what_a_partial_response_says_is_done_does_not_come_again_after_a_kill(tmp_path: Path, shop: Path) -> None:
    def answer(envelope: Envelope) -> Outcome:
        failures = [r["dynamodb"]["SequenceNumber"] for r in records([envelope]) if r["dynamodb"]["Keys"]["id"]["N"] == "3"]
        return Outcome(json.dumps({"batchItemFailures": [{"itemIdentifier": f} for f in failures]}).encode())

    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop), answer=answer, rules=Rules(partial=True)) as rig:
        await rig.caught_up()
        insert(user, range(1, 6))
        await rig.drive(lambda: len(rig.outlet.invoked) >= 2)
        await rig.kill()
    async with Rig(tmp_path, table(shop), rules=Rules(partial=True)) as rig:
        await rig.caught_up()
        assert [keys(envelope) for envelope in rig.outlet.invoked] == [[3, 4, 5]]
    user.close()


async def test_records_past_their_age_are_given_up(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    clock = VirtualClock(time.time())  # arrivals are told by the machine's own
    async with Rig(tmp_path, table(shop), answer=failing_on(1), clock=clock, rules=Rules(age=60), on_failure=LOST) as rig:
        await rig.caught_up()
        insert(user, range(1, 2))
        await rig.drive(lambda: rig.outlet.invoked)
        await rig.caught_up()
        (record,) = await lost(rig)
        assert record["requestContext"]["condition"] == "RecordAgeExceeded"
        assert record["requestContext"]["approximateInvokeCount"] == len(rig.outlet.invoked) > 1
    user.close()


async def test_a_mapping_begins_at_a_timestamp(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
        insert(user, range(1, 3))
        await rig.got(2)
    marks = Names.of("orders").outbox
    user.execute(f'UPDATE "{marks}" SET at = 1000000 WHERE seq = 1')
    user.execute(f'UPDATE "{marks}" SET at = 2000000 WHERE seq = 2')
    (tmp_path / "other").mkdir()
    async with Rig(tmp_path / "other", table(shop), since=1500.0) as rig:
        assert [short["dynamodb"]["Keys"]["id"]["N"] for short in await rig.got(1)] == ["2"]
    user.close()


async def test_a_poison_record_among_ten_thousand_is_isolated_and_the_others_are_handled_once_in_order(tmp_path: Path, shop: Path) -> None:
    """Killed now and then: what was under way then may come twice, nothing else."""
    poison, kills = 6_789, 4
    took: list[int] = []
    attempts: Counter[int] = Counter()

    def answer(envelope: Envelope) -> Outcome:
        found = keys(envelope)
        attempts.update(found)
        if poison in found:
            return FAILED
        took.extend(found)
        return OK

    user = writer(shop, ORDERS)
    trigger = {"batch_size": 100, "rules": Rules(bisect=True, retries=2), "on_failure": LOST}
    found = []
    for life in range(kills + 1):
        async with Rig(tmp_path, table(shop), answer=answer, **trigger) as rig:
            if not life:
                await rig.caught_up()
                insert(user, range(1, 10_001))
            if life < kills:
                goal = len(took) + 1_900
                await rig.drive(lambda goal=goal: len(took) >= goal or (poison in attempts and len(took) >= poison - 1), step=0.05)
                await rig.kill()
            else:
                await rig.caught_up()
                found = await lost(rig)
    user.close()
    assert set(took) == set(range(1, 10_001)) - {poison}
    doubled = len(took) - len(set(took))
    assert doubled <= kills * 100, "only a batch under way at a kill comes again"
    first = list(dict.fromkeys(took))
    assert first == sorted(first)
    (record,) = found
    assert record["DDBStreamBatchInfo"]["batchSize"] == 1
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3


# -- lanes


async def test_lanes_keep_the_order_of_each_key_and_run_beside_one_another(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    seen: dict[int, list[str]] = defaultdict(list)
    running = most = 0

    class Slow(MemoryOutlet):
        async def invoke(self, envelope: Envelope) -> Outcome:
            nonlocal running, most
            running += 1
            most = max(most, running)
            for _ in range(5):
                await asyncio.to_thread(bool)
            for record in records([envelope]):
                seen[int(record["dynamodb"]["Keys"]["id"]["N"])].append(
                    record["dynamodb"].get("NewImage", {}).get("paid", {}).get("N", "-")
                )
            running -= 1
            return await super().invoke(envelope)

    rig = Rig(tmp_path, table(shop), batch_size=3, parallelization_factor=4)
    rig.outlet = Slow()
    async with rig:
        await rig.caught_up()
        insert(user, range(1, 13))
        for paid in range(1, 4):
            user.execute("UPDATE orders SET paid = ?", (paid,))
        await rig.caught_up()
    assert seen == {number: ["0", "1", "2", "3"] for number in range(1, 13)}
    assert 1 < most <= 4
    user.close()


async def test_a_lane_that_fails_holds_up_its_own_keys_alone_and_a_kill_doubles_nothing_of_the_others(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    stuck = True

    def answer(envelope: Envelope) -> Outcome:
        return FAILED if stuck and 1 in keys(envelope) else OK

    async with Rig(tmp_path, table(shop), answer=answer, batch_size=2, parallelization_factor=4) as rig:
        await rig.caught_up()
        insert(user, range(1, 17))
        took = lambda: sorted(n for envelope in rig.outlet.invoked if answer(envelope) is OK for n in keys(envelope))  # noqa: E731
        await rig.drive(lambda: len(took()) >= 10)
        await rig.quiet()
        before = took()
        assert len(before) == len(set(before))
        assert 1 not in before
        await rig.kill()
    stuck = False
    async with Rig(tmp_path, table(shop), answer=answer, batch_size=2, parallelization_factor=4) as rig:
        await rig.caught_up()
        after = sorted(n for envelope in rig.outlet.invoked for n in keys(envelope))
    assert sorted(before + after) == list(range(1, 17))
    user.close()


async def test_another_number_of_lanes_forgets_nothing(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    for factor, numbers in ((3, range(1, 8)), (1, range(8, 12)), (5, range(12, 20))):
        async with Rig(tmp_path, table(shop), batch_size=2, parallelization_factor=factor) as rig:
            await rig.caught_up()
            insert(user, numbers)
            await rig.got(len(numbers))
            await rig.caught_up()
            await settle()
            assert sorted(n for envelope in rig.outlet.invoked for n in keys(envelope)) == list(numbers)
    user.close()


async def test_lanes_of_a_restored_database_have_done_nothing_of_it(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS, wal=False)
    failing = False

    def answer(envelope: Envelope) -> Outcome:
        return FAILED if failing and keys(envelope) != [101] else OK

    backup = apsw.Connection(str(tmp_path / "backup.db"))
    async with Rig(tmp_path, table(shop), answer=answer, batch_size=1, parallelization_factor=4) as rig:
        await rig.caught_up()
        insert(user, range(1, 2))
        await rig.got(1)
        copy(user.connection, backup)
        insert(user, range(2, 41))
        await rig.got(40)
        await rig.caught_up()
    copy(backup, user.connection)
    insert(user, range(101, 121))
    failing = True
    async with Rig(tmp_path, table(shop), answer=answer, batch_size=1, parallelization_factor=4) as rig:
        await rig.drive(lambda: len({n for envelope in rig.outlet.invoked for n in keys(envelope)}) >= 4)
        await rig.quiet()
    failing = False
    async with Rig(tmp_path, table(shop), answer=answer, batch_size=1, parallelization_factor=4) as rig:
        await rig.drive(lambda: {n for envelope in rig.outlet.invoked for n in keys(envelope)} >= set(range(102, 121)))
    backup.close()
    user.close()


async def test_a_stream_that_is_made_anew_waits_for_what_is_on_its_way_and_a_stop_waits_for_nothing(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    stuck = True

    def answer(envelope: Envelope) -> Outcome:
        return FAILED if stuck and 1 in keys(envelope) else OK

    feed = table(shop)
    async with Rig(tmp_path, feed, answer=answer, batch_size=2, parallelization_factor=4) as rig:
        await rig.caught_up()
        insert(user, range(1, 5))
        await rig.drive(lambda: any(1 in keys(envelope) for envelope in rig.outlet.invoked))
        user.execute(printed_uninstall(feed))
        await rig.quiet()  # installed anew by itself
        insert(user, range(11, 15))
        await rig.quiet()
        assert not any(11 in keys(envelope) for envelope in rig.outlet.invoked)
    stuck = False
    async with Rig(tmp_path, feed, answer=answer, batch_size=2, parallelization_factor=4) as rig:
        await rig.caught_up()
        assert {n for envelope in rig.outlet.invoked for n in keys(envelope)} >= {11, 12, 13, 14}
    user.close()
