"""`router dlq`: events whose attempts are exhausted, kept with their last error, and the way back."""

from typing import Any

import click

from router.cli.client import Daemon, part
from router.cli.common import function_option, limit_option
from router.cli.completing import functions
from router.cli.events import HEADERS, detail
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document, rows


@click.group(short_help="List, show, redrive and purge dead letters.")
@shared_options
def dlq() -> None:
    """Dead letters: events that failed on every attempt or grew too old."""


@dlq.command("list", short_help="List dead letters, newest first.")
@function_option
@limit_option
@shared_options
@pass_settings
def list_(settings: Settings, /, **query: Any) -> None:
    """List dead letters, newest first."""
    with Daemon.of(settings) as daemon:
        found = daemon.get("/dlq", **query)
    rows(settings, found, HEADERS, "no dead letters")


@dlq.command(short_help="Show a dead letter with its payload and its failed attempts.")
@click.argument("event_id", metavar="ID")
@shared_options
@pass_settings
def show(settings: Settings, event_id: str) -> None:
    """Show the dead letter ID with its payload and its failed attempts."""
    with Daemon.of(settings) as daemon:
        found = daemon.get(f"/dlq/{part(event_id)}")
    detail(settings, found)


@dlq.command(short_help="Queue dead letters again, under their own ids.")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--function", metavar="NAME", shell_complete=functions, help="All of this function.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@shared_options
@pass_settings
def redrive(settings: Settings, ids: tuple[str, ...], function: str | None, *, everything: bool) -> None:
    """Queue dead letters again, under their own ids, with attempts and age counted from zero."""
    wanted = _wanted(ids, function, everything=everything)
    with Daemon.of(settings) as daemon:
        found = daemon.post("/dlq/redrive", wanted)
    if settings.json:
        document(found)
    else:
        click.echo(f"{found['redriven']} queued again")


@dlq.command(short_help="Remove dead letters for good.")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--function", metavar="NAME", shell_complete=functions, help="All of this function.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@shared_options
@pass_settings
def purge(settings: Settings, ids: tuple[str, ...], function: str | None, *, everything: bool, yes: bool) -> None:
    """Remove dead letters for good, with their payloads and their history."""
    wanted = _wanted(ids, function, everything=everything)
    if not yes and not ids:
        click.confirm(f"Remove all dead letters{f' of {function}' if function else ''} for good?", abort=True, err=True)
    with Daemon.of(settings) as daemon:
        found = daemon.post("/dlq/purge", wanted)
    if settings.json:
        document(found)
    else:
        click.echo(f"{found['purged']} removed")


def _wanted(ids: tuple[str, ...], function: str | None, *, everything: bool) -> dict[str, Any]:
    if sum(map(bool, (ids, function, everything))) != 1:
        raise click.UsageError("name dead letters by ID, or give --function NAME, or --all: one of the three")
    return {"ids": list(ids)} if ids else {"function": function} if function else {"all": True}
