"""`router check`: the config as `router run` will read it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from router import names
from router.cli.exits import Exit
from router.cli.settings import Settings, pass_settings, shared_options
from router.cli.show import document
from router.cli.text import visible
from router.errors import ConfigError

if TYPE_CHECKING:
    from router.config.types import Config

FIRE_TIMES: Final = 3
_ALWAYS: Final = ("functions", "triggers", "buckets", "tables")
_IF_ANY: Final = {"queues": 0, "topics": 0, "buses": 1, "rules": 0, "roles": 0}  # told when there are more than there always are
_SINGULAR: Final = {"buses": "bus"}


@click.command(short_help="Read the config and say everything that is wrong with it.")
@shared_options
@pass_settings
def check(settings: Settings) -> None:
    """Read the config as `router run` does: print every mistake with its line, or what it configures and when its schedules fire.

    Exits 1 when there are mistakes."""
    from router.daemon import check as read  # noqa: PLC0415 - imports the daemon

    try:
        config = read(settings.there())
    except ConfigError as error:
        refuse(settings, error.problems)
    from router.config.checks import notes  # noqa: PLC0415 - as above

    found = {**summary(config, time.time()), "notes": list(notes(config))}
    if settings.json:
        document({"ok": True, "problems": [], **found})
    else:
        for line in words(found):
            click.echo(line)
        for note in found["notes"]:
            click.echo(visible(f"note: {note}"), err=True)


def refuse(settings: Settings, problems: Sequence[str]) -> NoReturn:
    """All of them, one a line or as JSON, and exit 1."""
    if settings.json:
        document({"ok": False, "problems": list(problems)})
    for problem in () if settings.json else problems:
        click.echo(visible(problem), err=True)
    raise SystemExit(Exit.FAILED)


def summary(config: "Config", now: float) -> dict[str, Any]:
    """How many there are of each thing, and when schedules fire next after *now* (epoch seconds)."""
    return {
        "functions": len(config.functions),
        "triggers": sum(len(function.triggers) for function in config.functions.values()),
        "buckets": len(config.buckets),
        "tables": len(config.tables) + len(config.item_tables),
        "queues": len(config.queues),
        "topics": len(config.topics),
        "buses": len(config.buses),
        "rules": len(config.rules),
        "roles": len(config.roles),
        "declared": [f"{one.kind}.{one.name}" for one in config.declared],
        "schedules": list(_schedules(config, now)),
    }


def _schedules(config: "Config", now: float) -> Iterator[dict[str, Any]]:
    from router.daemon.checking import bindings  # noqa: PLC0415 - imports the daemon
    from router.sources.scheduled_targets import listed  # noqa: PLC0415 - as above

    for schedule in listed((binding for binding in bindings(config) if binding.trigger.word == "schedule"), config):
        yield {
            "name": schedule.name,
            "function": schedule.function,
            "expression": schedule.trigger.text,
            "timezone": schedule.trigger.timezone or "UTC",
            "next": [names.iso_s(tick) for tick in islice(schedule.timetable.upcoming(now, int(now)), FIRE_TIMES)],
        }


def words(found: Mapping[str, Any]) -> Iterator[str]:
    """The summary for people."""
    nouns = [*_ALWAYS, *(noun for noun, usual in _IF_ANY.items() if found[noun] > usual)]
    yield "ok: " + ", ".join(_count(found[noun], noun) for noun in nouns)
    if declared := found["declared"]:
        yield f"of these or beside them, {_count(len(declared), 'things')} declared through the API: {', '.join(declared)}"
    for schedule in found["schedules"]:
        zone = "" if schedule["timezone"] == "UTC" else f" in {schedule['timezone']}"
        yield f"{schedule['expression']}{zone} → {schedule['function']}: {', '.join(schedule['next']) or 'never again'}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun if number != 1 else _SINGULAR.get(noun, noun[:-1])}"
