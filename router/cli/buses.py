"""`router buses`: event buses, their rules, events put on them by hand, and replays of what they archived."""

import json
from typing import Any, BinaryIO

import click

from router.cli.client import Daemon, part
from router.cli.common import as_moment
from router.cli.exits import Exit, fail
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document, rows

HEADERS = {"name": "NAME", "rules": "RULES", "archive": "ARCHIVE", "events": "EVENTS", "oldest": "OLDEST", "newest": "NEWEST"}
RULES = {"bus": "BUS", "name": "NAME", "function": "FUNCTION", "pattern": "PATTERN"}
REPLAYS = {
    "name": "NAME",
    "bus": "BUS",
    "state": "STATE",
    "events": "EVENTS",
    "from": "FROM",
    "to": "TO",
    "began": "BEGAN",
    "ended": "ENDED",
    "reason": "REASON",
}
RESULTS = {"EventId": "ID", "ErrorCode": "ERROR", "ErrorMessage": "MESSAGE"}


@click.group(invoke_without_command=True, short_help="List event buses and rules, put events, replay archived ones.")
@shared_options
@pass_settings
@click.pass_context
def buses(ctx: click.Context, settings: Settings) -> None:
    """List event buses: how many rules each has, and what its archive holds."""
    if ctx.invoked_subcommand is not None:
        return
    with Daemon.of(settings) as daemon:
        found = daemon.get("/buses")
    rows(settings, found, HEADERS, "no buses")


@buses.command(short_help="List rules.")
@shared_options
@pass_settings
def rules(settings: Settings) -> None:
    """List the rules of all buses, with their functions and patterns."""
    with Daemon.of(settings) as daemon:
        found = daemon.get("/buses/rules")
    rows(settings, found, RULES, "no rules")


@buses.command(short_help="Put events on a bus, as PutEvents does.")
@click.option("-e", "--entries", type=click.File("rb"), help="PutEvents entries, a JSON list of 1 to 10: a file, or - for stdin.")
@click.option("--bus", metavar="NAME", help="The bus. [default: default]")
@click.option("--source", metavar="TEXT", help="Source of a single event.")
@click.option("--detail-type", metavar="TEXT", help="DetailType of a single event.")
@click.option("--detail", metavar="JSON", help="Detail of a single event, a JSON object.")
@shared_options
@pass_settings
def put(settings: Settings, /, entries: BinaryIO | None, bus: str | None, **single: str | None) -> None:
    """Put events on a bus: one, by --source, --detail-type and --detail, or those of --entries; print their ids.

    Exit code 1 when any was refused."""
    given = _entries(entries, single)
    if bus:
        given = [{"EventBusName": bus} | entry if isinstance(entry, dict) else entry for entry in given]
    with Daemon.of(settings) as daemon:
        found = daemon.post("/buses/events", {"Entries": given})
    if settings.json:
        document(found)
    else:
        rows(settings, [{key: entry.get(key) for key in RESULTS} for entry in found["Entries"]], RESULTS, "no events")
    if found["FailedEntryCount"]:
        raise SystemExit(Exit.FAILED)


def _entries(entries: BinaryIO | None, single: dict[str, str | None]) -> list[Any]:
    told = {key: value for key, value in single.items() if value is not None}
    if (entries is None) == (not told):
        fail("say either --entries, or --source, --detail-type and --detail", Exit.USAGE)
    if entries is None:
        words = {"source": "Source", "detail_type": "DetailType", "detail": "Detail"}
        return [{words[key]: value for key, value in told.items()}]
    try:
        found = json.loads(entries.read())
    except (ValueError, RecursionError) as error:
        fail(f"the entries are not JSON: {error}", Exit.USAGE)
    if isinstance(found, dict) and isinstance(found.get("Entries"), list):
        found = found["Entries"]
    if not isinstance(found, list):
        fail("the entries are not a JSON list", Exit.USAGE)
    return list(found)


@buses.command(short_help="Send archived events to their rules again.")
@click.option("--bus", metavar="NAME", default="default", show_default=True, help="The bus.")
@click.option("--from", "start", metavar="AGE|TIME", callback=as_moment, help="Events of this time or later. [default: the oldest]")
@click.option("--to", "finish", metavar="AGE|TIME", callback=as_moment, help="Events of this time or earlier. [default: the newest]")
@click.option("--rule", "rules_", metavar="NAME", multiple=True, help="Only to this rule; may be given several times.")
@click.option("--pattern", metavar="JSON", help="Only events that match this pattern.")
@click.option("--name", metavar="NAME", help="The replay's name, which its events carry. [default: one is made]")
@shared_options
@pass_settings
def replay(settings: Settings, /, start: float | None, finish: float | None, rules_: tuple[str, ...], **keys: str | None) -> None:
    """Send archived events to the rules of their bus again, in the order of their time; each carries replay-name."""
    body: dict[str, Any] = {key: value for key, value in keys.items() if value}
    body |= {key: at for key, at in (("from", start), ("to", finish)) if at is not None}
    with Daemon.of(settings) as daemon:
        found = daemon.post("/buses/replays", body | {"rules": list(rules_)})
    if settings.json:
        document(found)
    else:
        click.echo(f"replay {found['name']} begins; see `router buses replays`")


@buses.command(short_help="List replays, newest first.")
@shared_options
@pass_settings
def replays(settings: Settings) -> None:
    """List replays of the last 90 days, newest first, with how far each came."""
    with Daemon.of(settings) as daemon:
        found = daemon.get("/buses/replays")
    rows(settings, found, REPLAYS, "no replays")


@buses.command(short_help="End a replay.")
@click.argument("name")
@shared_options
@pass_settings
def cancel(settings: Settings, name: str) -> None:
    """End the replay NAME; what it has sent stays sent."""
    with Daemon.of(settings) as daemon:
        found = daemon.post(f"/buses/replays/{part(name)}/cancel")
    if settings.json:
        document(found)
    else:
        click.echo("cancelled")
