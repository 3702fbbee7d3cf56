"""Where the files are that come with the program: the sample's config and handlers, the units for systemd."""

from pathlib import Path
from typing import Final

import router

UNITS: Final = ("router.service", "router.socket", "sysusers.d/router.conf", "tmpfiles.d/router.conf", "drop-ins/own-users.conf")


def sample() -> Path:
    """The directory with the shipped config.yaml, handlers/ and systemd/: inside an installed package, or the repository it runs from."""
    package = Path(router.__file__).parent
    inside = package / "sample"
    return inside if inside.is_dir() else package.parent


def units() -> dict[str, str]:
    """The texts of the files below systemd/ that a service is made of, by their names there."""
    return {name: (sample() / "systemd" / name).read_text() for name in UNITS}
