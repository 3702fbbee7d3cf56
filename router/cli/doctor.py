"""`router doctor`: is this machine fit, and what to do where it is not."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from router.cli import checks
from router.cli.client import Daemon
from router.cli.exits import Exit, Failure, NotRunning
from router.cli.place import state_directory
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document, table
from router.cli.text import cell


@click.command(short_help="Check this machine and say how to fix what is wrong.")
@shared_options
@pass_settings
def doctor(settings: Settings) -> None:
    """Check this machine, the config and the state directory; with a running daemon, also what it found out.

    Works without a daemon and without a config. Exits 1 when something required is missing."""
    found = list(_rows(settings))
    if settings.json:
        document(found)
    else:
        _print(found)
    if any(row["required"] and not row["ok"] for row in found):
        raise SystemExit(Exit.FAILED)


def _rows(settings: Settings) -> Iterator[Mapping[str, Any]]:
    yield from map(asdict, checks.machine())
    if not settings.config_path.is_file():
        yield asdict(checks.no_config(settings.config_path))
        return
    state = state_directory(settings)
    yield from map(asdict, checks.config(settings.config_path))
    yield from map(asdict, checks.state(state))
    yield from _daemons_own(Daemon(state, timeout=10.0), settings.config_path)


def _daemons_own(daemon: Daemon, config: Path) -> Iterator[Mapping[str, Any]]:
    """What only the running daemon knows; where none runs, what would confine functions."""
    try:
        with daemon:
            version = str(daemon.get("/status")["version"])
            found = daemon.get("/doctor")
    except NotRunning:
        yield from checks.confinement(config)
        return
    except Failure as failure:
        yield asdict(checks.silent_daemon(failure.message))
        return
    yield asdict(checks.daemon_version(version))
    yield from found


def _print(found: list[Mapping[str, Any]]) -> None:
    verdicts = {True: "ok", False: "FAIL"}
    lines = [
        (verdicts[row["ok"]] if row["required"] or row["ok"] else "warn", *(cell(row[key]) for key in ("name", "wanted", "effective")))
        for row in found
    ]
    table([("", "NAME", "WANTED", "FOUND"), *lines])
    for row in found:
        if not row["ok"]:
            click.echo(f"{cell(row['name'])}: {cell(row['remedy'])}")
