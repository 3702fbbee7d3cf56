"""`router service`: the daemon as a service of systemd, put in, taken out, or shown."""

import os
from collections.abc import Callable
from pathlib import Path
from shlex import join
from typing import Any, Final

import click

from router.cli.check import refuse
from router.cli.exits import Exit, fail
from router.cli.service_files import DROP_IN, SOCKETS
from router.cli.service_host import Host
from router.cli.service_plan import Plan, doubts, installed, planned, program
from router.cli.service_work import carry_out, left, start, take_out
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document
from router.cli.text import visible
from router.errors import ConfigError

root_option: Final = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Into the image of a machine below this directory; nothing is started.",
)


@click.group(short_help="Install the daemon as a service of systemd, take it out, show what that writes.")
@shared_options
def service() -> None:
    """The daemon as a service of systemd: started at boot, confined, restarted when it dies."""


@service.command(short_help="Write the units that this config needs, and start them.")
@click.option("--now", is_flag=True, help="Enable and start it too, and wait until it serves.")
@click.option("--force", is_flag=True, help="Overwrite a router.service, and other files of these names, of somebody else's.")
@root_option
@shared_options
@pass_settings
def install(settings: Settings, *, now: bool, force: bool, root: Path | None) -> None:
    """Write unit, account and directories as shipped, and one drop-in with what this program and this config need beside that.

    May be given again: after a change of the config it writes what has changed. Exits 1, with nothing written, when it cannot be a
    service: a config with mistakes, or a path that the service would not see."""
    if now and root:
        fail("--now starts it, and --root is for a machine that does not run: leave one out", Exit.USAGE)
    config, host = settings.existing_config(), _host(root)
    _permitted(host, ["install", *["--now"] * now, *["--force"] * force, *([f"--root={host.root}"] if root else []), f"--config={config}"])
    plan = _planned(settings, config, host)
    if refused := [*plan.refused, *(() if force else plan.foreign)]:
        refuse(settings, refused)
    running = _state(host)["active"] == "active"
    found = _disk(lambda: carry_out(plan, host))
    found["warnings"] = doubts(plan, host)
    if not settings.json:
        _say_installed(found)
    why = start(plan, host, found) if now else []
    _conclude(settings, host, plan, {**found, "failed": why}, now=now, running=running)


def _conclude(settings: Settings, host: Host, plan: Plan, found: dict[str, Any], *, now: bool, running: bool) -> None:
    state = _state(host)
    if settings.json:
        document({**found, **state})
    elif found["failed"]:
        click.echo(visible("\n".join(found["failed"]), keep="\n"), err=True)
    elif now:
        click.echo(visible(f"router.service is {state['active']}: {host.told('router.service').get('StatusText', '')}"))
        if running and not _changed(found):
            click.echo("it was running and goes on; a changed config is taken up by: systemctl reload router")
    elif host.root is None:
        _say_next(plan, found, running=running)
    if found["failed"]:
        raise SystemExit(Exit.FAILED)


def _changed(found: dict[str, Any]) -> bool:
    return any(row["state"] != "unchanged" for row in found["files"])


def _say_next(plan: Plan, found: dict[str, Any], *, running: bool) -> None:
    """What is still to be done."""
    units = " ".join([*(SOCKETS[name].name for name in plan.needed.sockets), "router.service"])
    if not running:
        click.echo(f"start it with: systemctl enable --now {units}")
    elif _changed(found):
        click.echo("it runs as it was; take up what has changed with: systemctl restart router.service")


def _say_installed(found: dict[str, Any]) -> None:
    for row in found["files"]:
        click.echo(visible(f"{row['state']:<9} {row['path']}"))
    for path in found["directories"]:
        click.echo(visible(f"{'made':<9} {path}"))
    for line in found["warnings"]:
        click.echo(visible(f"warning: {line}"), err=True)


@service.command(short_help="Stop it and remove what install wrote.")
@root_option
@shared_options
@pass_settings
def uninstall(settings: Settings, *, root: Path | None) -> None:
    """Stop and disable the service, and remove the files that install wrote. Drop-ins of yours, the config and all data stay; it says where."""
    host = _host(root)
    there = installed(host)
    if there:
        _permitted(host, ["uninstall", *([f"--root={host.root}"] if root else [])])
    stays = left(host, there) if there else []
    found = {"files": _disk(lambda: take_out(host, there)) if there else [], "stays": stays}
    if settings.json:
        document(found)
        return
    for row in found["files"]:
        click.echo(visible(f"{row['state']:<9} {row['path']}"))
    for row in stays:
        click.echo(visible(f"{'stays':<9} {row['path']}; remove it with: {row['remove']}"))
    if not there:
        click.echo("nothing is installed")


@service.command(short_help="Print what install would write.")
@root_option
@shared_options
@pass_settings
def show(settings: Settings, *, root: Path | None) -> None:
    """Print every file that `install` would write for this config, and whether it is there. Needs no root."""
    host = _host(root)
    plan = _planned(settings, settings.existing_config(), host)
    found: list[tuple[Path, str, str | None]] = [(file.path, state, file.text) for file, state in plan.files]
    found += [(path, "obsolete", None) for path in plan.obsolete]
    refused = [*plan.refused, *plan.foreign]
    if settings.json:
        files = [{"path": str(path), "state": state, "text": text} for path, state, text in found]
        document({"files": files, "refused": refused, "warnings": doubts(plan, host), **_state(host)})
        return
    for path, state, text in found:
        click.echo(visible(f"# {path}  ({state})"))
        click.echo(visible(text or "# not needed any more: install removes it\n", keep="\n"))
    if not any(path == DROP_IN for path, _, _ in found):
        click.echo("# no drop-in: the unit as it is shipped does")
    for line in [f"refused: {line}" for line in refused] + [f"warning: {line}" for line in doubts(plan, host)]:
        click.echo(visible(line), err=True)


def _host(root: Path | None) -> Host:
    return Host(Path(os.path.abspath(root)) if root else None)  # noqa: PTH100 - resolve() would follow a symlink


def _planned(settings: Settings, config: Path, host: Host) -> Plan:
    try:
        return planned(config, host)
    except ConfigError as error:
        refuse(settings, error.problems)


def _permitted(host: Host, words: list[str]) -> None:
    """Only root may, and only where systemd runs. Fails with what to type, or to do."""
    if os.geteuid() != 0:
        fail(f"only root may do that; type: {join(['sudo', *program()[0], 'service', *words])}")
    if host.root is None and not host.booted():
        fail("systemd does not run this machine: `router run` serves without it, --root DIR writes into an image of another machine")


def _disk(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")


def _state(host: Host) -> dict[str, str | None]:
    told = host.told("router.service")
    return {"active": told.get("ActiveState"), "enabled": told.get("UnitFileState") or None}
