"""Who ends for whom."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Limits
from router.runtime.capacity import Capacity, Idle

SIZES = st.lists(st.integers(128, 10240), max_size=12)


def filled(limits: Limits, *sizes: int) -> Capacity:
    capacity = Capacity(limits)
    for size in sizes:
        capacity.hold(size)
    return capacity


def test_nobody_ends_while_there_is_room() -> None:
    assert filled(Limits(concurrency=3, memory=512), 128, 128).victims([Idle("a", 128), Idle("b", 128)], 256, 0) == []


def test_the_least_recently_used_end_first() -> None:
    capacity = filled(Limits(concurrency=9, memory=512), 128, 128, 128)
    assert capacity.victims([Idle("a", 128), Idle("b", 128), Idle("c", 128)], 384, 0) == ["a", "b"]


def test_one_that_need_not_go_is_spared() -> None:
    capacity = filled(Limits(concurrency=9, memory=1024), 128, 512, 128)
    assert capacity.victims([Idle("small", 128), Idle("large", 512), Idle("last", 128)], 512, 0) == ["large"]


def test_of_two_that_need_not_both_go_one_is_spared() -> None:
    capacity = filled(Limits(concurrency=2, memory=1300), 100, 100, 1000)
    assert capacity.victims([Idle("a", 100), Idle("b", 100), Idle("large", 1000)], 1000, 0) == ["a", "large"]


def test_when_it_fits_whoever_goes_nobody_does() -> None:
    assert filled(Limits(concurrency=9, memory=512), 128, 256).victims([Idle("a", 128)], 512, 0) is None
    assert filled(Limits(concurrency=1), 128).victims([], 128, 0) is None


def test_what_is_ending_counts_until_it_is_gone_and_a_claim_is_nobody_elses() -> None:
    capacity = filled(Limits(concurrency=2, memory=256), 128, 128)
    capacity.leave(128)
    assert (capacity.victims([], 128, 0), capacity.fits(128, 0)) == ([], False)
    capacity.claim(128)
    assert capacity.victims([], 128, 0) is None
    capacity.gone(128)
    capacity.release(128)
    assert (capacity.victims([], 128, 0), capacity.fits(128, 0)) == ([], True)


def test_the_only_idle_one_of_a_function_is_spared() -> None:
    limits = Limits(concurrency=2)
    assert filled(limits, 1, 1, 1).victims([Idle("a", 1, only=True)], 1, 1) is None, "two are busy, and one has come: that takes slots"
    assert filled(limits, 1, 1).victims([Idle("a", 1, only=True)], 1, 1) == []
    assert filled(limits, 1, 1, 1).victims([Idle("a", 1), Idle("b", 1, only=True)], 1, 1) == ["a"]
    only = [Idle(name, 1, only=True) for name in "abcd"]
    assert filled(limits, 1, 1, 1, 1).victims(only, 1, 4) == ["a"], "but no more of those than limits.concurrency"
    assert filled(Limits(concurrency=2, memory=4), 1, 1, 1, 1).victims(only[:2], 1, 2) is None
    assert filled(Limits(concurrency=3, memory=4), 1, 1, 1, 1).victims(only[:2], 1, 2) == ["a"], "nor beyond what is promised in memory"


class House(NamedTuple):
    """Environments: busy ones, and a stack of idle ones for each function."""

    busy: list[int]
    stacks: list[list[int]]

    def fits(self, need: int, concurrency: int, memory: int | None) -> bool:
        idle = sum(map(len, self.stacks))
        spared = min(sum(map(bool, self.stacks)), concurrency)
        total = sum(self.busy) + sum(map(sum, self.stacks))
        return len(self.busy) + idle + 1 <= concurrency + spared and (memory is None or total + need <= memory)


@given(
    stacks=st.lists(st.tuples(st.integers(128, 10240), st.integers(1, 4)).map(lambda stack: [stack[0]] * stack[1]), max_size=8),
    busy=SIZES,
    need=st.integers(128, 10240),
    concurrency=st.integers(1, 20),
    memory=st.none() | st.integers(128, 2**70),
)
def test_afterwards_it_fits_with_none_to_spare(
    stacks: list[list[int]], busy: list[int], need: int, concurrency: int, memory: int | None
) -> None:
    places = [(which, at) for which, stack in enumerate(stacks) for at in range(len(stack))]
    idle = [Idle((which, at), stacks[which][at], at == len(stacks[which]) - 1) for which, at in places]
    idle.sort(key=lambda one: one.only)
    capacity = filled(Limits(concurrency=concurrency, memory=memory), *busy, *(one.size for one in idle))
    victims = capacity.victims(idle, need, len(stacks))

    def left(gone: set[tuple[int, int]]) -> House:
        return House(busy, [[size for at, size in enumerate(stack) if (which, at) not in gone] for which, stack in enumerate(stacks)])

    if victims is None:
        assert not left(set(places)).fits(need, concurrency, memory)
        return
    assert len(victims) == len(set(victims))
    assert left(set(victims)).fits(need, concurrency, memory)
    for victim in victims:
        assert not left(set(victims) - {victim}).fits(need, concurrency, memory)
