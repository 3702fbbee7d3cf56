"""--config and --output: what every command takes, before or after its verb."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from router.cli.exits import Exit, fail

Command = TypeVar("Command", bound=Callable[..., Any])

FALLBACK: Final = "config.yaml"
NO_CONFIG: Final = "name one with --config or $ROUTER_CONFIG, or start where config.yaml is; `router init` makes one"


@dataclass(slots=True)
class Settings:
    """What the options said."""

    config: str | None = None
    output: str = "table"

    @property
    def json(self) -> bool:
        """Whether one JSON document is wanted instead of words for people."""
        return self.output == "json"

    @property
    def config_path(self) -> Path:
        """--config, else $ROUTER_CONFIG, else ./config.yaml; absolute. Whether it exists is not looked at."""
        return Path(self.config or os.environ.get("ROUTER_CONFIG") or FALLBACK).absolute()

    def existing_config(self) -> Path:
        """The same; fails with what to do when there is no such file."""
        path = self.config_path
        if not path.is_file():
            fail(f"no config at {path}: {NO_CONFIG}", Exit.USAGE)
        return path

    def there(self) -> Path:
        """The same path; fails only where there is nothing at all: what else may be wrong with it, who reads it knows."""
        return self.config_path if os.path.lexists(self.config_path) else self.existing_config()


def _remember(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        setattr(ctx.find_root().ensure_object(Settings), str(param.name), value)


def shared_options(command: Command) -> Command:
    """Add both options to a command or group; the one nearest to the end of the line wins."""
    config = click.option(
        "--config",
        metavar="PATH",
        type=click.Path(readable=False),  # nothing is looked at; shells complete it
        callback=_remember,
        expose_value=False,
        help="The config; else $ROUTER_CONFIG, ./config.yaml.",
    )
    output = click.option(
        "--output",
        type=click.Choice(["table", "json"]),
        is_eager=True,  # --version, which ends the line, says it in that way
        callback=_remember,
        expose_value=False,
        help="For people, or one JSON document. [default: table]",
    )
    return config(output(command))


pass_settings = click.make_pass_decorator(Settings, ensure=True)
