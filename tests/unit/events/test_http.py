"""What is kept of names of headers: the usual ones, and never many."""

import pytest

from router.events.http import Known


def test_a_name_is_looked_at_once() -> None:
    made: list[str] = []
    known = Known(lambda name: made.append(name) or name.upper())  # type: ignore[func-returns-value]
    assert [known[name] for name in ("a", "b", "a", "A")] == ["A", "B", "A", "A"]
    assert made == ["a", "b", "A"]


def test_long_names_are_not_kept_and_many_go_together() -> None:
    known = Known(len)
    assert [known["x" * size] for size in (Known.LONGEST, Known.LONGEST + 1)] == [64, 65]
    assert list(known) == ["x" * Known.LONGEST]
    for number in range(3 * Known.MOST):
        assert known[f"x-{number:05}"] == 7
        assert len(known) <= Known.MOST
    assert "x-03071" in known


def test_a_name_that_is_none_is_none_again() -> None:
    def refuse(name: str) -> str:
        raise ValueError(name)

    known = Known(refuse)
    for _ in range(2):
        with pytest.raises(ValueError, match="bad"):
            known["bad name"]
    assert not known
