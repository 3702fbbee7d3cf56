"""What a template became, written as a config with the code that stood in it, and the keys that are drawn for it."""

import json
import os
import re
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from router.errors import ConfigError

if TYPE_CHECKING:
    from router.templates.words import Row, Translation

SOURCE: Final = "template.yaml"


def write(found: "Translation", path: Path, head: tuple[str, ...], source: str = SOURCE) -> str:
    """Write the config and the code that stood in the template, the file *source*; the config's text.

    Raises ConfigError, in which mistakes have lines of the template: the config is not there to be looked at, and all is as it was."""
    from router.config.hiding import Hiding  # noqa: PLC0415 - as above
    from router.daemon import check  # noqa: PLC0415 - imports the daemon
    from router.templates.yaml_text import written  # noqa: PLC0415 - as above

    text = written(found.config, found.comments, head)
    _contained(path.parent, found.files)
    before = {path.parent / name: _there(path.parent / name) for name in found.files}
    for name, code in found.files.items():
        _replace(path.parent / name, code.encode(), 0o644)
    try:
        check(path, (), text)
    except ConfigError as error:  # a daemon may be running what was there
        for file, there in before.items():
            if there is None:
                file.unlink()
            else:
                _replace(file, there, 0o644)
        hidden = Hiding(found.secrets).hidden
        raise ConfigError(tuple(hidden(_of_template(problem, path.name, found.rows, source)) for problem in error.problems)) from None
    _replace(path, text.encode(), 0o600 if found.private else 0o644)
    return text


def _of_template(problem: str, config: str, rows: Iterable["Row"], source: str) -> str:
    """A mistake of a config that is not written, said of the resource that it comes from."""
    found = re.match(rf"{re.escape(config)}:[0-9]+:[0-9]+: ", problem)
    if found is None:
        return problem
    rest = problem[found.end() :]
    made = [row for row in rows if row.becomes and re.match(rf"{re.escape(row.becomes)}(?![A-Za-z0-9_-])", rest)]
    several = {row.becomes for row in made if row.becomes.endswith(".triggers") and sum(row.becomes == other.becomes for other in made) > 1}
    sure = [row for row in made if row.becomes not in several]  # of several triggers it cannot be told which
    row = max(sure, key=lambda row: (len(row.becomes), row.type.endswith("::Function")), default=None)
    if row is None:
        return f"{source}: {rest}"
    return f"{source}{f':{row.line}' if row.line else ''}: {row.resource.partition('.')[0]}: {rest}"


def _contained(directory: Path, names: Iterable[str]) -> None:
    """Raises ConfigError for a file that would lie elsewhere, also over a link: what a template calls its functions is no way out."""
    inside = directory.resolve()
    if out := [name for name in names if not (inside / name).parent.resolve().is_relative_to(inside)]:
        raise ConfigError((f"{out[0]} would be written outside {directory}",))


def _there(path: Path) -> bytes | None:
    """What a file holds, whatever that is; None: there is none. Raises ConfigError: what cannot be read could not be put back."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError((f"{path} would be written over, and cannot be read: {error.strerror}",)) from error


def _replace(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    fresh.replace(path)


def drawn(_: str) -> str:
    """An API key."""
    return secrets.token_urlsafe(30)


def kept_keys(path: Path) -> Callable[[str], str]:
    """API keys that are drawn once and kept in a file."""

    def draw(name: str) -> str:
        try:
            keys: dict[str, str] = json.loads(path.read_text())
        except (OSError, ValueError):
            keys = {}
        if name not in keys:
            keys[name] = drawn(name)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(path, json.dumps(keys).encode(), 0o600)
        return keys[name]

    return draw
