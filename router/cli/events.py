"""`router events`: what was accepted, what became of it, and once more."""

from collections.abc import Mapping
from typing import Any

import click

from router.cli.client import Daemon, part
from router.cli.common import function_option, limit_option, since_option
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document, fields, rows, table
from router.cli.text import cell, visible

STATES = ("queued", "running", "retrying", "succeeded", "dead", "expired", "discarded")
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


@events.command(short_help="Queue a copy of a finished event.")
@click.argument("event_id", metavar="ID")
@click.option("--function", metavar="NAME", help="To this function instead of its own.")
@shared_options
@pass_settings
def replay(settings: Settings, event_id: str, function: str | None) -> None:
    """Queue a copy of the finished event ID; print the copy's id."""
    with Daemon.of(settings) as daemon:
        found = daemon.post(f"/events/{part(event_id)}/replay", {"function": function} if function else {})
    if settings.json:
        document(found)
    else:
        click.echo(f"queued as {found['id']}")


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
    click.echo(visible(found["payload"], keep="\n"))
