"""What `router reload` says of an answer."""

from pathlib import Path
from typing import Any, Self

import pytest
from click.testing import CliRunner

from router.cli.group import root

NOTHING: dict[str, Any] = {"functions": 2, "added": [], "changed": [], "removed": [], "sources": []}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({}, "nothing has changed"),  # of a daemon that was started before an upgrade
        ({"keys": []}, "nothing has changed"),
        ({"keys": ["drain", "limits"]}, "changed keys drain, limits"),
        ({"keys": ["functions"]}, "changed keys functions"),  # an alias, say
        ({"keys": ["buckets", "functions"], "changed": ["f"]}, "changed f; changed keys buckets"),
        ({"keys": ["functions"], "sources": ["http"]}, "triggers anew http"),
    ],
)
def test_what_has_changed_is_told_once(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], said: str) -> None:
    class Answering:
        @classmethod
        def of(cls, settings: object) -> Self:
            del settings
            return cls()

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *told: object) -> None:
            pass

        def post(self, path: str) -> dict[str, Any]:
            assert path == "/reload"
            return NOTHING | answer

    monkeypatch.setattr("router.cli.reload.Daemon", Answering)
    done = CliRunner().invoke(root, ["reload"])
    assert (done.exit_code, done.stdout) == (0, f"reloaded: 2 functions; {said}\n")


def test_a_daemon_on_a_former_state_directory_is_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("version: 1\nstate: ./elsewhere\n")
    done = CliRunner().invoke(root, ["--config", str(tmp_path / "config.yaml"), "reload"])
    assert done.exit_code == 5
    assert done.stderr.startswith(f"Error: the daemon is not running on {tmp_path / 'elsewhere'}: ")
    assert done.stderr.endswith(
        "; if `state` was changed in the config, the daemon is on the former one until it is restarted: no reload moves it\n"
    )
