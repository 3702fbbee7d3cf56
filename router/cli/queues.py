"""`router queues`: the daemon's own queues, and messages by hand."""

import sys
from typing import Any

import click

from router.cli.client import Daemon, part
from router.cli.completing import queues as queue_names
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document, rows

HEADERS = {
    "name": "NAME",
    "kind": "KIND",
    "messages": "MESSAGES",
    "in_flight": "IN FLIGHT",
    "delayed": "DELAYED",
    "oldest_s": "OLDEST S",
    "dead_letter_queue": "DEAD-LETTER QUEUE",
}
MESSAGES = {"id": "ID", "sent": "SENT", "receives": "RECEIVES", "group": "GROUP", "body": "BODY"}
TASKS = {
    "id": "TASK",
    "source": "FROM",
    "destination": "TO",
    "state": "STATE",
    "moved": "MOVED",
    "started": "STARTED",
    "failure": "FAILURE",
}


@click.group(short_help="List queues, send and receive messages, redrive dead letters.")
@shared_options
def queues() -> None:
    """The queues of the config and their messages."""


@queues.command("list", short_help="List queues and how full they are.")
@shared_options
@pass_settings
def list_(settings: Settings) -> None:
    """List queues and how full they are."""
    with Daemon.of(settings) as daemon:
        found = daemon.get("/queues")
    rows(settings, found, HEADERS, "no queues")


@queues.command(short_help="Send a message.")
@click.argument("name", metavar="QUEUE", shell_complete=queue_names)
@click.argument("body", default="-")
@click.option("--attribute", "attributes", metavar="NAME=VALUE", multiple=True, help="A message attribute of type String; may be repeated.")
@click.option("--delay", type=float, metavar="SECONDS", help="Seconds before it can be received.")
@click.option("--group", metavar="ID", help="Message group: required by a FIFO queue.")
@click.option("--deduplication", metavar="ID", help="Deduplication id, in a FIFO queue.")
@shared_options
@pass_settings
def send(settings: Settings, /, name: str, body: str, attributes: tuple[str, ...], **facts: Any) -> None:
    """Send BODY, or what stdin holds, to QUEUE."""
    pairs = [text.partition("=") for text in attributes]
    if any(not equals for _, equals, _ in pairs):
        raise click.UsageError("--attribute wants NAME=VALUE")
    message = {
        "body": sys.stdin.read() if body == "-" else body,
        "attributes": {key: {"type": "String", "value": value} for key, _, value in pairs},
        **{key: value for key, value in facts.items() if value is not None},
    }
    with Daemon.of(settings) as daemon:
        found = daemon.post(f"/queues/{part(name)}/messages", message)
    if settings.json:
        document(found)
    else:
        click.echo(found["id"])


@queues.command(short_help="Receive messages; they come back after the visibility timeout unless deleted.")
@click.argument("name", metavar="QUEUE", shell_complete=queue_names)
@click.option("--max", "most", type=click.IntRange(1, 10), default=1, show_default=True, help="At most so many.")
@click.option("--wait", type=click.FloatRange(0, 20), default=0, show_default=True, help="Seconds to wait for the first.")
@click.option("--visibility", type=float, metavar="SECONDS", help="Visibility timeout instead of the queue's own.")
@click.option("--delete", is_flag=True, help="Delete what was received, once it is printed.")
@shared_options
@pass_settings
def receive(settings: Settings, name: str, most: int, wait: float, visibility: float | None, *, delete: bool) -> None:
    """Receive messages of QUEUE; a receive counts, as it does for everybody."""
    with Daemon.of(settings) as daemon:
        found = daemon.post(f"/queues/{part(name)}/receive", {"max": most, "wait": wait, "visibility": visibility})
        rows(settings, found, MESSAGES, "no messages")
        if delete and found:
            sys.stdout.flush()
            daemon.post(f"/queues/{part(name)}/delete", {"handles": [message["handle"] for message in found]})


@queues.command(short_help="Delete all messages of a queue.")
@click.argument("name", metavar="QUEUE", shell_complete=queue_names)
@shared_options
@pass_settings
def purge(settings: Settings, name: str) -> None:
    """Delete all messages of QUEUE, those in flight too."""
    with Daemon.of(settings) as daemon:
        found = daemon.post(f"/queues/{part(name)}/purge")
    if settings.json:
        document(found)
    else:
        click.echo(f"{found['purged']} messages deleted")


@queues.command(short_help="Move a dead-letter queue's messages back.")
@click.argument("name", metavar="QUEUE", shell_complete=queue_names)
@click.option("--to", metavar="QUEUE", default="", help="To this queue; else each to the queue that gave up on it.")
@click.option("--rate", type=click.IntRange(1, 500), default=500, show_default=True, help="Messages a second, at most.")
@shared_options
@pass_settings
def redrive(settings: Settings, name: str, to: str, rate: int) -> None:
    """Begin to move the messages of the dead-letter queue QUEUE back; `router queues moves` shows how far it is."""
    with Daemon.of(settings) as daemon:
        found = daemon.post(f"/queues/{part(name)}/redrive", {"to": to, "rate": rate})
    if settings.json:
        document(found)
    else:
        click.echo(f"started task {found['task']}")


@queues.command(short_help="List redrives and how far they are.")
@shared_options
@pass_settings
def moves(settings: Settings) -> None:
    """List redrives, newest first."""
    with Daemon.of(settings) as daemon:
        found = daemon.get("/moves")
    rows(settings, found, TASKS, "no redrives")
