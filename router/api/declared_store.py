"""The table of what the API declared: its statements, and what reads and mends it while no daemon has it open. Blocking."""

import contextlib
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import apsw
import orjson

from router.config.fragments import Fragment
from router.errors import JournalError
from router.journal import files

STORE: Final = "journal.db"
STEPS: Final = (
    """
    CREATE TABLE declared (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        value BLOB NOT NULL,   -- JSON
        about BLOB NOT NULL,   -- JSON
        made REAL NOT NULL,    -- epoch seconds
        changed REAL NOT NULL, -- epoch seconds
        UNIQUE (kind, name)
    );
    """,
)
ALL: Final = "SELECT kind, name, value, about, number, made, changed FROM declared ORDER BY number"
TABLE: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
UPDATE: Final = "UPDATE declared SET value = ?, about = ?, changed = ? WHERE number = ? RETURNING 1"
INSERT: Final = "INSERT INTO declared (value, about, changed, number, kind, name, made) VALUES (?, ?, ?, ?, ?, ?, ?)"
REMOVE: Final = "DELETE FROM declared WHERE kind = ? AND name = ?"
NEXT: Final = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'declared'), 0) + 1"


def kept(state: Path) -> tuple[Fragment, ...]:
    """What a state directory keeps, read beside the daemon, or before it starts; () when there is nothing. Raises JournalError."""
    path = state / STORE
    if not _filled(path):
        return ()
    reader = None
    try:
        reader = files.connect_reader(path, "")
        rows = reader.execute(ALL).fetchall() if reader.execute(TABLE, ("declared",)).fetchall() else []
    except files.STORE_FAULTS as error:
        raise files.explain(error, path) from error
    finally:
        if reader is not None:
            reader.close(True)
    return tuple(map(fragment, rows))


def _filled(path: Path) -> bool:
    """Whether there is a store, and something in it. Raises JournalError when that is not for us to know."""
    try:
        found = path.stat()  # Path.is_file() does not tell from Python 3.13 on
        return stat.S_ISREG(found.st_mode) and found.st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError as error:
        us = f"this is uid {os.geteuid()}: run this as the user that runs the daemon, or point state: at a directory of your own"
        raise JournalError(f"the state directory {path.parent} {_whose(path.parent)}, {us}") from error


def _whose(state: Path) -> str:
    try:
        return f"belongs to uid {state.stat().st_uid}"
    except PermissionError:
        return "lies in a directory that is closed to us"


def taken_out(state: Path, kind: str, name: str, belongings: Mapping[str, Callable[[apsw.Connection], None]]) -> bool:
    """Take a fragment out of a store that no daemon has open; whether there was one. *belongings*: table → what takes out of it what goes
    with the fragment. Raises JournalError."""
    if not any((one.kind, one.name) == (kind, name) for one in kept(state)):
        return False
    path = state / STORE
    try:
        with contextlib.closing(files.connect(path, "")) as connection, connection:
            connection.execute(REMOVE, (kind, name)).fetchall()
            for table, forgetting in belongings.items():
                if connection.execute(TABLE, (table,)).fetchall():
                    forgetting(connection)
    except files.STORE_FAULTS as error:
        raise files.explain(error, path) from error
    return True


def fragment(row: tuple[Any, ...]) -> Fragment:
    """As a row of ALL has it. Raises JournalError."""
    kind, name, value, about, number, made, changed = row
    try:
        return Fragment(kind, name, orjson.loads(value), orjson.loads(about), number, made, changed)
    except ValueError as error:
        raise JournalError(f"what the API declared as {kind} {name} is damaged ({error}): restore a backup") from error
