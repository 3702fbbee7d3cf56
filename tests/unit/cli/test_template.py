"""What a template is looked at with, and how what it becomes is written."""

from pathlib import Path
from typing import Any

import pytest

from router.cli import template
from router.errors import ConfigError
from router.templates.words import TemplateError, Translation

HOSTILE = "(a|aa|aaa)+b"  # on a row of a's it would take longer than the machine lasts


def test_a_pattern_cannot_hold_up_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    assert template.unlike("[a-z]+", ["a", "ü", "B"]) == "ü"
    assert template.unlike("[a-z]*", ["a", ""]) is None
    with pytest.raises(TemplateError, match="no regular expression"):
        template.unlike("[a-z", ["a"])
    monkeypatch.setattr(template, "MATCH_SECONDS", 0.2)
    with pytest.raises(TemplateError, match=r"takes over 0\.2 s"):
        template.unlike(HOSTILE, ["a" * 200])


def translation(timeout: int, code: str) -> Translation:
    function = {"code": "./inline/f", "handler": "index.handler", "runtime": "python", "timeout": timeout}
    files = {f"inline/{name}/index.py": code for name in ("f", code)}
    config: dict[str, Any] = {"version": 1, "state": ".", "functions": {"f": function}}
    return Translation(config, {}, (), files=files)


def test_a_config_with_mistakes_leaves_the_code_that_runs(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    text = template.write(translation(3, "old"), path, ("head",))
    with pytest.raises(ConfigError, match="timeout"):
        template.write(translation(901, "new"), path, ())
    assert path.read_text() == text
    assert (tmp_path / "inline/f/index.py").read_text() == "old"
    assert not (tmp_path / "inline/new/index.py").exists()
    template.write(translation(4, "new"), path, ())
    assert (tmp_path / "inline/f/index.py").read_text() == "new"
