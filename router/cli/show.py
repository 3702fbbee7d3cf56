"""Answers on stdout: one JSON document, or a table for people."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from router.cli.settings import Settings
from router.cli.text import cell, columns

Row = Mapping[str, Any]


def document(value: Any) -> None:
    """One JSON document. ASCII only, so that no string in it can speak to the terminal."""
    click.echo(json.dumps(value, indent=2))


def rows(settings: Settings, found: Sequence[Row], headers: Mapping[str, str], nothing: str) -> None:
    """A list: JSON as the daemon gave it, or a table of the keys in *headers*; *nothing* is said of an empty one."""
    if settings.json:
        document(found)
    elif not found:
        click.echo(nothing, err=True)
    else:
        table([list(headers.values()), *([cell(row.get(key)) for key in headers] for row in found)])


def table(lines: Sequence[Sequence[str]]) -> None:
    """Aligned columns with a header; cut to the width of a terminal, whole when piped."""
    head, *body = columns(lines, terminal_width())
    click.echo(click.style(head, bold=True) if coloured() else head)
    for line in body:
        click.echo(line)


def fields(pairs: Sequence[tuple[str, Any]]) -> None:
    """One thing: a line for each of its fields."""
    for line in columns([(name, cell(value)) for name, value in pairs], None):
        click.echo(line)


def terminal_width() -> int | None:
    """Cells of the terminal that stdout is; None when it is none."""
    if not sys.stdout.isatty():
        return None
    from shutil import get_terminal_size  # noqa: PLC0415 - 4 ms, for people only

    return get_terminal_size().columns


def coloured() -> bool:
    """Whether stdout may carry escapes of ours: a terminal, and neither NO_COLOR (no-color.org) nor a dumb one."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
