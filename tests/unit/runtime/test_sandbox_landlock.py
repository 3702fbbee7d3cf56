"""Allow-lists around what is hidden, where no mount namespace can hide it."""

import os
from pathlib import Path

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
