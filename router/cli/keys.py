"""`router keys`: access keys with which people and programs sign requests, as on AWS."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from router.cli.client import Daemon, part
from router.cli.exits import Exit, NotRunning, fail
from router.cli.place import state_directory
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document, fields, rows

if TYPE_CHECKING:
    from router.credentials import KeyStore

HEADERS: Final = {"id": "ID", "name": "NAME", "scopes": "SCOPES", "policy": "POLICY", "created": "CREATED"}
SCOPES: Final = ("admin", "invoke", "read")


@click.group(short_help="Create, list and revoke access keys.")
@shared_options
def keys() -> None:
    """Access keys: AWS's AccessKeyId and SecretAccessKey, for this daemon. Works with and without a running one."""


@keys.command(short_help="Make a key; its secret is printed once.")
@click.argument("name")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, help="What it may do; several times: all of them.")
@click.option("--policy", "file", type=click.Path(dir_okay=False), help="A policy document (JSON) of its own; - reads stdin.")
@shared_options
@pass_settings
def create(settings: Settings, name: str, scopes: tuple[str, ...], file: str | None) -> None:
    """Make a key for NAME, which is the user in its ARN. Give it a --scope, a --policy or both.

    admin: everything. invoke: functions and their URLs. read: everything that only looks. The secret cannot be shown again."""
    if not scopes and file is None:
        raise click.UsageError("say what the key may do: --scope admin|invoke|read, --policy FILE, or both")
    wanted = {"name": name, "scopes": list(scopes), "policy": None if file is None else _policy(file)}
    found = _asked(settings, lambda daemon: daemon.post("/keys", wanted), lambda store: _create(store, wanted))
    if settings.json:
        document(found)
        return
    fields([(key, found[key]) for key in ("AccessKeyId", "SecretAccessKey")])
    click.echo("the secret is not kept and cannot be shown again", err=True)


@keys.command("list", short_help="List keys; no secret is shown.")
@shared_options
@pass_settings
def list_(settings: Settings) -> None:
    """List keys. Secrets are not kept, so none is shown."""
    found = _asked(settings, lambda daemon: daemon.get("/keys"), _list)
    shown = found if settings.json else [{**row, "policy": "its own" if row["policy"] else None} for row in found]
    rows(settings, shown, HEADERS, "no access keys: `router keys create NAME --scope admin` makes one")


@keys.command(short_help="Refuse what a key signs, from now on.")
@click.argument("key_id", metavar="ID")
@shared_options
@pass_settings
def revoke(settings: Settings, key_id: str) -> None:
    """Revoke the key ID: the next request that it signs is refused."""
    found = _asked(settings, lambda daemon: daemon.post(f"/keys/{part(key_id)}/revoke"), lambda store: _revoke(store, key_id))
    if settings.json:
        document(found)
    else:
        click.echo(f"{found['id']} of {found['name']} revoked")


def _asked(settings: Settings, online: Callable[[Daemon], Any], offline: "Callable[[KeyStore], Any]") -> Any:
    """Ask the running daemon, which logs the change; without one, do it on the state directory."""
    state = state_directory(settings)
    try:
        with Daemon(state) as daemon:
            return online(daemon)
    except NotRunning:
        from router.credentials import KeyStore  # noqa: PLC0415 - rare

        return offline(KeyStore(state))


def _create(store: "KeyStore", wanted: dict[str, Any]) -> Any:
    from router.api.keys import arguments, created  # noqa: PLC0415 - rare

    return created(*store.create(*arguments(wanted), time.time()))


def _list(store: "KeyStore") -> Sequence[Any]:
    from router.api.keys import row  # noqa: PLC0415 - rare

    return [row(key) for key in store.all().values()]


def _revoke(store: "KeyStore", key_id: str) -> Any:
    from router.api.keys import row  # noqa: PLC0415 - rare

    return row(store.revoke(key_id))


def _policy(file: str) -> Any:
    from router.iam.reading import parse  # noqa: PLC0415 - rare

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        value = parse(text)
    except (OSError, ValueError) as error:
        fail(f"{file}: {error}", Exit.USAGE)
    if not isinstance(value, dict):
        fail(f'{file}: a policy is an object: {{"Version": "2012-10-17", "Statement": […]}}', Exit.USAGE)
    return value
