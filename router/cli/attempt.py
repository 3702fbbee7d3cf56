"""`router try`: all four triggers in a daemon of its own that leaves nothing behind."""

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import click

from router.cli.exits import Failure, fail
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document
from router.cli.text import visible
from router.cli.trial import Disappointed, Step, Trial


@click.command("try", short_help="Show all four triggers at work in a temporary daemon.")
@click.option("--keep", is_flag=True, help="Leave the daemon running and its directory where it is.")
@shared_options
@pass_settings
def attempt(settings: Settings, *, keep: bool) -> None:
    """Start a daemon on a temporary copy of the shipped config, drop a file, call a route, change a row, fire a schedule,
    and print what happened with the log lines.

    Ports are chosen by the system; everything is removed at the end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    started = time.monotonic()
    trial = Trial(Path(tempfile.mkdtemp(prefix="event-router-try-")))
    kept = False
    try:
        steps = _take(trial, _silent if settings.json else click.echo)
        kept = keep
    finally:
        if not kept:
            trial.stop()
            shutil.rmtree(trial.directory, ignore_errors=True)
    seconds = round(time.monotonic() - started, 1)
    if settings.json:
        left = {"directory": str(trial.directory), "pid": trial.pid, "url": trial.url} if kept else None
        document({"ok": True, "seconds": seconds, "steps": [asdict(step) for step in steps], "kept": left})
        return
    click.echo(f"all four triggers ran their handlers, in {seconds} s")
    if kept:
        click.echo(f"kept: {trial.url} serves {trial.config}\nstop it: kill {trial.pid} && rm -r {trial.directory}")


def _interrupt(number: int, frame: object) -> NoReturn:
    """However this ends, the daemon ends with it."""
    del number, frame
    sys.unraisablehook = lambda _: None  # what was just being made may say so as it goes
    raise KeyboardInterrupt


def _take(trial: Trial, say: Callable[[str], None]) -> list[Step]:
    """Start the daemon and take every step, telling of each. Fails with what was seen."""
    taken = []
    try:
        trial.start()
        say(f"a daemon serves a copy of the shipped sample at {trial.url}\n")
        for step in trial.steps():
            taken.append(step)
            say(_told(step))
    except Disappointed as disappointment:
        fail(f"{disappointment}; the daemon said:\n{trial.evidence()}")
    except Failure as failure:
        fail(f"{failure.message}; the daemon said:\n{trial.evidence()}")
    return taken


def _told(step: Step) -> str:
    log = "".join(f"    | {visible(message, keep=chr(9))}\n" for message in step.log)
    return f"{step.trigger}: {visible(step.did)}\n  → {visible(step.outcome)}\n{log}"


def _silent(_: str) -> None:
    """JSON comes at the end."""
