"""`router event`: the event that AWS would send, to try a handler with; or to send through the triggers of a running daemon."""

import base64
import sys
import time
from http import HTTPStatus
from typing import Any

import click

from router.cli.client import Daemon
from router.cli.exits import Exit, fail
from router.cli.group import did_you_mean
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document, rows
from router.cli.text import visible
from router.events.http import Request
from router.events.shapes import SHAPES, Shape, UnfitFact, built, requested

HEADERS = {"function": "FUNCTION", "id": "REQUEST ID", "source": "SOURCE", "state": "STATE", "error": "ERROR"}


def _known(ctx: click.Context, param: click.Parameter, value: str) -> str:
    there_are = f"; there are {', '.join(SHAPES)}"
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


def _begun(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """For a shell: the types that begin so."""
    del ctx, param
    return [name for name in SHAPES if name.startswith(incomplete)]


@click.command(short_help="Print the event that AWS would send.", epilog=f"Types: {', '.join(SHAPES)}.")
@click.argument("kind", metavar="TYPE", callback=_known, shell_complete=_begun)
@click.argument("facts", metavar="[KEY=VALUE]...", nargs=-1, callback=_pairs)
@click.option("--send", is_flag=True, help="Give it to the functions whose triggers match, in the running daemon.")
@shared_options
@pass_settings
def event(settings: Settings, kind: str, facts: dict[str, str], *, send: bool) -> None:
    """Print an event of TYPE as AWS would send it, always as JSON; KEY=VALUE overrides a fact, e.g. key=in/report.csv.

    Pipe it: router event s3-put bucket=inbox key=a.csv | router invoke summarise -e -

    Or send it: router event s3-put bucket=inbox key=a.csv --send"""
    shape = SHAPES[kind]
    _check(kind, shape, facts, send=send)
    try:
        made = built(shape, facts, time.time())
        request = requested(shape, facts) if send else None
    except UnfitFact as error:
        fail(str(error), Exit.USAGE)
    if request is not None:
        _send_request(settings, kind, request)
    elif send:
        _send_event(settings, kind, made)
    else:
        document(made)


def _check(kind: str, shape: Shape, facts: dict[str, str], *, send: bool) -> None:
    """Refuse facts that there are not, and those that --send would ignore."""
    for key in facts:
        if key not in shape.facts:
            known = f"; {kind} has {', '.join(shape.facts)}"
            fail(f"{key} is no fact of {kind}{did_you_mean(key, shape.facts) or known}", Exit.USAGE)
        if send and key in shape.decided:
            fail(f"{key} is not for --send: the daemon's own config decides it", Exit.USAGE)


def _send_event(settings: Settings, kind: str, made: Any) -> None:
    with Daemon.of(settings) as daemon:
        found = daemon.post("/events", {"type": kind, "event": made})
    rows(settings, found, HEADERS, "nobody")
    if any(row["state"] == "refused" for row in found):
        raise SystemExit(Exit.FAILED)
    if any(row["state"] == "failed" for row in found):
        raise SystemExit(Exit.FUNCTION_ERROR)


def _send_request(settings: Settings, kind: str, request: Request) -> None:
    """Print the answer: its body to stdout, its status and headers to stderr."""
    value = {
        "type": kind,
        "method": request.method,
        "target": request.target,
        "headers": [list(pair) for pair in request.named_as_sent()],
        "body": base64.b64encode(request.body).decode(),
        "peer": request.peer,
        "host": request.host,
        "port": request.port,
    }
    with Daemon.of(settings) as daemon:
        found = daemon.post("/requests", value)
    if settings.json:
        document(found)
    else:
        _say(found)
    if found["status"] == HTTPStatus.TOO_MANY_REQUESTS:
        raise SystemExit(Exit.THROTTLED)
    if found["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise SystemExit(Exit.FAILED)


def _say(found: Any) -> None:
    click.echo(f"HTTP {found['status']}", err=True)
    for name, value in found["headers"]:
        click.echo(visible(f"{name}: {value}"), err=True)
    body = base64.b64decode(found["body"]) if found["isBase64Encoded"] else found["body"].encode()
    if sys.stdout.isatty():
        click.echo(visible(body.decode(errors="replace"), keep="\n\t"))
    else:
        click.echo(body)
