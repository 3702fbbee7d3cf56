"""`router run`: the daemon in the foreground, on a config or on a SAM template."""

import gc
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from router import VERSION
from router.cli.built import looked_at
from router.cli.exits import Exit, fail
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.template import Wanted, problems_of, report, report_outputs, template_options, translated
from router.cli.template_source import directory
from router.cli.template_written import kept_keys, write
from router.cli.text import visible
from router.errors import ConfigError

if TYPE_CHECKING:
    from router.config.types import Config


_HEAD: Final = ("Made of {name} by `router run --template`, and again at every reload: change the template, not this file.",)


@click.command(short_help="Run the daemon in the foreground.")
@click.option(
    "--template",
    type=click.Path(path_type=Path),
    help="Serve a SAM or CloudFormation template, or what cdk synth wrote; its state is in ./state beside it.",
)
@template_options
@shared_options
@pass_settings
def run(settings: Settings, /, template: Path | None, **options: Any) -> None:
    """Run the daemon in the foreground; on a terminal, say first what it serves and what to try.

    The first Ctrl-C or SIGTERM drains: running functions finish, what is queued stays queued. The second leaves at once.
    Exits 2 when the config has mistakes, or the template refused resources and no --allow-refused."""
    gc.disable()  # until it serves: what start-up makes stays, and looking through it again and again takes a tenth of the time
    from router import daemon  # noqa: PLC0415 - imports the daemon

    path, render = (settings.there(), lambda: None) if template is None else _templated(settings, template, options)
    try:
        config = daemon.check(path, text=render(), apart=True) if sys.stdout.isatty() else None
        code = daemon.main(path, on_ready=lambda _: _say(config), render=render)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(visible(problem), err=True)
        raise SystemExit(Exit.USAGE) from None
    raise SystemExit(code)


def _templated(settings: Settings, template: Path, options: dict[str, Any]) -> tuple[Path, Callable[[], str | None]]:
    """Where the config that a template becomes lies, and what gives its text: the template is translated anew each time."""
    if settings.config is not None:
        fail("--template makes its own config: leave --config out", Exit.USAGE)
    wanted = Wanted.of(template.absolute(), options)
    path = wanted.home / "state/config.yaml"
    return path, partial(_render, wanted, [], path)


def _render(wanted: Wanted, told: list[Any], path: Path) -> str:
    """Translate, check, write. Raises ConfigError: what was in force stays."""
    found = translated(
        wanted,
        base=str(directory(wanted.template)),
        data=f"{wanted.home}/data",
        state=".",
        draw=kept_keys(path.parent / "template-keys.json"),
    )
    found = looked_at(found, path.parent)
    if found.refused and not wanted.allow_refused:
        raise ConfigError((*problems_of(found.refused, wanted.template), "--allow-refused goes on without them"))
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        text = write(found, path, tuple(line.format(name=wanted.template.name) for line in _HEAD), wanted.template.name)
    except OSError as error:
        raise ConfigError((f"{error.filename}: {error.strerror}",)) from error
    if told != [found.rows, found.outputs]:
        told[:] = [found.rows, found.outputs]
        report(found.rows, err=True)
        report_outputs(found.outputs, err=True)
        click.echo(visible(f"other commands: --config {path}"), err=True)
    return text


def _say(config: "Config | None") -> None:
    """What is served and what to try; None: nobody watches."""
    if config is None:
        return
    from router.cli.banner import banner, typed  # noqa: PLC0415 - for people only

    found = shutil.which("router")
    command = typed(str(Path(sys.argv[0]).absolute()), sys.executable, found and str(Path(found).absolute()), Path.cwd())
    kept = config.state / "console.token"
    token = kept.read_text().strip() if config.console.kind == "tcp" else ""  # the daemon, which is ready, has read it
    for line in banner(config, VERSION, Path.cwd(), command, token):
        click.echo(line)
