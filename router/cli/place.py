"""Where the daemon's state directory is, told from the config without reading all of it.

Commands that only talk to the daemon must not pay for the whole config, nor fail because somebody is just
editing it: the parser stops at `state:`, and what cannot be read means the default beside the file."""

import os
from pathlib import Path
from typing import Any, Final

from router.cli.exits import Exit, fail
from router.cli.settings import Settings

DEFAULT: Final = "./state"


def state_directory(settings: Settings) -> Path:
    """The state directory of the config in force; absolute."""
    path = settings.existing_config()
    try:
        written = _scalar(path.read_bytes(), "state") or DEFAULT
    except OSError:
        written = DEFAULT
    if "${" in written:
        written = _resolved(written, path)
    return (path.parent / written).absolute()


def _scalar(text: bytes, wanted: str) -> str | None:
    """The top-level scalar under *wanted*; None when there is none before the first mistake."""
    import yaml  # noqa: PLC0415 - 15 ms that `router --help` need not pay

    loader: Any = getattr(yaml, "CLoader", yaml.Loader)
    depth, key, is_key = 0, "", True
    try:
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.ScalarEvent) and depth == 1:
                if not is_key and key == wanted:
                    return event.value
                key, is_key = event.value, not is_key
            elif isinstance(event, yaml.AliasEvent) and depth == 1:
                is_key = True
            elif isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
                is_key = is_key or depth == 1
    except yaml.YAMLError:
        return None
    return None


def _resolved(written: str, path: Path) -> str:
    """*written* with its references to the environment, credentials and files."""
    from router.config.references import References, Unresolved  # noqa: PLC0415 - rare

    try:
        return References(os.environ, path.parent).resolve(written)
    except Unresolved as error:
        fail(f"{path}: state: {error}", Exit.USAGE)
