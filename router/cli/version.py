"""`router version`."""

import platform

import click

from router import VERSION
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document


@click.command(short_help="Print the version.")
@shared_options
@pass_settings
def version(settings: Settings) -> None:
    """Print the version of event-router and of the Python it runs on."""
    if settings.json:
        document({"version": VERSION, "python": platform.python_version()})
    else:
        click.echo(f"event-router {VERSION} (Python {platform.python_version()})")
