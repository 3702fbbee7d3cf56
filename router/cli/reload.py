"""`router reload`: the running daemon takes up a changed config."""

from collections.abc import Mapping
from typing import Any, Final

import click

from router.cli.client import Daemon
from router.cli.exits import NotRunning
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document
from router.cli.text import visible

_MOVED: Final = "if `state` was changed in the config, the daemon is on the former one until it is restarted: no reload moves it"


@click.command(short_help="Have the running daemon take up a changed config.")
@shared_options
@pass_settings
def reload(settings: Settings) -> None:
    """Have the running daemon read its config again and serve it, without stopping; SIGHUP does the same.

    A config with mistakes changes nothing: every mistake is printed, and the exit code is 1."""
    with Daemon.of(settings) as daemon:
        try:
            found = daemon.post("/reload")
        except NotRunning as error:
            raise NotRunning(f"{error.message}; {_MOVED}") from error
    if settings.json:
        document(found)
        return
    click.echo(f"reloaded: {found['functions']} functions{_told(found)}")
    for gone in found["removed"]:
        if gone["queued"]:
            click.echo(
                visible(f"! {gone['function']} is gone and {gone['queued']} of its events stay queued: they run when it comes back"),
                err=True,
            )


def _told(found: Mapping[str, Any]) -> str:
    """What has changed, for people."""
    words = {
        "added": found["added"],
        "changed": found["changed"],
        "removed": [gone["function"] for gone in found["removed"]],
        "triggers anew": found["sources"],
    }
    keys = found.get("keys", ())  # a daemon of before an upgrade tells none
    words["changed keys"] = [key for key in keys if key != "functions" or not any(words.values())]  # names say more
    told = [f"{word} {', '.join(names)}" for word, names in words.items() if names]
    return visible("; " + "; ".join(told)) if told else "; nothing has changed"
