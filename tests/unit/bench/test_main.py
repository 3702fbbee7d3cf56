"""`python -m bench`: what may be asked for, and that a broken measurement is said and is an error."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench.table import Check, Row, failed

SLOW = Row("slow", "1/s", "", (Check("≥ 2/s", False),), "counted")


def run(monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], list[Row]], *arguments: str) -> int:
    monkeypatch.setattr(bench, "measured", lambda name, **_: answer(name))
    return bench.main(arguments)


def test_a_missed_target_is_no_failure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, lambda _: [SLOW], "http") == 0
    assert "slow: 1/s; misses ≥ 2/s." in capsys.readouterr().out


def test_one_that_failed_is_and_the_rest_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, lambda name: [failed(name, "no disk")] if name == "http" else [SLOW], "http", "idle") == 1
    told = capsys.readouterr().out
    assert "| http | no figure | - | - | **failed** |" in told
    assert "| slow | 1/s |" in told


def test_all_groups_run_in_order_and_the_page_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "PAGE", tmp_path / "performance.md")
    assert run(monkeypatch, lambda name: [Row(name, "1", "", (), "so")], "--write") == 0
    text = (tmp_path / "performance.md").read_text()
    places = [text.index(f"| {name} | 1 |") for name in bench.GROUPS]
    assert places == sorted(places)


@pytest.mark.parametrize("arguments", [["nonsense"], ["--write", "http"]])
def test_what_cannot_be_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench.main(arguments)


def test_a_group_that_dies_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    (row,) = bench.measured("http", brief=True, limit=5)
    assert row.broken == "exit status 1, see above"


def test_a_group_that_hangs_is_ended_and_a_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stuck = tmp_path / "stuck"
    stuck.write_text("#!/bin/sh\nexec sleep 60\n")
    stuck.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(stuck))
    (row,) = bench.measured("http", brief=True, limit=0.1)
    assert row.broken == "not done after 0.1 s"


def test_when_the_time_is_up_a_brief_run_leaves_the_rest_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench, "BUDGET", 0.0)
    assert run(monkeypatch, lambda _: [SLOW], "--brief", "http") == 0
    assert "| http | left out: the time of a brief run was up |" in capsys.readouterr().out


def test_a_page_leaves_nothing_out_and_single_groups_may_be_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "BUDGET", 0.0)
    monkeypatch.setattr(bench, "PAGE", tmp_path / "performance.md")
    asked: dict[str, bool] = {}

    def measured(name: str, *, brief: bool, limit: float) -> list[Row]:
        asked[name] = brief
        assert (limit == bench.BRIEF) is brief
        return [Row(name, "1", "", (), "so")]

    monkeypatch.setattr(bench, "measured", measured)
    assert bench.main(["--brief", "--full", "backlog", "--write"]) == 0
    assert asked == {name: name != "backlog" for name in bench.GROUPS}
    assert "`python -m bench --brief --full backlog --write`" in (tmp_path / "performance.md").read_text()
