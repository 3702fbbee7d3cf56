"""Lanes: order in each, and how far all of them are."""

from hypothesis import given
from hypothesis import strategies as st

from router.events.lanes import Lanes, lane_of


@given(keys=st.lists(st.text(st.characters(exclude_categories=()), max_size=3), max_size=60), lanes=st.integers(1, 10), data=st.data())
def test_each_lane_keeps_its_order_and_nothing_is_over_before_what_is_before_it(keys: list[str], lanes: int, data: st.DataObject) -> None:
    line: Lanes[int] = Lanes(lanes)
    places = [lane_of(key, lanes) for key in keys]
    for number, lane in enumerate(places):
        line.add(lane, number)
    left = {lane: [n for n, place in enumerate(places) if place == lane] for lane in range(lanes)}
    done: set[int] = set()
    over: list[int] = []
    while any(left.values()):
        lane = data.draw(st.sampled_from([lane for lane, numbers in left.items() if numbers]))
        most = data.draw(st.integers(1, 5))
        assert line.next(lane, most) == left[lane][:most]
        count = data.draw(st.integers(1, min(most, len(left[lane]))))
        done |= set(left[lane][:count])
        del left[lane][:count]
        over += line.finish(lane, count)
        assert over == [n for n in range(len(keys)) if all(before in done for before in range(n + 1))]
        assert line.waiting == len(keys) - len(over)
    assert over == list(range(len(keys)))


def test_a_key_always_has_the_same_lane() -> None:
    assert [lane_of(key, 10) for key in ("a", "b", "\ud800")] == [lane_of(key, 10) for key in ("a", "b", "\ud800")]
    assert {lane_of(str(n), 4) for n in range(100)} == {0, 1, 2, 3}
