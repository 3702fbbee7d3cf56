"""One at a time has a key; what was seen before a change counts no more."""

import asyncio

import pytest

from router.buckets.holds import Holds


async def test_who_changes_a_key_waits_for_his_turn() -> None:
    holds, order = Holds(), list[str]()

    async def change(name: str) -> None:
        async with holds.changing("k"):
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    await asyncio.gather(*(change(name) for name in "abc"))
    assert order == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]


async def test_a_looker_does_not_wait() -> None:
    holds = Holds()
    async with holds.changing("k"):
        assert not holds.take("k", holds.turn)
        assert holds.take("other", holds.turn)
        assert not holds.take("other", holds.turn)
        holds.give_back("other")
        assert holds.take("other", holds.turn)


async def test_what_was_seen_before_a_change_is_nothing_to_go_by() -> None:
    holds = Holds()
    seen = holds.turn
    async with holds.changing("k"):
        pass
    assert not holds.take("k", seen)
    assert holds.take("k", holds.turn)
    assert holds.take("other", seen)


async def test_changes_that_are_forgotten_count_for_every_key() -> None:
    holds = Holds(remembered=2)
    seen = holds.turn
    for key in "abc":
        async with holds.changing(key):
            pass
    assert not holds.take("never changed", seen)
    assert holds.take("never changed", holds.turn)


async def test_a_looker_hands_on_to_who_waits() -> None:
    holds = Holds()
    assert holds.take("k", 0)
    waiting = asyncio.create_task(holds._acquire("k"))
    await asyncio.sleep(0)
    assert not waiting.done()
    holds.give_back("k")
    await waiting
    assert not holds.take("k", holds.turn)


@pytest.mark.parametrize("late", [False, True])
async def test_one_who_no_longer_waits_holds_up_nobody(late: bool) -> None:
    """Also when his turn comes in the moment he leaves."""
    holds = Holds()
    assert holds.take("k", 0)
    first, second = (asyncio.create_task(holds._acquire("k")) for _ in range(2))
    await asyncio.sleep(0)
    if late:
        holds.give_back("k")
    first.cancel()
    if not late:
        await asyncio.sleep(0)
        holds.give_back("k")
    await asyncio.wait([first])
    async with asyncio.timeout(5):
        await second
    assert first.cancelled()
