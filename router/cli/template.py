"""A template read from disk, translated, and reported: what `init --from` and `run --template` share."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import click

from router.cli.exits import Exit, fail
from router.cli.show import coloured
from router.cli.template_source import Source, directory, home, source, text_of
from router.cli.text import columns, visible
from router.errors import ConfigError

if TYPE_CHECKING:
    from router.templates.naming import Place
    from router.templates.words import Row, Translation

LISTENERS: Final = ("http", "aws", "console")
MATCH_SECONDS: Final = 2.0
_UNLIKE: Final = """
import json, re, sys
pattern, texts = json.load(sys.stdin)
json.dump(next((text for text in texts if not re.fullmatch(pattern, text)), None), sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says."""

    template: Path
    parameters: Mapping[str, str] = field(default_factory=dict)
    listen: Mapping[str, str] = field(default_factory=dict)
    region: str = ""  # "": the assembly's, or us-east-1
    account: str = ""  # "": the assembly's, or 123456789012
    stack: str = ""
    stacks: tuple[str, ...] = ()  # of an assembly; none: all
    allow_refused: bool = False
    layers: Mapping[str, str] = field(default_factory=dict)  # ARN → path
    imports: Mapping[str, str] = field(default_factory=dict)  # what other stacks export: name → value

    @classmethod
    def of(cls, template: Path, options: Mapping[str, Any]) -> Self:
        """From what template_options() read."""
        names = ("parameters", "listen", "region", "account", "stack_name", "stacks", "allow_refused", "layers", "imports")
        return cls(template, *(options[name] for name in names))

    @property
    def home(self) -> Path:
        """Where its data and state belong."""
        return home(self.template)


def pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """An option's callback: KEY=VALUE, repeated, as a mapping."""
    found = {}
    for value in values:
        key, mark, rest = value.partition("=")
        if not mark or not key:
            raise click.BadParameter(f"{value!r}: write KEY=VALUE", ctx, param)
        found[key] = rest
    return found


def template_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how a template is translated."""
    for option in reversed(
        (
            click.option("--parameter", "parameters", multiple=True, metavar="KEY=VALUE", callback=pairs, help="A parameter; repeatable."),
            click.option(
                "--listen", multiple=True, metavar="NAME=ADDRESS", callback=pairs, help="Where http, aws or console waits; repeatable."
            ),
            click.option(
                "--import", "imports", multiple=True, metavar="NAME=VALUE", callback=pairs, help="What another stack exports; repeatable."
            ),
            click.option(
                "--layer",
                "layers",
                multiple=True,
                metavar="ARN=PATH",
                callback=pairs,
                help="A layer that is not of the template; repeatable.",
            ),
            click.option("--region", default="", help="AWS::Region. [default: us-east-1, or what the stack is for]"),
            click.option("--account", default="", help="AWS::AccountId. [default: 123456789012, or what the stack is for]"),
            click.option("--stack-name", default="", help="AWS::StackName. [default: the template's directory, or the stack's name]"),
            click.option(
                "--stack", "stacks", multiple=True, metavar="NAME", help="A stack of a directory that cdk synth wrote; repeatable."
            ),
            click.option("--allow-refused", is_flag=True, help="Go on without the resources that are refused."),
        )
    ):
        command = option(command)
    return command


def translated(wanted: Wanted, *, base: str, data: str, state: str, draw: Callable[[str], str]) -> "Translation":
    """The template as a config and a report; *base*, *data*, *state*: paths as the config is to have them. Raises ConfigError."""
    from router.config.hiding import Hiding  # noqa: PLC0415 - as all of it here, only when there is a template
    from router.templates import translate  # noqa: PLC0415 - imports YAML
    from router.templates.words import TemplateError  # noqa: PLC0415 - as above

    if wrong := [name for name in wanted.listen if name not in LISTENERS]:
        fail(f"--listen {wrong[0]}: no such listener; {', '.join(LISTENERS)} are", Exit.USAGE)
    listen = dict(wanted.listen)
    parameters, secrets = _parameters(wanted)
    try:
        read = source(wanted.template, wanted.stacks)
        place = _place(wanted, read)
        top: dict[str, Any] = {"region": place.region, "account": place.account, "state": state} | ({"listen": listen} if listen else {})
        found = translate.translated(
            read.document,
            translate.Options(
                place, parameters, base, data, draw, top, unlike, _reading(directory(wanted.template)), _layers(wanted), wanted.imports
            ),
        )
    except TemplateError as error:
        problems = map(Hiding(secrets).hidden, error.problems)
        raise ConfigError(tuple(f"{wanted.template.name}: {problem}" for problem in problems)) from None
    return replace(found, secrets=found.secrets | secrets)


def unlike(pattern: str, texts: Sequence[str]) -> str | None:
    """The first text that a pattern does not match, found out by another process: a pattern can take for ever, and would hold up all
    threads of this one. Raises TemplateError."""
    from router.templates.words import TemplateError  # noqa: PLC0415 - as above

    given = json.dumps([pattern, list(texts)])
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _UNLIKE], input=given, capture_output=True, text=True, timeout=MATCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise TemplateError(f"matching takes over {MATCH_SECONDS:g} s") from None
    if done.returncode:
        raise TemplateError("no regular expression")
    found: str | None = json.loads(done.stdout)
    return found


def _place(wanted: Wanted, read: Source) -> "Place":
    from router.templates.naming import Place  # noqa: PLC0415 - as above

    stack = wanted.stack or read.stack or re.sub(r"[^A-Za-z0-9-]+", "-", wanted.home.name).strip("-")
    region, account = wanted.region or read.region or "us-east-1", wanted.account or read.account or "123456789012"
    http, aws = _reached(wanted.listen.get("http", ""), 8080), _reached(wanted.listen.get("aws", ""), 4566)
    return Place(region, account, stack if stack[:1].isalpha() else f"stack-{stack}".rstrip("-"), f"http://{aws}", http)


def _parameters(wanted: Wanted) -> tuple[dict[str, str], frozenset[str]]:
    """Parameters, with what `${env:NAME}`, `${credential:NAME}` and `${file:PATH}` in them stand for: no secret needs to be an argument.
    And the secrets in them."""
    from router.config.references import References, Unresolved  # noqa: PLC0415 - as above

    references = References(os.environ, Path.cwd())
    try:
        return {name: references.resolve(value) for name, value in wanted.parameters.items()}, references.given
    except Unresolved as error:
        raise ConfigError((f"--parameter: {error}",)) from None


def _reading(beside: Path) -> Callable[[str], str]:
    """Reads what a template includes, by its path from the template's directory. Raises Refused."""
    from router.templates.document import LARGEST  # noqa: PLC0415 - as above
    from router.templates.words import Refused  # noqa: PLC0415 - as above

    def read(path: str) -> str:
        try:
            return text_of(beside / path, LARGEST)
        except ConfigError as error:
            raise Refused("; ".join(error.problems)) from None

    return read


def _layers(wanted: Wanted) -> dict[str, str]:
    """Layers by ARN, each where it is. Raises ConfigError."""
    if missing := [path for path in wanted.layers.values() if not Path(path).exists()]:
        raise ConfigError(tuple(f"--layer: {path}: no such directory or .zip" for path in missing))
    return {arn: str(Path(path).absolute()) for arn, path in wanted.layers.items()}


def _reached(address: str, port: int) -> str:
    """Host and port at which a function reaches a listener."""
    host, _, number = address.rpartition(":")
    return f"{host if host not in {'', '0.0.0.0', '[::]'} else '127.0.0.1'}:{number}" if number.isdigit() else f"127.0.0.1:{port}"  # noqa: S104 - compared


def report(rows: Iterable["Row"], *, err: bool = False) -> None:
    """For every resource what becomes of it, for people."""
    listed = list(rows)
    table = [(row.resource, row.type, row.verdict, row.becomes or "-") for row in listed]
    lines = columns([tuple(map(visible, cells)) for cells in table], None)
    colours = {"refused": "red", "runs differently": "yellow", "not created": "bright_black"}
    for row, line in zip(listed, lines, strict=True):
        colour = colours.get(row.verdict)
        click.echo(click.style(line, fg=colour) if coloured() and colour else line, err=err)
        for note in row.notes:
            click.echo(visible(f"    {note}"), err=err)


def report_outputs(outputs: Mapping[str, Any], *, err: bool = False) -> None:
    """What the template wants shown, a line each."""
    for name, value in outputs.items():
        click.echo(visible(f"output {name}: {value}"), err=err)


def problems_of(refused: Iterable["Row"], template: Path) -> tuple[str, ...]:
    """Refused resources as mistakes of a file."""
    return tuple(
        ": ".join((f"{template.name}:{row.line}" if row.line else template.name, f"{row.resource} ({row.type}) is refused", *row.notes))
        for row in refused
    )
