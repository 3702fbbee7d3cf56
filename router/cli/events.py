"""`router events`: what was accepted, what became of it, and once more."""

from collections.abc import Mapping
from typing import Any

import click

from router.cli.client import Daemon, part
from router.cli.common import function_option, limit_option, since_option
from router.cli.completing import functions
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document, fields, rows, table
from router.cli.text import cell, visible

STATES = ("queued", "running", "retrying", "succeeded", "dead", "expired", "discarded")
FINISHED = ("succeeded", "dead", "expired", "discarded")
HEADERS = {
    "id": "ID",
    "function": "FUNCTION",
    "source": "SOURCE",
    "state": "STATE",
    "attempts": "ATTEMPTS",
    "created": "CREATED",
    "finished": "FINISHED",
    "error": "ERROR",
}


@click.group(short_help="List, show and replay accepted events.")
@shared_options
def events() -> None:
    """Accepted events: what is queued, what ran, what failed."""


@events.command("list", short_help="List events, newest first.")
@function_option
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--source", metavar="NAME", help="Only those of this source, e.g. s3:inbox.")
@since_option
@click.option("--before", metavar="ID", help="Only those accepted before this one: pages on.")
@limit_option
@shared_options
@pass_settings
def list_(settings: Settings, /, **query: Any) -> None:
    """List events, newest first."""
    with Daemon.of(settings) as daemon:
        found = daemon.get("/events", **query)
    rows(settings, found, HEADERS, "no events")


@events.command(short_help="Show an event with its payload and its failed attempts.")
@click.argument("event_id", metavar="ID")
@shared_options
@pass_settings
def show(settings: Settings, event_id: str) -> None:
    """Show the event ID with its payload and its failed attempts."""
    with Daemon.of(settings) as daemon:
        found = daemon.get(f"/events/{part(event_id)}")
    detail(settings, found)


@events.command(short_help="Queue copies of finished events.")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@function_option
@click.option("--state", type=click.Choice(FINISHED), help="Only those in this state.")
@click.option("--source", metavar="NAME", help="Only those of this source, e.g. s3:inbox.")
@since_option
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="The newest so many.")
@click.option("--to", metavar="NAME", shell_complete=functions, help="To this function instead of their own.")
@click.option("--dry-run", is_flag=True, help="List what would be replayed and queue nothing.")
@shared_options
@pass_settings
def replay(settings: Settings, /, ids: tuple[str, ...], to: str | None, *, dry_run: bool, limit: int, **query: Any) -> None:
    """Queue copies of the finished events ID, or of those that a filter names, oldest first; print the copies' ids."""
    filters = {name: value for name, value in query.items() if value is not None}
    if bool(ids) == bool(filters):
        raise click.UsageError("name events by ID, or give a filter: --function, --state, --source or --since")
    if ids and dry_run:
        raise click.UsageError("--dry-run is for filters: `router events show ID` shows an event")
    wanted = {"ids": list(ids)} if ids else {"query": {**filters, "limit": limit}, "dry_run": dry_run}
    with Daemon.of(settings) as daemon:
        found = daemon.post("/events/replay", wanted | ({"to": to} if to else {}))
    if settings.json:
        document(found)
    elif dry_run:
        rows(settings, found["events"], HEADERS, "no events")
    else:
        click.echo("\n".join(f"queued as {copy}" for copy in found["ids"]) or "no events")
    if found.get("more"):
        click.echo(f"only the newest {limit}: there are more, see --limit", err=True)


def detail(settings: Settings, found: Mapping[str, Any]) -> None:
    """An event, its failed attempts and its payload."""
    if settings.json:
        document(found)
        return
    fields(list(found["event"].items()))
    if found["history"]:
        click.echo()
        table([("ATTEMPT", "AT", "ERROR"), *((cell(row["attempt"]), cell(row["at"]), cell(row["error"])) for row in found["history"])])
    click.echo()
    click.echo("payload not kept (payloads: off)" if found["payload"] is None else visible(found["payload"], keep="\n"))
