"""docs/faults.md names tests; each of them is there."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
NAMED = re.findall(r"`([\w/*]+\.py)(?:::(\w+)…?)?`", (TESTS.parent / "docs/faults.md").read_text())


def test_the_page_names_tests() -> None:
    assert len(NAMED) > 40


@pytest.mark.parametrize(("path", "test"), sorted(set(NAMED)))
def test_what_the_page_names_is_there(path: str, test: str) -> None:
    found = list(TESTS.rglob(path.removeprefix("tests/")))
    assert found
    assert not test or any(f"def {test}" in file.read_text() for file in found)
