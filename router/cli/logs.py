"""`router logs`: what functions logged, read from the state directory; no daemon needed."""

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from router import names
from router.cli.common import since_option
from router.cli.completing import functions
from router.cli.exits import fail
from router.cli.place import state_directory
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import coloured
from router.cli.text import visible
from router.telemetry import logs as logstore
from router.telemetry.logs import LogEvent

RECENT: Final = 600.0  # seconds that --follow looks back by itself, as `aws logs tail` does


@dataclass(frozen=True, slots=True)
class Choice:
    """Which events are wanted."""

    root: Path  # STATE/logs
    function: str | None
    since: float  # epoch seconds
    request_id: str
    failed: bool


@click.command(short_help="Print what functions logged.")
@click.argument("function", required=False, shell_complete=functions)
@click.option("-f", "--follow", is_flag=True, help="Go on as functions log more; begins 10 minutes ago unless --since says otherwise.")
@since_option
@click.option("--request-id", default="", metavar="ID", help="Only the invocations of this request, whole.")
@click.option("--failed", is_flag=True, help="Only invocations that failed, whole.")
@shared_options
@pass_settings
def logs(settings: Settings, function: str | None, *, follow: bool, since: float | None, request_id: str, failed: bool) -> None:
    """Print what FUNCTION, or every function, logged: oldest first, by time.

    With --output json one list; with --follow one JSON object a line."""
    state = state_directory(settings)
    if since is None:
        since = time.time() - RECENT if follow and not request_id else 0.0
    choice = Choice(state / "logs", function, since, request_id, failed)
    there = _there(choice.root)
    if follow:
        asyncio.run(_follow(choice, as_json=settings.json))
        return
    if not there:
        fail(f"nothing was logged yet: there is no {choice.root}")
    found = logstore.read(choice.root, function, since=since, request_id=request_id, failed=failed)
    if settings.json:
        _document(found)
        return
    empty = True
    for event in found:
        click.echo(line(event, with_function=function is None))
        empty = False
    if empty:
        chosen = " that match" if since or request_id or failed else ""
        click.echo(f"no log events{f' of {visible(function)}' if function else ''}{chosen}", err=True)


def _there(root: Path) -> bool:
    """Whether something was logged. Raises PermissionError, through which whoever follows would wait for ever."""
    try:
        root.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


async def _follow(choice: Choice, *, as_json: bool) -> None:
    following = logstore.follow(choice.root, choice.function, since=choice.since, request_id=choice.request_id, failed=choice.failed)
    async for event in following:
        click.echo(json.dumps(row(event)) if as_json else line(event, with_function=choice.function is None))


def _document(found: Iterable[LogEvent]) -> None:
    """One JSON list, written as it is read: a log may be larger than memory."""
    click.echo("[", nl=False)
    for number, event in enumerate(found):
        click.echo(f"{',' if number else ''}\n  {json.dumps(row(event))}", nl=False)
    click.echo("\n]")


def row(event: LogEvent) -> dict[str, str]:
    """One log event as JSON."""
    return {"time": names.iso_ms(event.at), "function": event.function, "stream": event.stream, "message": event.message}


def line(event: LogEvent, *, with_function: bool) -> str:
    """One log event for people: its time, its function, its message; further lines of the message are indented."""
    prefix = names.iso_ms(event.at) + (f" {visible(event.function)}" if with_function else "")
    message = visible(event.message.rstrip("\n"), keep="\n\t").replace("\n", "\n    ")
    return f"{click.style(prefix, dim=True) if coloured() else prefix} {message}"
