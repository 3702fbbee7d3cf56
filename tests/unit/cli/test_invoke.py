"""`router invoke`: what it refuses before a daemon is asked."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from router.cli.group import root


@pytest.mark.parametrize(
    "words", [["shop", "{"], ["shop", '{"a": 1}', "out.json"], ["--async", "shop", ""], ["shop", "-e", "-", "-"]], ids=str
)
def test_a_payload_in_the_wrong_place_is_told_its_place(words: list[str]) -> None:
    done = CliRunner().invoke(root, ["invoke", *words])
    assert done.exit_code == 2
    assert done.stderr.endswith("\nError: a payload is no argument: give it with -e FILE, or with -e - on stdin\n")
    assert done.stderr.startswith("Usage: root invoke [OPTIONS] FUNCTION\n")


@given(surplus=st.lists(st.text(), min_size=1, max_size=3))
def test_whatever_stands_after_the_function_is_refused(surplus: list[str]) -> None:
    done = CliRunner().invoke(root, ["invoke", "--", "shop", *surplus])
    assert done.exit_code == 2
    assert "-e FILE" in done.stderr


@pytest.mark.parametrize(
    "words", [["invoke"], ["dlq", "show"], ["events", "show"], ["schedules", "run"], ["feeds", "install"]], ids=" ".join
)
def test_an_empty_name_is_refused_before_a_daemon_is_asked(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("version: 1\n")
    done = CliRunner().invoke(root, ["--config", str(tmp_path / "config.yaml"), *words, ""])
    assert (done.exit_code, done.stderr) == (2, "Error: an empty text names nothing: give a name or an id\n")
