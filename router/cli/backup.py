"""`router backup` and `router restore`: the state directory as one file, and back."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.cli.exits import fail
from router.cli.place import state_directory
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document, fields
from router.errors import StateLocked

if TYPE_CHECKING:
    from router.journal.backup import Summary

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Copy the state directory into one file, while the daemon works.")
@click.argument("file", type=FILE)
@shared_options
@pass_settings
def backup(settings: Settings, file: Path) -> None:
    """Copy journal, cursors, keys and versions into FILE, checked; compressed when its name ends in .gz.

    Everything acknowledged before the command is in it. Logs are not. Works with and without a running daemon."""
    from router.journal.backup import take  # noqa: PLC0415 - imports apsw

    _tell(settings, file, take(state_directory(settings), file.absolute(), now=time.time()))


@click.command(short_help="Put a backup back, or check one.")
@click.argument("file", type=FILE)
@click.option("--check", is_flag=True, help="Read all of it and change nothing.")
@click.option("--force", is_flag=True, help="Put what the state directory has aside, in before-restore-N.")
@shared_options
@pass_settings
def restore(settings: Settings, file: Path, *, check: bool, force: bool) -> None:
    """Put the backup FILE into the state directory; the daemon must not run.

    What was accepted and not done by the time of the backup runs; deliveries, files and ticks since then are not
    known any more and may run again. A daemon counts the time since the backup as time it was down."""
    from router.clock import SystemClock  # noqa: PLC0415 - only here
    from router.journal.lock import StateLock, prepare_state  # noqa: PLC0415 - only here
    from router.journal.restore import put_back, unpack  # noqa: PLC0415 - imports apsw

    if check:
        with tempfile.TemporaryDirectory(prefix="router-restore-") as place:
            _tell(settings, file, unpack(file, Path(place) / "state"))
        return
    state = state_directory(settings)
    prepare_state(state)
    try:
        lock = asyncio.run(StateLock.acquire(state, wait=0.0, clock=SystemClock()))
    except StateLocked as error:
        fail(str(error))
    try:
        summary = put_back(file, state, force=force)
    finally:
        lock.release()
    _tell(settings, file, summary)


def _tell(settings: Settings, file: Path, summary: "Summary") -> None:
    told = {"file": str(file), **summary._asdict()}
    if settings.json:
        document(told)
    else:
        fields(list(told.items()))
