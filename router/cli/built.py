"""What the disk says of a template's code: whether it is built."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from router.templates.words import Translation

_BROUGHT: Final = frozenset({"boto3", "botocore", "s3transfer", "jmespath", "urllib3"})  # every Python function has them
_REQUIREMENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SCRIPTS: Final = (".js", ".cjs", ".mjs")
_SDK: Final = re.compile(
    r"""(?:\brequire\(|\bfrom|\bimport\(?)\s*["'](@aws-sdk/[a-z0-9-]+|aws-sdk)["'/]"""
)  # AWS's Node.js runtimes have it
_LOOKED: Final = 200  # scripts of one directory, and of each the first so many bytes
_READ: Final = 256 * 1024


def looked_at(found: "Translation", directory: Path) -> "Translation":
    """The same with what the disk says of its code, which is relative to *directory*."""
    from router.templates.words import DIFFERS, REFUSED, RUNS  # noqa: PLC0415 - as above

    rows = {row.resource: row for row in found.rows}
    comments = dict(found.comments)
    modules = directory / str(found.config.get("state", ".")) / "runtime/nodejs/node_modules"
    for code in found.codes:
        row = rows[code.resource]
        notes = tuple(_unbuilt((directory / code.path).resolve(), code.built, modules, layer=code.layer))
        if notes and row.verdict != REFUSED:
            rows[code.resource] = replace(row, verdict=DIFFERS if row.verdict == RUNS else row.verdict, notes=(*row.notes, *notes))
            if row.becomes.startswith("functions."):
                path = ("functions", row.becomes.partition(".")[2])
                comments[path] = (*comments.get(path, ()), *(f"{row.resource}: {note}" for note in notes))
    return _unspoken(replace(found, rows=tuple(rows.values()), comments=comments))


def _unspoken(found: "Translation") -> "Translation":
    """The same, without secrets in what is said of it. Outputs are what the template wants shown: AWS masks nothing in them either."""
    from router.config.hiding import Hiding  # noqa: PLC0415 - as above

    hidden = Hiding(found.secrets).hidden
    rows = (replace(row, becomes=hidden(row.becomes), notes=tuple(map(hidden, row.notes))) for row in found.rows)
    comments = {path: tuple(map(hidden, lines)) for path, lines in found.comments.items()}
    return replace(found, rows=tuple(rows), comments=comments)


def _unbuilt(path: Path, built: str, modules: Path, *, layer: bool) -> Iterator[str]:
    """What is not built of the code in a directory; *modules*: what all Node.js functions have."""
    if not path.is_dir():
        return
    done = any(path.glob("*.dist-info")) or any(path.glob("python/*.dist-info")) or any(path.glob("python/lib/*/site-packages/*.dist-info"))
    missing = sorted(_requirements(path / "requirements.txt") - _BROUGHT)
    if missing and not done:
        where = path / "python" if layer else path
        yield f"requirements.txt ({', '.join(missing[:3])}) is not installed: run sam build, or pip install -r {path / 'requirements.txt'} -t {where}"
    if _dependencies(path / "package.json") and not (path / "node_modules").is_dir():
        yield f"package.json has dependencies that are not installed: run sam build, or npm install --prefix {path}"
    elif missing := sorted(name for name in _sdk(path) if not any((place / name).is_dir() for place in (path / "node_modules", modules))):
        yield f"AWS's runtime brings {', '.join(missing[:3])} along, this machine's does not: npm install --prefix {path} {' '.join(missing)}"
    if layer and built.startswith("python") and not (path / "python").is_dir():
        yield "the layer is not built: its modules are looked for in python/; run sam build"
    elif built in {"esbuild", "makefile", "rust-cargolambda", "go1.x"} and not layer:
        yield f"BuildMethod {built}: nothing is built here; run sam build and use .aws-sam/build/template.yaml"


def _sdk(path: Path) -> set[str]:
    """The packages of the AWS SDK that scripts in a directory ask for, but for those of other packages."""
    found: set[str] = set()
    looked = 0
    for directory, inside, files in os.walk(path):
        inside[:] = [name for name in inside if name != "node_modules" and not name.startswith(".") and looked < _LOOKED]
        for name in files:
            if name.endswith(_SCRIPTS) and (looked := looked + 1) <= _LOOKED:
                found |= set(_SDK.findall(_beginning(Path(directory, name))))
    return found


def _beginning(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_READ).decode(errors="replace")
    except OSError:
        return ""


def _requirements(path: Path) -> set[str]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return set()
    return {found[0].lower() for line in lines if (found := _REQUIREMENT.match(line.strip()))}


def _dependencies(path: Path) -> bool:
    try:
        return bool(json.loads(path.read_text(errors="replace")).get("dependencies"))
    except (OSError, ValueError, AttributeError):
        return False
