"""docs/performance.md as it is written, and as it is in the tree."""

from pathlib import Path

from bench.page import Facts, page
from bench.table import Check, Row

FACTS = Facts("python -m bench --write", "2026-11-24", 2, "3.11.7")
MET = Row("echo", "1/s", "2/s", (Check("≥ 0.5 of it", True),), "asked often")
MISSED = Row("files", "1/s", "", (Check("≥ 2/s", False),), "dropped often", why="Disks are slow.")
WRITTEN = Path(__file__).parents[3] / "docs/performance.md"


def test_a_page_says_when_where_what_and_how() -> None:
    text = page([MET, MISSED], FACTS)
    assert "Made by `python -m bench --write` on 2026-11-24: 2 cores, Python 3.11.7" in text
    assert "| echo | 1/s | 2/s | ≥ 0.5 of it | meets |" in text
    assert "- **echo**: asked often." in text


def test_a_page_says_in_words_what_falls_short() -> None:
    assert "- files: 1/s; misses ≥ 2/s. Disks are slow." in page([MET, MISSED], FACTS)
    assert "Nothing: every row meets its targets." in page([MET], FACTS)


def test_only_table_lines_are_long() -> None:
    long = Row("long", "1/s", "", (Check("≥ 2/s", False),), "words " * 99, why="reasons " * 99)
    assert all(len(line) <= 140 for line in page([long], FACTS).splitlines() if not line.startswith("|"))


def test_every_miss_of_the_table_in_the_tree_is_told_below_it() -> None:
    table, _, told = WRITTEN.read_text().replace("\n  ", " ").partition("\n## What ")
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][2:]
    assert rows
    for row in rows:
        if "misses" in row[-1] or "failed" in row[-1]:
            assert f"- {row[0].removeprefix('| ')}: " in told
