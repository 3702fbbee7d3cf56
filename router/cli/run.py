"""`router run`: the daemon in the foreground."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from router import VERSION
from router.cli.exits import Exit
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.text import visible
from router.errors import ConfigError

if TYPE_CHECKING:
    from router.config.types import Config


@click.command(short_help="Run the daemon in the foreground.")
@shared_options
@pass_settings
def run(settings: Settings) -> None:
    """Run the daemon in the foreground; on a terminal, say first what it serves and what to try.

    The first Ctrl-C or SIGTERM drains: running functions finish, what is queued stays queued. The second leaves at once.
    Exits 2 when the config has mistakes."""
    from router import daemon  # noqa: PLC0415 - imports the daemon

    try:
        config = daemon.check(settings.config_path) if sys.stdout.isatty() else None
        code = daemon.main(settings.config_path, on_ready=lambda _: _say(config))
    except ConfigError as error:
        for problem in error.problems:
            click.echo(visible(problem), err=True)
        raise SystemExit(Exit.USAGE) from None
    raise SystemExit(code)


def _say(config: "Config | None") -> None:
    """What is served and what to try; None: nobody watches."""
    if config is None:
        return
    from router.cli.banner import banner  # noqa: PLC0415 - for people only

    for line in banner(config, VERSION, Path.cwd()):
        click.echo(line)
