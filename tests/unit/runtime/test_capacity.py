"""Who ends for whom."""

from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Limits
from router.runtime.capacity import Capacity

SIZES = st.lists(st.integers(128, 10240), max_size=12)


def filled(limits: Limits, *sizes: int) -> Capacity:
    capacity = Capacity(limits)
    for size in sizes:
        capacity.hold(size)
    return capacity


def test_nobody_ends_while_there_is_room() -> None:
    assert filled(Limits(concurrency=3, memory=512), 128, 128).victims([("a", 128), ("b", 128)], 256) == []


def test_the_least_recently_used_end_first() -> None:
    capacity = filled(Limits(concurrency=9, memory=512), 128, 128, 128)
    assert capacity.victims([("a", 128), ("b", 128), ("c", 128)], 384) == ["a", "b"]


def test_one_that_need_not_go_is_spared() -> None:
    capacity = filled(Limits(concurrency=9, memory=1024), 128, 512, 128)
    assert capacity.victims([("small", 128), ("large", 512), ("last", 128)], 512) == ["large"]


def test_when_it_fits_whoever_goes_nobody_does() -> None:
    assert filled(Limits(concurrency=9, memory=512), 128, 256).victims([("a", 128)], 512) is None
    assert filled(Limits(concurrency=1), 128).victims([], 128) is None


def test_what_is_ending_counts_until_it_is_gone_and_a_claim_is_nobody_elses() -> None:
    capacity = filled(Limits(concurrency=2, memory=256), 128, 128)
    capacity.leave(128)
    assert (capacity.victims([], 128), capacity.fits(128)) == ([], False)
    capacity.claim(128)
    assert capacity.victims([], 128) is None
    capacity.gone(128)
    capacity.release(128)
    assert (capacity.victims([], 128), capacity.fits(128)) == ([], True)


@given(
    idle=SIZES,
    busy=SIZES,
    need=st.integers(128, 10240),
    concurrency=st.integers(1, 20),
    memory=st.none() | st.integers(128, 2**70),
)
def test_afterwards_it_fits_with_none_to_spare(idle: list[int], busy: list[int], need: int, concurrency: int, memory: int | None) -> None:
    def fits(sizes: list[int]) -> bool:
        return len(sizes) + 1 <= concurrency and (memory is None or sum(sizes) + need <= memory)

    order = list(enumerate(idle))
    capacity = filled(Limits(concurrency=concurrency, memory=memory), *idle, *busy)
    victims = capacity.victims(order, need)
    if victims is None:
        assert not fits(busy)
        return
    assert victims == sorted(set(victims))
    left = [size for at, size in order if at not in victims]
    assert fits(busy + left)
    for victim in victims:
        assert not fits([*busy, *left, idle[victim]])
