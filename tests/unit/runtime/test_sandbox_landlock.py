"""Allow-lists around what is hidden, where no mount namespace can hide it."""

import os
from pathlib import Path

import pytest

from router.runtime import sandbox_calls, sandbox_landlock
from router.runtime.sandbox_landlock import all_but, handled


def test_everything_but_the_hidden_is_listed_and_nothing_above_it(tmp_path: Path) -> None:
    for name in ("house/state/tmp", "house/code/a", "house/code/b", "other/x"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "house/config.yaml").touch()
    hidden = [str(tmp_path / name) for name in ("house/state", "house/code/b", "house/config.yaml")]
    found = sorted(os.path.relpath(path, tmp_path) for path in all_but(hidden, at=str(tmp_path)))
    assert found == ["house/code/a", "other"]
    assert list(all_but([str(tmp_path)], at=str(tmp_path.parent))).count(str(tmp_path)) == 0


def test_a_version_handles_what_it_knows() -> None:
    assert [handled(abi).bit_length() for abi in (1, 2, 3, 4, 5, 7)] == [13, 14, 15, 15, 16, 16]


def test_a_link_gets_no_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, allowed = tmp_path.resolve(), list[str]()
    for name in ("state/in", "data"):
        (place / name).mkdir(parents=True)
    (place / "uploads").symlink_to("state")
    monkeypatch.setattr(sandbox_calls, "landlock_ruleset", lambda *_: os.open(os.devnull, os.O_RDONLY))
    monkeypatch.setattr(sandbox_calls, "landlock_restrict", lambda _: None)
    monkeypatch.setattr(sandbox_calls, "landlock_allow", lambda _, found, __: allowed.append(os.readlink(f"/proc/self/fd/{found}")))
    before = len(os.listdir("/proc/self/fd"))
    wanted = [str(place / name) for name in ("data", "uploads", "uploads/in", "none/x", "state/in")]
    sandbox_landlock.restrict([(path, True) for path in wanted], abi=1)
    assert allowed == [str(place / "data"), str(place / "state/in")]
    assert len(os.listdir("/proc/self/fd")) == before
