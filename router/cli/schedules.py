"""`router schedules`: what will run when, and now."""

import time
from itertools import islice

import click

from router import names
from router.cli.client import Daemon, part
from router.cli.common import as_moment
from router.cli.exits import Exit, fail
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document, rows
from router.events import schedule, zones

HEADERS = {
    "name": "NAME",
    "function": "FUNCTION",
    "expression": "EXPRESSION",
    "timezone": "TIMEZONE",
    "next": "NEXT",
    "last": "LAST",
    "missed": "MISSED",
    "state": "STATE",
}


@click.group(invoke_without_command=True, short_help="List schedules, run one, compute fire times.")
@shared_options
@pass_settings
@click.pass_context
def schedules(ctx: click.Context, settings: Settings) -> None:
    """List schedules: when each ran last and runs next, and how many runs it missed."""
    if ctx.invoked_subcommand is not None:
        return
    with Daemon.of(settings) as daemon:
        found = daemon.get("/schedules")
    rows(settings, found, HEADERS, "no schedules")


@schedules.command("next", short_help="Compute when an expression fires; needs no daemon.")
@click.argument("expression")
@click.option("--timezone", default="UTC", show_default=True, metavar="ZONE", help="Of cron() and at(), e.g. Europe/Berlin.")
@click.option("--from", "start", metavar="AGE|TIME", callback=as_moment, help="Only later ones; rate() counts from here. [default: now]")
@click.option("--count", type=click.IntRange(1, 10_000), default=5, show_default=True, help="How many.")
@shared_options
@pass_settings
def next_(settings: Settings, expression: str, timezone: str, start: float | None, count: int) -> None:
    """Print when EXPRESSION fires next, in UTC: rate(5 minutes), cron(0 8 ? * MON-FRI *), at(2030-01-31T08:00:00)."""
    try:
        found = fire_times(expression, timezone, time.time() if start is None else start, count)
    except (schedule.InvalidSchedule, zones.UnknownZone) as error:
        fail(str(error), Exit.USAGE)
    if settings.json:
        document(found)
    elif not found:
        click.echo("never again", err=True)
    for line in () if settings.json else found:
        click.echo(line)


def fire_times(expression: str, timezone: str, start: float, count: int) -> list[str]:
    """The first *count* ticks after *start* (epoch seconds) as ISO 8601 in UTC; a rate counts from *start*, to the whole second.

    Raises InvalidSchedule, UnknownZone."""
    ticks = schedule.upcoming(schedule.parse(expression), start, zones.find(timezone), anchor=int(start))
    return [names.iso_s(tick) for tick in islice(ticks, count)]


@schedules.command("run", short_help="Fire a schedule now.")
@click.argument("name")
@shared_options
@pass_settings
def run(settings: Settings, name: str) -> None:
    """Fire the schedule NAME now, beside its own times; print the event's id."""
    with Daemon.of(settings) as daemon:
        found = daemon.post(f"/schedules/{part(name)}/run")
    if settings.json:
        document(found)
    else:
        click.echo(f"queued as {found['id']}")
