"""Who changes the same takes turns; who changes something else does not wait."""

import asyncio
import gc

from hypothesis import given
from hypothesis import strategies as st

from router.api.turns import Turns


@given(names=st.lists(st.sampled_from("abc"), max_size=12))
async def test_one_at_a_time_of_each_name_in_the_order_in_which_they_came(names: list[str]) -> None:
    turns, inside, seen, most = Turns(), list[str](), list[tuple[str, int]](), 0

    async def change(name: str, at: int) -> None:
        nonlocal most
        async with turns.of(name):
            assert name not in inside
            inside.append(name)
            most = max(most, len(inside))
            for _ in range(3):
                await asyncio.sleep(0)
            inside.remove(name)
            seen.append((name, at))

    await asyncio.gather(*(change(name, at) for at, name in enumerate(names)))
    assert most == len(set(names))
    for name in set(names):
        assert [at for of, at in seen if of == name] == [at for at, of in enumerate(names) if of == name]


async def test_nothing_is_kept_of_names_that_nobody_changes() -> None:
    turns = Turns()
    for number in range(100):
        async with turns.of(str(number)):
            pass
    gc.collect()
    assert not turns._turns
