"""`router event`: the event that AWS would send, to try a handler with."""

import time

import click

from router.cli.exits import Exit, fail
from router.cli.group import did_you_mean
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.shapes import LATER, SHAPES, UnfitFact, built
from router.cli.show import document


def _known(ctx: click.Context, param: click.Parameter, value: str) -> str:
    there_are = f"; there are {', '.join(SHAPES)}"
    if value in LATER:
        fail(f"{value} is not supported yet{there_are}", Exit.USAGE)
    if value not in SHAPES:
        raise click.BadParameter(f"{value!r} is no type of event{did_you_mean(value, SHAPES) or there_are}", ctx, param)
    return value


def _pairs(ctx: click.Context, param: click.Parameter, words: tuple[str, ...]) -> dict[str, str]:
    facts = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise click.BadParameter(f"{word!r} is no fact: write key=value", ctx, param)
        facts[key] = value
    return facts


@click.command(short_help="Print the event that AWS would send.", epilog=f"Types: {', '.join(SHAPES)}.")
@click.argument("kind", metavar="TYPE", callback=_known)
@click.argument("facts", metavar="[KEY=VALUE]...", nargs=-1, callback=_pairs)
@shared_options
@pass_settings
def event(settings: Settings, kind: str, facts: dict[str, str]) -> None:
    """Print an event of TYPE as AWS would send it, always as JSON; KEY=VALUE overrides a fact, e.g. key=in/report.csv.

    Pipe it: router event s3-put bucket=inbox key=a.csv | router invoke summarise -e -"""
    del settings  # JSON either way
    shape = SHAPES[kind]
    for key in facts:
        if key not in shape.facts:
            known = f"; {kind} has {', '.join(shape.facts)}"
            fail(f"{key} is no fact of {kind}{did_you_mean(key, shape.facts) or known}", Exit.USAGE)
    try:
        document(built(shape, facts, time.time()))
    except UnfitFact as error:
        fail(str(error), Exit.USAGE)
