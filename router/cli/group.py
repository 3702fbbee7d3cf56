"""The root of the command line: a table of commands, imported one at a time, and what becomes of their errors."""

import errno
import os
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from router.cli.exits import Exit, Failure
from router.cli.settings import Settings, shared_options
from router.cli.text import visible
from router.errors import RouterError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# name → module under router.cli, attribute, what `router --help` says of it
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "run": ("run", "run", "Run the daemon in the foreground."),
    "try": ("attempt", "attempt", "Show all four triggers at work in a temporary daemon."),
    "init": ("init", "init", "Write a first config, or one made of a SAM template."),
    "check": ("check", "check", "Read the config and say everything that is wrong with it."),
    "reload": ("reload", "reload", "Have the running daemon take up a changed config."),
    "versions": ("versions", "versions", "List versions of functions, publish one, delete one."),
    "aliases": ("versions", "aliases", "List aliases and what they name."),
    "invoke": ("invoke", "invoke", "Invoke a function and print its result."),
    "event": ("event", "event", "Print the event that AWS would send."),
    "logs": ("logs", "logs", "Print what functions logged."),
    "ps": ("ps", "ps", "List functions, what they run and what waits for them."),
    "events": ("events", "events", "List, show and replay accepted events."),
    "dlq": ("dlq", "dlq", "List, show, redrive and purge dead letters."),
    "schedules": ("schedules", "schedules", "List schedules, run one, compute fire times."),
    "buses": ("buses", "buses", "List event buses and rules, put events, replay archived ones."),
    "feeds": ("feeds", "feeds", "List change feeds, install their triggers or take them out."),
    "declared": ("declared", "declared", "List what the API declared, take something back."),
    "backup": ("backup", "backup", "Copy the state directory into one file, while the daemon works."),
    "restore": ("backup", "restore", "Put a backup back, or check one."),
    "queues": ("queues", "queues", "List queues, send and receive messages, redrive dead letters."),
    "keys": ("keys", "keys", "Create, list and revoke access keys."),
    "why": ("why", "why", "Say which triggers match, or whether somebody may do something, and why."),
    "doctor": ("doctor", "doctor", "Check this machine and say how to fix what is wrong."),
    "service": ("service", "service", "Install the daemon as a service of systemd, take it out, show what that writes."),
    "completion": ("completion", "completion", "Print the script that completes commands in a shell."),
    "version": ("version", "version", "Print the version."),
}

_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})  # stdout, when no file is named


class LazyGroup(click.Group):
    """Knows its commands by name and imports one when it is run; lists them without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of a first acquaintance, not of the alphabet."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        del ctx
        return imported(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, from COMMANDS alone."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, _, told) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for a name near to one of ours, say which."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(f"no command {args[0]!r}{did_you_mean(args[0], COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list["CompletionItem"]:
        """Commands from COMMANDS alone, and our own options."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only for a shell

        found = [CompletionItem(name, help=told) for name, (_, _, told) in COMMANDS.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run, and turn every expected end into one sentence and an exit code."""
        _open_closed()
        extra = {"prog_name": "router", **extra, "standalone_mode": False}
        sys.exit(_ended(lambda: super(LazyGroup, self).main(*args, **extra)))


def imported(name: str) -> click.Command:
    """The command of this name, which is one of COMMANDS."""
    module, attribute, _ = COMMANDS[name]
    command: click.Command = getattr(import_module(f"router.cli.{module}"), attribute)
    return command


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """`; did you mean events?`, or nothing when no word is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for mistakes

    near = get_close_matches(word, words, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _ended(command: Callable[[], Any]) -> int:
    try:
        code = command()
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Failure as failure:
        return _said(failure.message, failure.code)
    except RouterError as error:
        return _said(str(error), Exit.FAILED)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return Exit.FAILED
    except BrokenPipeError:
        return _reader_gone()
    except PermissionError as error:
        return _said(f"{error.filename}: {error.strerror}: run this as the user that runs the daemon", Exit.FAILED)
    except OSError as error:
        if error.filename is not None or error.errno not in _UNWRITABLE:
            raise
        _reader_gone()
        return _said(f"cannot write the output: {error.strerror}", Exit.FAILED)
    return code if isinstance(code, int) else Exit.OK


def _said(message: str, code: Exit) -> int:
    try:
        click.echo(f"Error: {visible(message, keep=chr(10))}", err=True)
    except OSError:
        _to_nowhere(2)
    return code


def _open_closed() -> None:
    """What the caller closed (`router ps >&-`) takes what it is given, and no file or socket of ours gets its number."""
    if sys.stdin is not None and sys.stdout is not None and sys.stderr is not None:
        return
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(spare, True)
    os.close(spare)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def _reader_gone() -> int:
    """Whoever read our output has enough of it (`router logs | head`), or it has no room for more."""
    _to_nowhere(1)
    return Exit.FAILED


def _to_nowhere(descriptor: int) -> None:
    """Python must not fail once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's
    """The same as `router version`."""
    del param
    if value and not ctx.resilient_parsing:
        ctx.invoke(imported("version"))
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, callback=_version, expose_value=False, help="Print the version.")
@shared_options
@click.pass_context
def root(ctx: click.Context) -> None:
    """AWS Lambda's programming model as a production daemon on a machine you own.

    Start with `router run`, or with `router try` for a tour that cleans up after itself.
    Exit codes: 0 ok, 1 failed, 2 usage, 3 function error, 4 throttled, 5 daemon not reachable."""
    ctx.ensure_object(Settings)
