"""`router ps`."""

import click

from router.cli.client import Daemon
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import rows
from router.cli.text import visible

HEADERS = {
    "function": "FUNCTION",
    "runtime": "RUNTIME",
    "environments": "ENVIRONMENTS",
    "running": "RUNNING",
    "queued": "QUEUED",
    "dead": "DEAD",
    "errors": "ERRORS",
    "urls": "URLS",
}


@click.command(short_help="List functions, what they run and what waits for them.")
@shared_options
@pass_settings
def ps(settings: Settings) -> None:
    """List every function: its environments, what runs, what is queued, dead letters, failed invocations since the start, its URLs.

    What is wrong with a source or the store is said on stderr."""
    with Daemon.of(settings) as daemon:
        found = daemon.get("/ps")
        problems = daemon.get("/status").get("problems", [])
    rows(settings, found, HEADERS, "no functions")
    for problem in problems:
        click.echo(f"! {visible(problem)}", err=True)
