"""The table: what a row says of itself, and the figures that sum runs up."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.table import Check, Row, failed, packed, quantile, rendered, shortfalls, unpacked

MET = Row("met", "1/s", "2/s", (Check("≥ 0.5 of it", True),), "counted")
MISSED = Row("missed", "1/s", "", (Check("≥ 2/s", False), Check("p99 ≤ 9 ms", True), Check("≤ 64 MB", False)), "counted", why="It is slow.")
LOST = Row("lost", "9/s", "", (Check("≥ 2/s", True),), "counted", broken="3 files lost")
FIGURE = Row("figure", "7/s", "", (), "counted")

texts = st.text(max_size=40)
rows = st.builds(Row, texts, texts, texts, st.lists(st.builds(Check, texts, st.booleans()), max_size=3).map(tuple), texts, texts, texts)


@pytest.mark.parametrize(
    ("row", "verdict"),
    [(MET, "meets"), (MISSED, "**misses**"), (LOST, "**failed**"), (FIGURE, "no target"), (failed("x", "y"), "**failed**")],
)
def test_the_last_cell_is_the_verdict(row: Row, verdict: str) -> None:
    assert row.verdict == verdict
    assert rendered([row]).endswith(f"| {verdict} |")


def test_a_miss_names_the_targets_that_do_not_hold_and_the_reason() -> None:
    assert shortfalls([MET, MISSED, FIGURE]) == ["missed: 1/s; misses ≥ 2/s and ≤ 64 MB. It is slow."]


def test_a_fast_row_that_lost_something_falls_short() -> None:
    assert shortfalls([LOST]) == ["lost: failed, the figure does not count: 3 files lost."]


def test_a_reason_is_kept_back_while_the_target_is_met() -> None:
    assert shortfalls([Row("met", "1/s", "", (Check("≥ 0.5/s", True),), "", why="It is slow.")]) == []


@given(st.lists(rows, max_size=5))
def test_every_row_is_one_line_of_five_cells(found: list[Row]) -> None:
    lines = rendered(found).split("\n")
    assert len(lines) == len(found) + 2
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {6}


@given(st.lists(rows, max_size=5))
def test_rows_arrive_as_they_were_sent(found: list[Row]) -> None:
    assert unpacked(packed(found)) == found
    assert "\n" not in packed(found)


@pytest.mark.parametrize("text", ["", "nonsense", '[{"what": 1}]', "[1]"])
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises((ValueError, LookupError, TypeError)):
        assert unpacked(text) != []


@given(st.lists(st.floats(-1e9, 1e9), min_size=1), st.floats(0, 1))
def test_a_quantile_is_a_value_that_so_many_do_not_exceed(values: list[float], share: float) -> None:
    found = quantile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) * (1 - 1e-12)
    assert sum(value < found for value in values) <= share * len(values)


def test_the_p99_of_a_hundred_is_not_their_maximum() -> None:
    assert quantile(range(1, 101), 0.99) == 99
    assert quantile(range(1, 101), 0.5) == 50
    assert quantile([5.0], 0.99) == 5.0


def test_no_values_have_no_quantile() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        quantile([], 0.5)
