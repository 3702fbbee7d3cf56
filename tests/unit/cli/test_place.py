"""The state directory, read from as much of the config as it takes."""

from pathlib import Path

import pytest

from router.cli.exits import Exit, Failure
from router.cli.place import state_directory
from router.cli.settings import Settings


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("version: 1\nstate: ./here\n", "here"),
        ("{state: here, version: 1}", "here"),
        ("version: 1\n", "state"),
        ("", "state"),
        ("state:\n", "state"),
        ("functions: {state: nested, f: {state: deeper}}\nstate: top\n", "top"),
        ("list: [state, wrong]\nanchor: &a [1]\nuse: *a\nstate: top\n", "top"),
        ("wrong: state\nright: wrong\n", "state"),
        ("state: before\nbroken: [\n", "before"),
        ("broken: [}\nstate: after\n", "state"),
        ('"state": "sp ace"\n', "sp ace"),
        ("state: ${env:WHERE}/s\n", "somewhere/s"),
        ("state: $${x}\n", "${x}"),
    ],
)
def test_the_top_level_scalar_wins_and_the_rest_may_be_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, where: str
) -> None:
    monkeypatch.setenv("WHERE", "somewhere")
    (tmp_path / "config.yaml").write_text(text)
    assert state_directory(Settings(str(tmp_path / "config.yaml"))) == tmp_path / where


def test_an_absolute_state_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("state: /var/lib/event-router\n")
    assert state_directory(Settings(str(tmp_path / "config.yaml"))) == Path("/var/lib/event-router")


def test_the_parser_stops_at_the_state(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"state: here\nx: " + b"\xff\xfe" * 10)
    assert state_directory(Settings(str(tmp_path / "config.yaml"))).parent == tmp_path


def test_a_reference_to_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WHERE", raising=False)
    (tmp_path / "config.yaml").write_text("state: ${env:WHERE}\n")
    with pytest.raises(Failure, match="environment variable WHERE is not set") as caught:
        state_directory(Settings(str(tmp_path / "config.yaml")))
    assert caught.value.code == Exit.USAGE


def test_the_config_is_named_by_option_environment_or_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROUTER_CONFIG", raising=False)
    assert Settings().config_path == tmp_path / "config.yaml"
    monkeypatch.setenv("ROUTER_CONFIG", "/etc/r.yaml")
    assert Settings().config_path == Path("/etc/r.yaml")
    assert Settings("x.yaml").config_path == tmp_path / "x.yaml"
