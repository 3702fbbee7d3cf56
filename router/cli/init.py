"""`router init`: a first config.yaml, or one made of a SAM or CloudFormation template."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click
from click.core import ParameterSource

from router.cli.built import looked_at
from router.cli.exits import Exit, fail
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document
from router.cli.template import Wanted, report, report_outputs, template_options, translated
from router.cli.template_source import directory
from router.cli.template_written import drawn, write
from router.cli.text import visible
from router.errors import ConfigError

if TYPE_CHECKING:
    from router.templates.words import Translation

HANDLER: Final = '''"""A Lambda function: curl http://127.0.0.1:8080/hello, or drop a file into data/inbox."""

import json


def handler(event, context):
    for record in event.get("Records", []):
        print("new file:", record["s3"]["object"]["key"])
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps({"hello": "world"})}
'''
CONFIG: Final = """# `router check` says what is wrong with this file, `router run` serves it, `router reload` takes up changes.
version: 1
state: ./state # queue, cursors, logs; one daemon at a time

buckets: # a directory is a bucket
  inbox: ./data/inbox

functions:
  hello:
    code: ./handlers/hello # a directory or a .zip
    handler: app.handler # file.function
    timeout: 10 # seconds
    triggers:
      - http: GET /hello # curl http://127.0.0.1:8080/hello
      - s3: inbox # cp FILE data/inbox/
      # - schedule: rate(5 minutes)
      # - queue: jobs
"""
_HEAD: Final = (
    "Written by `router init --from {name}`; what runs differently is said above it.",
    "`router check` says what is wrong with this file.",
)


@click.command(short_help="Write a first config, or one made of a SAM template.")
@click.option(
    "--from", "template", type=click.Path(path_type=Path), help="A SAM or CloudFormation template to translate, or what cdk synth wrote."
)
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@template_options
@shared_options
@pass_settings
@click.pass_context
def init(ctx: click.Context, settings: Settings, /, template: Path | None, *, force: bool, **options: Any) -> None:
    """Write config.yaml, and say for every resource of a template whether it runs, runs differently (how), or is refused (why).

    Without --from: a small config with one function. Exits 1, and writes nothing, when a resource is refused, unless --allow-refused."""
    path = settings.config_path
    if path.exists() and not force:
        fail(f"{path} is there already; --force overwrites it")
    if template is None:
        if given := [name for name in options if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]:
            fail(f"--{given[0].replace('_', '-').removesuffix('s')} is for a template: name one with --from", Exit.USAGE)
        _fresh(settings, path)
        return
    wanted = Wanted.of(template, options)
    _from_template(settings, wanted, path)


def _fresh(settings: Settings, path: Path) -> None:
    handler = path.parent / "handlers/hello/app.py"
    try:
        if not handler.exists():
            handler.parent.mkdir(parents=True, exist_ok=True)
            handler.write_text(HANDLER)
        path.write_text(CONFIG)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    if settings.json:
        document({"config": str(path), "resources": []})
    else:
        click.echo(visible(f"wrote {path} and {handler}; start with: {_start(settings, path)}"))


def _start(settings: Settings, path: Path) -> str:
    """The command that serves what was written: the config is named where it would not be found by itself."""
    return "router run" if path == Settings().config_path else shlex.join(("router", "run", "--config", settings.config or str(path)))


def _from_template(settings: Settings, wanted: Wanted, path: Path) -> None:
    base = os.path.relpath(directory(wanted.template), path.parent)
    try:
        found = looked_at(translated(wanted, base=base, data="./data", state="./state", draw=drawn), path.parent)
    except ConfigError as error:
        _refuse(settings, None, error.problems)
    if found.refused and not wanted.allow_refused:
        count = len(found.refused)
        _refuse(settings, found, (f"{count} refused: nothing was written; --allow-refused writes the rest",))
    try:
        write(found, path, tuple(line.format(name=wanted.template.name) for line in _HEAD), wanted.template.name)
    except ConfigError as error:
        _refuse(settings, found, (*error.problems, "nothing was written"))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    if settings.json:
        document(_told(found, path, ()))
        return
    report(found.rows)
    report_outputs(found.outputs)
    click.echo(visible(f"wrote {path}; start with: {_start(settings, path)}"))


def _refuse(settings: Settings, found: "Translation | None", problems: tuple[str, ...]) -> NoReturn:
    if settings.json:
        document(_told(found, None, problems))
    elif found is not None:
        report(found.rows)
    for problem in () if settings.json else problems:
        click.echo(visible(problem), err=True)
    raise SystemExit(Exit.FAILED)


def _told(found: "Translation | None", path: Path | None, problems: tuple[str, ...]) -> dict[str, Any]:
    return {
        "config": str(path) if path else None,
        "resources": [row.json() for row in found.rows] if found else [],
        "outputs": dict(found.outputs) if found else {},
        "problems": list(problems),
    }
