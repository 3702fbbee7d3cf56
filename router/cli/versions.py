"""`router versions` and `router aliases`: published versions of functions, and the names for them."""

import click

from router.cli.client import Daemon, part
from router.cli.completing import functions
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document, rows
from router.cli.text import visible

HEADERS = {
    "function": "FUNCTION",
    "version": "VERSION",
    "aliases": "ALIASES",
    "runtime": "RUNTIME",
    "memory": "MEMORY",
    "timeout": "TIMEOUT",
    "published": "PUBLISHED",
    "description": "DESCRIPTION",
    "sha256": "CODE SHA-256",
}
ALIAS_HEADERS = {"function": "FUNCTION", "alias": "ALIAS", "version": "VERSION", "weights": "WEIGHTS", "missing": "MISSING"}


@click.group(invoke_without_command=True, short_help="List versions of functions, publish one, delete one.")
@shared_options
@pass_settings
@click.pass_context
def versions(ctx: click.Context, settings: Settings) -> None:
    """List $LATEST and the published versions of every function."""
    if ctx.invoked_subcommand is not None:
        return
    with Daemon.of(settings) as daemon:
        found = daemon.get("/versions")
    rows(settings, found, HEADERS, "no functions")


@versions.command(short_help="Publish the code and settings in force.")
@click.argument("function", shell_complete=functions)
@click.option("--description", default="", help="What it is, in up to 256 characters.")
@shared_options
@pass_settings
def publish(settings: Settings, function: str, description: str) -> None:
    """Publish the code and settings of FUNCTION that are in force as its next version; print the number.

    When nothing has changed since the last version, that is the answer."""
    with Daemon.of(settings) as daemon:
        found = daemon.post(f"/functions/{part(function)}/versions", {"description": description})
    if settings.json:
        document(found)
    else:
        click.echo(visible(found["version"]))


@versions.command(short_help="Delete a published version.")
@click.argument("function", shell_complete=functions)
@click.argument("version")
@shared_options
@pass_settings
def delete(settings: Settings, function: str, version: str) -> None:
    """Delete VERSION of FUNCTION for good. Refused while an alias or a trigger names it."""
    with Daemon.of(settings) as daemon:
        found = daemon.post(f"/functions/{part(function)}/versions/{part(version)}/delete")
    if settings.json:
        document(found)
    else:
        click.echo("deleted")


@click.command(short_help="List aliases and what they name.")
@shared_options
@pass_settings
def aliases(settings: Settings) -> None:
    """List the aliases of the config: the version that each names, a second one's weight, and versions that nobody has published."""
    with Daemon.of(settings) as daemon:
        found = daemon.get("/aliases")
    rows(settings, found, ALIAS_HEADERS, "no aliases")
