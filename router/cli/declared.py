"""`router declared`: what the API declared beside config.yaml."""

import asyncio
from pathlib import Path
from typing import Any, Final

import click

from router.cli.client import Daemon, part
from router.cli.exits import NotRunning, fail
from router.cli.place import state_directory
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document, rows

HEADERS: Final = {"kind": "KIND", "name": "NAME", "changed": "CHANGED", "value": "VALUE"}


@click.group(invoke_without_command=True, short_help="List what the API declared, take something back.")
@shared_options
@pass_settings
@click.pass_context
def declared(ctx: click.Context, settings: Settings) -> None:
    """List what was declared through the AWS endpoint and is in force beside config.yaml. Works with and without a running daemon."""
    if ctx.invoked_subcommand is not None:
        return
    state = state_directory(settings)
    try:
        with Daemon(state) as daemon:
            found = daemon.get("/declared")
    except NotRunning:
        from router.api.declared import rows_of  # noqa: PLC0415 - rare
        from router.api.declared_store import kept  # noqa: PLC0415 - rare

        found = rows_of(kept(state))
    rows(settings, found, HEADERS, "the API has declared nothing")


@declared.command(short_help="Take back what the API declared.")
@click.argument("kind")
@click.argument("name")
@shared_options
@pass_settings
def remove(settings: Settings, kind: str, name: str) -> None:
    """Take back the NAME that the API declared under KIND (functions, queues, triggers …).

    A running daemon refuses it while something else needs it. Without one it is taken out of the store: the way out of a config that
    does not start because of it."""
    state = state_directory(settings)
    try:
        with Daemon(state) as daemon:
            daemon.post(f"/declared/{part(kind)}/{part(name)}/remove")
    except NotRunning:
        _take_out(state, kind, name)
    found: dict[str, Any] = {"kind": kind, "name": name, "removed": True}
    if settings.json:
        document(found)
    else:
        click.echo("removed")


def _take_out(state: Path, kind: str, name: str) -> None:
    """The same without a daemon; fails when one has the state directory, or nothing is declared so."""
    from router.api import versions  # noqa: PLC0415 - rare
    from router.api.declared_store import taken_out  # noqa: PLC0415 - rare
    from router.clock import SystemClock  # noqa: PLC0415 - rare
    from router.errors import StateLocked  # noqa: PLC0415 - rare
    from router.functions import permissions  # noqa: PLC0415 - rare
    from router.journal.lock import StateLock  # noqa: PLC0415 - rare

    if not state.is_dir():
        fail(f"the API has declared no {kind} {name}")
    try:
        lock = asyncio.run(StateLock.acquire(state, wait=0.0, clock=SystemClock()))
    except StateLocked as error:
        fail(str(error))
    belongings = {"versions": versions.forgetting(name), "function_permissions": permissions.forgetting(name)}
    try:
        if not taken_out(state, kind, name, belongings if kind == "functions" else {}):
            fail(f"the API has declared no {kind} {name}")
    finally:
        lock.release()
