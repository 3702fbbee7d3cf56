"""`router invoke`: one function, one event, from the command line."""

import base64
import sys
from typing import BinaryIO

import click

from router.cli.client import Daemon, Reply, part, refuse
from router.cli.completing import functions
from router.cli.exits import Exit
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document
from router.cli.text import visible


class _Surplus(click.Argument):
    """What stands after the function: not in the usage, and refused with the way a payload is given."""

    def get_usage_pieces(self, ctx: click.Context) -> list[str]:
        del ctx
        return []


def _refuse_surplus(ctx: click.Context, param: click.Parameter, words: tuple[str, ...]) -> None:
    del param
    if words:
        raise click.UsageError("a payload is no argument: give it with -e FILE, or with -e - on stdin", ctx)


@click.command(short_help="Invoke a function and print its result.")
@click.argument("function", shell_complete=functions)
@click.argument("surplus", nargs=-1, cls=_Surplus, expose_value=False, callback=_refuse_surplus)
@click.option("-e", "--event", type=click.File("rb"), help="The event: a file, or - for stdin. [default: {}]")
@click.option("--async", "queued", is_flag=True, help="Queue the event and return once it is durable.")
@click.option("--tail", is_flag=True, help="Print the last 4 KB of the invocation's log to stderr.")
@shared_options
@pass_settings
def invoke(settings: Settings, function: str, event: BinaryIO | None, *, queued: bool, tail: bool) -> None:
    """Invoke FUNCTION; its result goes to stdout, its log to stderr.

    Exit codes: 0 ok, 1 refused, 3 the function failed, 4 throttled, 5 the daemon is not reachable."""
    payload = event.read() if event else b"{}"
    headers = {
        "Content-Type": "application/json",
        "X-Amz-Invocation-Type": "Event" if queued else "RequestResponse",
        "X-Amz-Log-Type": "Tail" if tail else "None",
    }
    with Daemon.of(settings) as daemon:
        reply = daemon.request("POST", f"/functions/{part(function)}/invocations", payload, headers)
    refuse(reply)
    if queued:
        _say_queued(settings, reply)
    else:
        _say_result(reply)


def _say_queued(settings: Settings, reply: Reply) -> None:
    request_id = reply.headers.get("x-amzn-requestid", "")
    if settings.json:
        document({"id": request_id})
    else:
        click.echo(f"queued as {request_id}")


def _say_result(reply: Reply) -> None:
    log = base64.b64decode(reply.headers.get("x-amz-log-result", "")).decode(errors="replace")
    if log:
        click.echo(visible(log, keep="\n\t") if sys.stderr.isatty() else log, err=True, nl=not log.endswith("\n"))
    if sys.stdout.isatty():
        click.echo(visible(reply.body.decode(errors="replace"), keep="\n\t"))
    else:
        click.echo(reply.body)  # as the function gave it, byte for byte, and a newline
    if error := reply.headers.get("x-amz-function-error"):
        click.echo(f"the function failed: {error}", err=True)
        raise SystemExit(Exit.FUNCTION_ERROR)
