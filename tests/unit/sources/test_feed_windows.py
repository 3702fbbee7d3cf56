"""Tumbling windows of a feed: the state goes from invocation to invocation, and through a restart."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from router.events.stream_batches import Rules
from router.model import Envelope, Outcome
from router.sources.feed_outbox import Head
from router.sources.feed_sql import Names
from tests.helpers.clock import VirtualClock
from tests.unit.sources.feed_rig import Rig, table, writer

ORDERS = "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, paid INTEGER)"
LENGTH = 60
FAILED = Outcome(b'{"errorMessage": "no"}', "Unhandled", "Exception")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


def clock() -> VirtualClock:
    """At the start of a minute, which the machine's own clock is in: it stamps arrivals."""
    return VirtualClock(time.time())


def event(envelope: Envelope) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(envelope.payload)
    return found


def summing(envelope: Envelope) -> Outcome:
    told = event(envelope)
    return Outcome(json.dumps({"state": {"sum": told["state"].get("sum", 0) + len(told["Records"])}}).encode())


def stamped(user: Any, at: float, *ids: int) -> None:
    """Rows that arrived at *at*."""
    for number in ids:
        user.execute("INSERT INTO orders VALUES (?, 'tea', 0)", (number,))
        user.execute(
            f'UPDATE "{Names.of("orders").outbox}" SET at = ? WHERE seq = (SELECT max(seq) FROM "{Names.of("orders").outbox}")',
            (int(at * 1000),),
        )


async def test_state_goes_on_and_a_window_that_is_over_has_a_last_invocation(tmp_path: Path, shop: Path) -> None:
    user, now = writer(shop, ORDERS), clock()
    base = now.now() // LENGTH * LENGTH
    async with Rig(tmp_path, table(shop), answer=summing, clock=now, batch_size=2, tumbling_window=LENGTH) as rig:
        await rig.caught_up()
        user.execute("BEGIN")
        stamped(user, base, 1, 2, 3)
        stamped(user, base + LENGTH, 4)
        user.execute("COMMIT")
        await rig.drive(lambda: len(rig.outlet.invoked) >= 4)
        told = [event(envelope) for envelope in rig.outlet.invoked[:4]]
        assert [(len(one["Records"]), one["state"], one["isFinalInvokeForWindow"]) for one in told] == [
            (2, {}, False),
            (1, {"sum": 2}, False),
            (0, {"sum": 3}, True),
            (1, {}, False),
        ]
        assert {one["isWindowTerminatedEarly"] for one in told} == {False}
        assert told[0]["window"] == told[2]["window"] != told[3]["window"]
        assert all(one["shardId"].startswith("shardId-") and ":table/orders/stream/" in one["eventSourceARN"] for one in told)
    async with Rig(tmp_path, table(shop), answer=summing, clock=now, batch_size=2, tumbling_window=LENGTH) as rig:
        await rig.drive(lambda: bool(rig.outlet.invoked), step=5.0)
        last = event(rig.outlet.invoked[0])
        assert (last["Records"], last["state"], last["isFinalInvokeForWindow"]) == ([], {"sum": 1}, True)
        assert now.now() >= base + 2 * LENGTH
        await rig.quiet()
        assert len(rig.outlet.invoked) == 1
    user.close()


async def test_a_result_without_state_is_a_failure(tmp_path: Path, shop: Path) -> None:
    user, now, answers = writer(shop, ORDERS), clock(), iter([Outcome(b"null"), Outcome(b'{"state": 3}')])

    def answer(envelope: Envelope) -> Outcome:
        return next(answers, None) or summing(envelope)

    async with Rig(tmp_path, table(shop), answer=answer, clock=now, tumbling_window=LENGTH) as rig:
        await rig.caught_up()
        stamped(user, now.now(), 1)
        await rig.drive(lambda: len(rig.outlet.invoked) >= 3)
        assert [len(event(envelope)["Records"]) for envelope in rig.outlet.invoked[:3]] == [1, 1, 1]
    user.close()


async def test_a_state_that_is_too_large_ends_its_window_early(tmp_path: Path, shop: Path) -> None:
    user, now = writer(shop, ORDERS), clock()

    def answer(envelope: Envelope) -> Outcome:
        return Outcome(json.dumps({"state": {"x": "y" * (1024 * 1024)}}).encode()) if event(envelope)["Records"] else Outcome(b"null")

    async with Rig(tmp_path, table(shop), answer=answer, clock=now, batch_size=1, tumbling_window=LENGTH) as rig:
        await rig.caught_up()
        base = now.now() // LENGTH * LENGTH
        user.execute("BEGIN")
        stamped(user, base, 1, 2)
        user.execute("COMMIT")
        await rig.drive(lambda: len(rig.outlet.invoked) >= 4)
        told = [event(envelope) for envelope in rig.outlet.invoked[:4]]
        assert [
            (len(one["Records"]), one["isFinalInvokeForWindow"], one["isWindowTerminatedEarly"], bool(one["state"])) for one in told
        ] == [
            (1, False, False, False),
            (0, True, True, True),
            (1, False, False, False),
            (0, True, True, True),
        ]
    user.close()


async def test_a_last_invocation_is_tried_as_often_as_others(tmp_path: Path, shop: Path) -> None:
    user, now = writer(shop, ORDERS), clock()

    def answer(envelope: Envelope) -> Outcome:
        return summing(envelope) if event(envelope)["Records"] else FAILED

    async with Rig(tmp_path, table(shop), answer=answer, clock=now, tumbling_window=LENGTH, rules=Rules(retries=2)) as rig:
        await rig.caught_up()
        base = now.now() // LENGTH * LENGTH
        stamped(user, base, 1)
        await rig.drive(lambda: len(rig.outlet.invoked) >= 4, step=5.0)
        await rig.quiet()
        stamped(user, base + 10 * LENGTH, 2)
        await rig.drive(lambda: len(rig.outlet.invoked) >= 5)
        told = [event(envelope) for envelope in rig.outlet.invoked]
        assert [(len(one["Records"]), one["isFinalInvokeForWindow"]) for one in told] == [
            (1, False),
            (0, True),
            (0, True),
            (0, True),
            (1, False),
        ]
        assert told[4]["state"] == {}
    user.close()


async def test_a_window_ends_without_another_record_also_where_batches_are_gathered(tmp_path: Path, shop: Path) -> None:
    user, now = writer(shop, ORDERS), clock()
    async with Rig(tmp_path, table(shop), answer=summing, clock=now, batch_window=2.0, tumbling_window=LENGTH) as rig:
        await rig.caught_up()
        base = now.now() // LENGTH * LENGTH
        user.execute("BEGIN")
        stamped(user, base, 1, 2)
        user.execute("COMMIT")
        await rig.drive(lambda: len(rig.outlet.invoked) >= 2, step=1.0)
        await rig.quiet()
        told = [event(envelope) for envelope in rig.outlet.invoked]
        assert [(len(one["Records"]), one["state"], one["isFinalInvokeForWindow"]) for one in told] == [
            (2, {}, False),
            (0, {"sum": 2}, True),
        ]
        at = now.now()  # of both: they are of one window, wherever the clock stands by now
        stamped(user, at, 3)
        await rig.quiet(0.5)
        stamped(user, at, 4)
        await rig.quiet(0.5)  # it is read before the batch's time is over
        await rig.drive(lambda: len(rig.outlet.invoked) >= 3)
        assert len(event(rig.outlet.invoked[2])["Records"]) == 2
    user.close()


async def test_a_record_that_comes_right_after_a_look_has_its_batch_s_time_too(
    tmp_path: Path, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, now = writer(shop, ORDERS), clock()
    async with Rig(tmp_path, table(shop), answer=summing, clock=now, batch_window=2.0, tumbling_window=LENGTH) as rig:
        await rig.caught_up()
        await now.advance(LENGTH - now.now() % LENGTH)  # the start of a window: it does not end in the middle
        reader = rig.source._feed._reader
        looked, to_come = reader.head, [1]

        async def head() -> Head:
            found = await looked()
            while to_come:
                stamped(user, now.now(), to_come.pop())
            return found

        monkeypatch.setattr(reader, "head", head)
        await rig.quiet(1.0)
        assert not rig.outlet.invoked
        stamped(user, now.now(), 2)
        await rig.drive(lambda: len(rig.outlet.invoked) >= 1)
        assert len(event(rig.outlet.invoked[0])["Records"]) == 2
    user.close()
