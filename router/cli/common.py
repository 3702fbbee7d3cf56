"""Parameters that several commands share."""

import time

import click

from router.cli.completing import functions
from router.names import moment


def as_moment(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """An option's callback: an age before now, or an ISO 8601 time, becomes epoch seconds."""
    try:
        return None if value is None else moment(value, time.time())
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


function_option = click.option("--function", metavar="NAME", shell_complete=functions, help="Only this function's.")
since_option = click.option(
    "--since", metavar="AGE|TIME", callback=as_moment, help="Only later ones: 10m, 2h, 1d, or a time such as 2026-11-23T08:00Z."
)
limit_option = click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="At most so many.")
