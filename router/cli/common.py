"""Parameters that several commands share."""

import time
from typing import Any

import click

from router.cli.text import moment


class Moment(click.ParamType):
    """A point in time: an age before now, or an ISO 8601 time. Converts to epoch seconds."""

    name = "AGE|TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Epoch seconds."""
        if isinstance(value, float):
            return value
        try:
            return moment(str(value), time.time())
        except ValueError as error:
            self.fail(str(error), param, ctx)


function_option = click.option("--function", metavar="NAME", help="Only this function's.")
since_option = click.option("--since", type=Moment(), help="Only later ones: 10m, 2h, 1d, or a time such as 2026-11-23T08:00Z.")
limit_option = click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
