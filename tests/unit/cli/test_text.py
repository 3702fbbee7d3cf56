"""What reaches a terminal, and how wide it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.cli.text import cell, cells, columns, fitted, shortened, visible

ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.text(
    st.sampled_from("a\x1b\n\r\t\x9b\u202e\u2066\u200b\ufeff\u2028\udcff\u0301漢e")
)


@given(ANY_TEXT)
def test_nothing_visible_moves_the_cursor_or_turns_the_reading_direction(text: str) -> None:
    shown = visible(text)
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in shown)
    shown.encode()


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"])))
def test_printable_text_is_left_alone(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\e[31mred"),
        ("two\nlines\tand a tab", "two\\nlines\\tand a tab"),
        ("\x9b2J", "\\x9b2J"),
        ("gpj.\u202egnp", "gpj.\\u202egnp"),
        ("caf\udce9.csv", "caf\\xe9.csv"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_is_not_printable_is_spelt_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_kept_characters_stay() -> None:
    assert visible("a\n\x1bb", keep="\n") == "a\n\\eb"


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("", 0)])
def test_cells_count_what_a_terminal_uses(text: str, width: int) -> None:
    assert cells(text) == width


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"])), st.integers(1, 30))
def test_shortened_text_fits(text: str, limit: int) -> None:
    short = shortened(text, limit)
    assert cells(short) <= limit
    assert short == text or (cells(text) > limit and short.endswith("…"))


@given(st.lists(st.integers(0, 200), min_size=1, max_size=8), st.integers(0, 300))
def test_columns_give_way_widest_first(widths: list[int], room: int) -> None:
    fit = fitted(widths, room)
    assert all(new <= old for new, old in zip(fit, widths, strict=True))
    assert sum(fit) <= room or max(fit) <= 8
    assert all(new == old or new >= 8 for new, old in zip(fit, widths, strict=True))
    if sum(widths) <= room:
        assert fit == widths


def test_columns_are_aligned_by_cells() -> None:
    assert columns([("NAME", "X"), ("漢字", "1"), ("a", "2")], None) == ["NAME  X", "漢字  1", "a     2"]
    assert columns([], 80) == []


def test_a_narrow_terminal_cuts_the_widest_column() -> None:
    lines = columns([("id", "x" * 100, "end")], 40)
    assert lines == ["id  " + "x" * 30 + "…  end"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), ("", "-"), ([], "-"), (True, "yes"), (0, "0"), (["a", "b\n"], "a, b\\n"), ({"k": [1, None]}, "k=1, -"), ("\x1b", "\\e")],
)
def test_a_cell_shows_any_json_value(value: object, shown: str) -> None:
    assert cell(value) == shown
