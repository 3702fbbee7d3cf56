"""`router feeds`: tables whose changes are events."""

import click

from router.cli.client import Daemon, part
from router.cli.exits import fail
from router.cli.group import did_you_mean
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document, rows

HEADERS = {
    "name": "NAME",
    "function": "FUNCTION",
    "installed": "INSTALLED",
    "cursor": "CURSOR",
    "head": "HEAD",
    "lag": "LAG",
    "error": "ERROR",
}


@click.group(invoke_without_command=True, short_help="List change feeds, install their triggers.")
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
@click.argument("name")
@click.option("--print", "only_print", is_flag=True, help="Print the SQL and change nothing; needs no daemon.")
@shared_options
@pass_settings
def install(settings: Settings, name: str, *, only_print: bool) -> None:
    """Install the triggers and the outbox table of the feed NAME in its database."""
    if only_print:
        _print_sql(settings, name)
        return
    with Daemon.of(settings) as daemon:
        found = daemon.post(f"/feeds/{part(name)}/install")
    if settings.json:
        document(found)
    else:
        click.echo("installed")


def _print_sql(settings: Settings, name: str) -> None:
    """What install would execute, read from the database as it is."""
    from router.daemon import check  # noqa: PLC0415 - imports the daemon
    from router.sources.feed_install import install_sql  # noqa: PLC0415

    tables = check(settings.existing_config()).tables
    if name not in tables:
        fail(f"the config has no table {name}{did_you_mean(name, tables) or '; it has ' + (', '.join(tables) or 'none')}")
    sql = install_sql(tables[name])
    if settings.json:
        document({"sql": sql})
    else:
        click.echo(sql)
