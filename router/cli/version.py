"""`router version`."""

import sys

import click

from router import VERSION
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document


@click.command(short_help="Print the version.")
@shared_options
@pass_settings
def version(settings: Settings) -> None:
    """Print the version of event-router and of the Python it runs on."""
    python = sys.version.split(maxsplit=1)[0]
    if settings.json:
        document({"version": VERSION, "python": python})
    else:
        click.echo(f"event-router {VERSION} (Python {python})")
