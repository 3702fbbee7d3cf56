"""What a shell completes beside commands and options: names that stand in the config."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click

from router.cli.settings import Settings

Complete = Callable[[click.Context, click.Parameter, str], list[str]]

LARGEST: Final = 256 * 1024  # bytes of a config: whoever presses a key does not wait for more


def named(section: str) -> Complete:
    """What completes the names under this key of the config; none where it cannot be read: somebody is typing."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        del param
        path = ctx.find_root().ensure_object(Settings).config_path
        return [name for name in keys(_start(path), section) if name.startswith(incomplete)]

    return complete


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError:
        return b""


functions: Final = named("functions")
queues: Final = named("queues")
tables: Final = named("tables")


def keys(text: bytes, section: str) -> list[str]:
    """The keys under the top-level key *section*, as far as the text is YAML."""
    import yaml  # noqa: PLC0415 - 15 ms that `router --help` need not pay

    loader: Any = getattr(yaml, "CLoader", yaml.Loader)
    found: list[str] = []
    try:
        events = iter(yaml.parse(text, Loader=loader))
        if any(isinstance(event, yaml.MappingStartEvent) for event in events):  # read up to the first
            for key, value in _pairs(events):
                if key == section and isinstance(value, yaml.MappingStartEvent):
                    found.extend(name for name, _ in _pairs(events))
                    break
    except yaml.YAMLError:
        pass
    return found


def _pairs(events: Iterator[Any]) -> Iterator[tuple[str, Any]]:
    """(key, first event of its value) of the mapping that has just begun."""
    for event in events:
        if type(event).__name__ == "MappingEndEvent":
            return
        _skip(events, event)
        value = next(events)
        yield getattr(event, "value", ""), value
        _skip(events, value)


def _skip(events: Iterator[Any], first: Any) -> None:
    """Read on to the end of what *first* begins."""
    depth = _step(first)
    while depth > 0:
        depth += _step(next(events))


def _step(event: Any) -> int:
    name = type(event).__name__
    return ("Start" in name) - ("End" in name)
