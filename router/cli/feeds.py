"""`router feeds`: tables whose changes are events."""

from collections.abc import Callable

import click

from router.cli.client import Daemon, part
from router.cli.completing import tables
from router.cli.exits import fail
from router.cli.group import did_you_mean
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document, rows
from router.config.types import Table

HEADERS = {
    "name": "NAME",
    "function": "FUNCTION",
    "installed": "INSTALLED",
    "cursor": "CURSOR",
    "head": "HEAD",
    "lag": "LAG",
    "error": "ERROR",
}


@click.group(invoke_without_command=True, short_help="List change feeds, install their triggers or take them out.")
@shared_options
@pass_settings
@click.pass_context
def feeds(ctx: click.Context, settings: Settings) -> None:
    """List change feeds: whether their triggers are installed, and how far each function has read."""
    if ctx.invoked_subcommand is not None:
        return
    with Daemon.of(settings) as daemon:
        found = daemon.get("/feeds")
    rows(settings, found, HEADERS, "no feeds")


@feeds.command(short_help="Install the triggers that note a table's changes.")
@click.argument("name", shell_complete=tables)
@click.option("--print", "only_print", is_flag=True, help="Print the SQL and change nothing; needs no daemon.")
@shared_options
@pass_settings
def install(settings: Settings, name: str, *, only_print: bool) -> None:
    """Install the triggers and the outbox table of the feed NAME in its database."""
    if only_print:
        from router.sources.feed_install import install_sql  # noqa: PLC0415 - only here

        _print_sql(settings, name, install_sql)
        return
    with Daemon.of(settings) as daemon:
        found = daemon.post(f"/feeds/{part(name)}/install")
    if settings.json:
        document(found)
    else:
        click.echo("installed")


@feeds.command(short_help="Take a feed's triggers and outbox out again.")
@click.argument("name", shell_complete=tables)
@click.option("--print", "only_print", is_flag=True, help="Print the SQL and change nothing; needs no daemon.")
@shared_options
@pass_settings
def uninstall(settings: Settings, name: str, *, only_print: bool) -> None:
    """Take the triggers and the outbox table of the feed NAME out of its database, with the changes in it.

    Refused while an enabled trigger reads the feed."""
    if only_print:
        from router.sources.feed_install import printed_uninstall  # noqa: PLC0415 - only here

        _print_sql(settings, name, printed_uninstall)
        return
    with Daemon.of(settings) as daemon:
        found = daemon.post(f"/feeds/{part(name)}/uninstall")
    if settings.json:
        document(found)
    else:
        click.echo(f"uninstalled, with {found['changes']} noted changes")


def _print_sql(settings: Settings, name: str, sql_of: Callable[[Table], str]) -> None:
    """What would be executed, for the database as it is."""
    from router.daemon import check  # noqa: PLC0415 - imports the daemon

    tables = check(settings.existing_config()).tables
    if name not in tables:
        fail(f"the config has no table {name}{did_you_mean(name, tables) or '; it has ' + (', '.join(tables) or 'none')}")
    sql = sql_of(tables[name])
    if settings.json:
        document({"sql": sql})
    else:
        click.echo(sql)
