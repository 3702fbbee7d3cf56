"""The directory that gives functions boto3 and what it needs, and nothing else of the daemon's environment: symlinks.

AWS's Python runtime brings boto3, so ours does. The closure is read from the distributions' own metadata."""

import os
import re
from collections.abc import Collection
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

ROOT: Final = "boto3"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def closure(root: str = ROOT) -> list[Distribution]:
    """*root* and every distribution it requires, as far as installed; extras are left out."""
    found: dict[str, Distribution] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        key = name.lower().replace("_", "-")
        if key in found:
            continue
        try:
            found[key] = distribution(name)
        except PackageNotFoundError:
            continue  # required on other Pythons only
        for requirement in found[key].requires or ():
            match = _NAME.match(requirement)
            if match and "extra ==" not in requirement:
                waiting.append(match[0])
    return list(found.values())


def entries(distributions: Collection[Distribution]) -> dict[str, Path]:
    """What lies in site-packages for them, by name: packages, single modules, metadata."""
    links = {}
    for package in distributions:
        for file in package.files or ():
            top = file.parts[0]
            if top not in {"..", "__pycache__"}:
                links[top] = Path(os.path.realpath(str(package.locate_file(top))))
    return links


def build(directory: Path) -> Path:
    """Make *directory* hold exactly those links; blocking disk work, cheap when it does already."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = entries(closure())
    for present in list(directory.iterdir()):
        if present.name not in wanted or not present.is_symlink() or present.readlink() != wanted[present.name]:
            present.unlink()
    for name, target in wanted.items():
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(target)
    return directory
