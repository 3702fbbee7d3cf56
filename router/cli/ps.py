"""`router ps`."""

from typing import Final

import click

from router.cli.client import Daemon
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import Row, rows
from router.cli.text import visible

HEADERS: Final = {
    "function": "FUNCTION",
    "runtime": "RUNTIME",
    "environments": "ENVIRONMENTS",
    "running": "RUNNING",
    "queued": "QUEUED",
    "dead": "DEAD",
    "errors": "ERRORS",
    "gb_seconds": "GB-SECONDS",
    "cost_usd": "COST $",
    "urls": "URLS",
}
_SMALLEST: Final = 0.000001


@click.command(short_help="List functions, what they run and what waits for them.")
@shared_options
@pass_settings
def ps(settings: Settings) -> None:
    """List every function: its environments, what runs, what is queued, dead letters, failed invocations since the start, its URLs;
    the GB-seconds used since the start, and what they and the requests would cost on Lambda, estimated (docs/telemetry.md).

    What is wrong with a source or the store, and changed code that is not taken, is said on stderr."""
    with Daemon.of(settings) as daemon:
        found = daemon.get("/ps")
        status = daemon.get("/status")
    rows(settings, found if settings.json else [spoken(row) for row in found], HEADERS, "no functions")
    code = [f"{name}: its changed code is not taken, the old is in force: {why}" for name, why in status.get("code_refused", {}).items()]
    for problem in [*status.get("problems", []), *code]:
        click.echo(f"! {visible(problem)}", err=True)


def spoken(row: Row) -> Row:
    """A row for people: figures of cost have six decimals, what the API declared is marked."""
    name = f"{row['function']} (API)" if row.get("declared") == "api" else row["function"]
    return {**row, "function": name, **{key: _decimals(row[key]) for key in ("gb_seconds", "cost_usd") if row.get(key) is not None}}


def _decimals(figure: float) -> str:
    if figure == 0:
        return "0"
    return f"{figure:.6f}" if figure >= _SMALLEST else f"<{_SMALLEST:.6f}"
