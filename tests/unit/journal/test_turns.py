"""Functions in turn."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from router.journal.turns import in_turn, rotated, rounds

lines = st.lists(st.lists(st.integers(), max_size=6), max_size=6)


@given(lines=lines, limit=st.integers(0, 40))
def test_nobody_gets_two_more_than_one_who_could_have_had_more(lines: list[list[int]], limit: int) -> None:
    tagged = [[(index, item) for item in line] for index, line in enumerate(lines)]
    taken = in_turn(tagged, limit)
    assert len(taken) == min(limit, sum(map(len, lines)))
    got = Counter(index for index, _ in taken)
    for index, line in enumerate(tagged):
        assert [item for item in taken if item[0] == index] == line[: got[index]]
        if got[index] < len(line):
            assert all(got[other] <= got[index] + 1 for other in range(len(lines)))


@given(lines=lines, limit=st.integers(0, 40))
def test_there_are_as_many_rounds_as_the_longest_line_was_asked(lines: list[list[int]], limit: int) -> None:
    taken = in_turn([[index] * len(line) for index, line in enumerate(lines)], limit)
    assert rounds([*map(len, lines)], limit) == max(Counter(taken).values(), default=0)


def test_a_round_begins_with_the_first_line() -> None:
    assert in_turn(["aaa", "b", "", "cc"], 5) == ["a", "b", "c", "a", "c"]


def test_who_was_served_last_comes_last() -> None:
    assert rotated({"c", "a", "b"}, "") == ["a", "b", "c"]
    assert rotated({"c", "a", "b"}, "b") == ["c", "a", "b"]
    assert rotated({"c", "a"}, "b") == ["c", "a"]
    assert rotated((), "b") == []
