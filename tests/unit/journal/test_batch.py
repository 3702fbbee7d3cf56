"""Small calls as one unit, against a store that runs when the test says so."""

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import JournalError, LeaseLost, RouterError
from router.journal import batch as module
from router.journal.batch import UNIT_ITEMS, Batcher
from router.journal.database import Database
from tests.helpers.clock import settle
from tests.unit.journal.held import Held


class Rig:
    """A Batcher that doubles numbers and loses the lease of negative ones."""

    def __init__(self, *, patient: bool = False) -> None:
        self.store = Held()
        self.batches: list[list[int]] = []
        self.landed: list[tuple[int, int]] = []
        self.batcher: Batcher[int, int] = Batcher(cast("Database", self.store), self._run, self._land, patient=patient)

    def _land(self, item: int, answer: int) -> None:
        self.landed.append((item, answer))

    def _run(self, _: Any, batch: Sequence[int]) -> list[int | RouterError]:
        self.batches.append([*batch])
        return [2 * item if item >= 0 else LeaseLost(str(item)) for item in batch]

    def do(self, *items: int, size: int = 0) -> list[asyncio.Task[int]]:
        return [asyncio.create_task(self.batcher.do(item, size)) for item in items]


async def test_what_comes_while_a_unit_waits_joins_it_in_the_order_of_the_calls() -> None:
    rig = Rig()
    tasks = rig.do(1, 2, 3)
    await settle()
    assert len(rig.store.units) == 1
    rig.store.run()
    assert [await task for task in tasks] == [2, 4, 6]
    assert rig.batches == [[1, 2, 3]]
    assert rig.landed == [(1, 2), (2, 4), (3, 6)]


async def test_one_that_is_refused_refuses_nobody_else() -> None:
    rig = Rig()
    tasks = rig.do(1, -1, 2)
    await settle()
    rig.store.run()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, LeaseLost, int]
    assert rig.landed == [(1, 2), (2, 4)]


@pytest.mark.parametrize("begun", [True, False])
async def test_a_unit_that_fails_fails_all_its_items_alike_and_the_next_begins_anew(*, begun: bool) -> None:
    """Whether it ran and could not be synced, or the store was down and it never began."""
    rig = Rig()
    tasks = rig.do(1, 2)
    await settle()
    rig.store.fail(OSError("no disk"), begun=begun)
    for answer in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(answer, JournalError)
        assert "no disk" in str(answer)
    assert rig.landed == []
    (task,) = rig.do(3)
    await settle()
    rig.store.run()
    assert await task == 6


async def test_a_store_that_takes_nothing_is_told_to_all() -> None:
    rig = Rig()
    rig.store.fault = JournalError("closed")
    with pytest.raises(JournalError, match="closed"):
        await rig.batcher.do(1)
    rig.store.fault = None
    (task,) = rig.do(2)
    await settle()
    rig.store.run()
    assert await task == 4


async def test_a_caller_that_is_cancelled_leaves_its_item_to_be_done() -> None:
    rig = Rig()
    (task,) = rig.do(1)
    await settle()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    rig.store.run()
    assert rig.landed == [(1, 2)]


async def test_more_than_fits_into_a_unit_goes_into_the_next() -> None:
    rig = Rig()
    tasks = rig.do(*range(UNIT_ITEMS + 5))
    await settle()
    rig.store.run()
    assert [len(batch) for batch in rig.batches] == [UNIT_ITEMS, 5]
    assert [await task for task in tasks] == [2 * n for n in range(UNIT_ITEMS + 5)]


async def test_large_items_share_no_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNIT_BYTES", 100)
    rig = Rig()
    tasks = rig.do(1, 2, 3, size=60)
    await settle()
    rig.store.run()
    assert [await task for task in tasks] == [2, 4, 6]
    assert rig.batches == [[1, 2], [3]]


async def test_memory_is_bounded_and_free_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_BYTES", 100)
    rig = Rig()
    tasks = rig.do(1, 2, size=60)
    await settle()
    rig.store.run()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, JournalError]
    (task,) = rig.do(3, size=1000)  # alone, anything may pass
    await settle()
    rig.store.run()
    assert await task == 6


async def test_what_is_posted_waits_for_company_and_comes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER", 3600.0)
    rig = Rig()
    rig.batcher.post(1)
    await settle()
    assert not rig.store.units
    (task,) = rig.do(2)
    await settle()
    rig.store.run()
    assert await task == 4
    assert rig.batches == [[1, 2]]


@pytest.mark.parametrize("patient", [True, False])
async def test_a_batch_is_as_patient_as_its_items_and_what_follows_it_waits_no_more(*, patient: bool) -> None:
    rig = Rig(patient=patient)
    tasks = rig.do(*range(UNIT_ITEMS + 1))
    await settle()
    rig.store.run()
    await asyncio.gather(*tasks)
    assert rig.store.patient == [patient, False]


async def test_a_flush_has_done_what_was_posted() -> None:
    rig = Rig()
    for number in range(UNIT_ITEMS + 1):
        rig.batcher.post(number)
    await rig.batcher.flush()
    assert [*chain.from_iterable(rig.batches)] == [*range(UNIT_ITEMS + 1)]
    assert len(rig.landed) == UNIT_ITEMS + 1
    await rig.batcher.flush()
    assert len(rig.landed) == UNIT_ITEMS + 1


calls = st.lists(
    st.one_of(st.tuples(st.sampled_from(["do", "post"]), st.integers(-5, 1000)), st.tuples(st.sampled_from(["run", "fail"]), st.just(0)))
)


@given(calls=calls)
def test_whatever_happens_each_item_is_answered_once_and_in_its_turn(calls: list[tuple[str, int]]) -> None:
    """What a failed unit held has failed; all else has landed once, in the order of the calls."""

    async def run() -> None:
        rig = Rig()
        tasks: list[asyncio.Task[int]] = []
        sent: list[int] = []
        for number, (call, item) in enumerate(calls):
            unique = item * 1000 + number
            if call == "do":
                tasks += rig.do(unique)
                sent.append(unique)
            elif call == "post":
                rig.batcher.post(unique)
                sent.append(unique)
            elif rig.store.units:
                rig.store.run() if call == "run" else rig.store.fail(OSError("no disk"))
            await asyncio.sleep(0)
        await rig.batcher.flush()
        rig.store.run()
        assert [*chain.from_iterable(rig.batches)] == sent
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(answer, int | JournalError | LeaseLost) for answer in answers)
        landed = [item for item, _ in rig.landed]
        assert landed == [item for item in sent if item in {*landed}]
        assert len({*landed}) == len(landed)

    asyncio.run(run())
