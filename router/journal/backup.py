"""Backups of a state directory: taken while the daemon works, checked when they are made and again before they are put back.

A backup is a tar: the stores as one file each, the other files that last, and behind them a manifest with the size and SHA-256 of
each, so that one that was cut short is none. Logs, temporary files and sockets are left out.

A store is copied by VACUUM INTO over a connection of its own: everything acknowledged before it began is in the copy, and
the daemon goes on accepting. Blocking; for commands, never on the daemon's loop."""

import contextlib
import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import apsw

from router.disk import sync
from router.errors import BackupError
from router.journal import files

STORE: Final = "journal.db"
TABLES: Final = "tables/tables.db"  # the tables' own store; copied after the journal, whose cursors must not be ahead of its streams
MANIFEST: Final = "MANIFEST.json"
FORMAT: Final = 1
COMING: Final = "restore.part"  # in a state directory: a backup that is being unpacked there
READY: Final = "restore.ready"  # the same, checked; while it is there its files are being moved into place

_PASSING: Final = frozenset(
    {"lock", "control.sock", "tmp", "logs", "runtime", COMING, READY}
)  # this machine's, made anew by a daemon, or too much
_MODE: Final = 0o600  # keys may be in it


class Summary(NamedTuple):
    """What a backup holds."""

    made: str  # ISO 8601, UTC: what was acknowledged before is in it
    files: int
    size: int  # bytes, unpacked
    events: int  # rows of the journal, finished ones too


def take(state: Path, target: Path, *, now: float) -> Summary:
    """Back *state* up into the new file *target*, mode 0600; compressed when its name ends in gz. *now*: epoch seconds.

    Raises BackupError; there is no *target* then."""
    if not (state / STORE).is_file():
        raise BackupError(f"nothing to back up: {state} has no {STORE}")
    if target.exists():
        raise BackupError(f"{target} exists: name a new file")
    part, copy, copied_tables = (target.with_name(f".{target.name}.{end}") for end in ("part", "store", "tables"))
    made = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    try:
        _copy_store(state / STORE, copy)
        events = checked(copy)
        stores = [(STORE, copy)]
        if (state / TABLES).is_file():
            _copy_store(state / TABLES, copied_tables)
            sound(copied_tables)
            stores.append((TABLES, copied_tables))
        with _created(part) as raw, _tar(raw, packed=target.name.endswith("gz")) as tar:
            listed = dict(_added(tar, [*stores, *_lasting(state)]))
            about = {"format": FORMAT, "made": made, "events": events, "files": listed}
            _add_text(tar, MANIFEST, json.dumps(about, indent=1))
        part.rename(target)
        sync(target.parent)
    except (OSError, tarfile.TarError) as error:
        raise BackupError(f"cannot write {target}: {error}") from error
    finally:
        for path in (part, copy, copied_tables):
            path.unlink(missing_ok=True)
    return Summary(made, len(listed), sum(one.get("size", 0) for one in listed.values()), events)


def _copy_store(store: Path, copy: Path) -> None:
    """A store as it is now, in one file."""
    copy.unlink(missing_ok=True)
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE))  # SQLite takes an empty file, and leaves its mode
    try:
        with contextlib.closing(files.connect_reader(store, "")) as reader:
            reader.execute("PRAGMA query_only=OFF")  # to SQLite this is writing, though not to the store
            reader.execute("VACUUM INTO ?", (str(copy),)).fetchall()
    except files.STORE_FAULTS as error:
        raise BackupError(str(files.explain(error, store))) from error


def checked(store: Path) -> int:
    """How many events a store has that nobody writes, after a full check. Raises BackupError when it is damaged."""
    try:
        with contextlib.closing(apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            _refuse_damaged(connection, store)
            return int(connection.execute("SELECT count(*) FROM events").get)
    except apsw.Error as error:
        raise BackupError(f"{store} is damaged: {error}") from error


def sound(store: Path) -> None:
    """Raise BackupError when a store that nobody writes is damaged, after a full check."""
    try:
        with contextlib.closing(apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            _refuse_damaged(connection, store)
    except apsw.Error as error:
        raise BackupError(f"{store} is damaged: {error}") from error


def _refuse_damaged(connection: apsw.Connection, store: Path) -> None:
    found = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
    if found != ["ok"]:
        raise BackupError(f"{store} is damaged: {'; '.join(found)}")


def _lasting(state: Path) -> Iterator[tuple[str, Path]]:
    """Every file but the stores that a backup has, by its name in it."""
    for top in sorted(state.iterdir()):
        if top.name in _PASSING or top.name.startswith(STORE):
            continue
        for path in sorted(top.rglob("*")) if top.is_dir() and not top.is_symlink() else [top]:
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                _refuse_leading_out(path, state)
            name = str(path.relative_to(state))
            if (stat.S_ISREG(mode) or stat.S_ISLNK(mode)) and not name.startswith(TABLES):
                yield name, path


def _refuse_leading_out(link: Path, state: Path) -> None:
    """Raise BackupError for a link that could not be put back: elsewhere it would lead to something else, or to where it must not."""
    to = link.readlink()
    if to.is_absolute() or not os.path.normpath(link.parent / to).startswith(f"{state}{os.sep}"):
        raise BackupError(f"{link} leads out of the state directory, to {to}: a backup cannot hold it; put a copy in its place")


def _added(tar: tarfile.TarFile, found: list[tuple[str, Path]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Put files into the tar; what the manifest says of each."""
    for name, path in found:
        if path.is_symlink():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, str(path.readlink())
            tar.addfile(link)
            yield name, {"link": link.linkname}
            continue
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = about.st_size, stat.S_IMODE(about.st_mode), int(about.st_mtime)
            told = Told(file)
            tar.addfile(entry, told)
            yield name, {"size": entry.size, "sha256": told.hash.hexdigest()}


class Told:
    """A file to read that notes the SHA-256 of what was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.hash = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """As a file's."""
        piece = self._file.read(size)
        self.hash.update(piece)
        return piece


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text.encode()), _MODE
    tar.addfile(entry, io.BytesIO(text.encode()))


@contextlib.contextmanager
def _created(path: Path) -> Iterator[BinaryIO]:
    """A new file that is on the disk when this ends well."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, _MODE), "wb") as raw:
        yield raw
        raw.flush()
        os.fsync(raw.fileno())


def _tar(raw: BinaryIO, *, packed: bool) -> tarfile.TarFile:
    if packed:
        return tarfile.open(fileobj=raw, mode="w:gz", compresslevel=1, format=tarfile.PAX_FORMAT)
    return tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT)
