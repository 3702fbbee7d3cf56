"""What comes with the program."""

import tomllib
from pathlib import Path

from router.cli.shipped import sample, units

ROOT = Path(__file__).parents[3]


def test_the_units_are_those_of_the_repository() -> None:
    assert units()["router.service"] == (ROOT / "systemd/router.service").read_text()


def test_the_wheel_has_all_of_it() -> None:
    """Where a wheel has them sample() finds them: below router/sample, under the names that they have in the repository."""
    included = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {name: f"router/sample/{name}" for name in ("config.yaml", "handlers", "systemd")}
    assert sample() == ROOT
