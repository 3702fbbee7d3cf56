"""Backups of a state directory: taken while the daemon works, checked when they are made and again before they are put back.

A backup is a tar: the stores as one file each, the other files that last, and behind them a manifest with the size and SHA-256 of
each, so that one that was cut short is none. Logs, temporary files, sockets and what a restore put aside are left out.

A store is copied by VACUUM INTO over a connection of its own: everything acknowledged before it began is in the copy, and
the daemon goes on accepting. The files come after it: one that has gone by then is not in the backup. Blocking; for commands, never on the daemon's loop."""

import contextlib
import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
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
ASIDE: Final = "before-restore-"  # and a number: what was there before one was put back with --force

_PASSING: Final = frozenset(
    {"lock", "control.sock", "tmp", "logs", "runtime", COMING, READY}
)  # this machine's, made anew by a daemon, or too much
_BUCKETS: Final = "buckets"  # those of the API: an empty directory there may be an object
_COMING_OBJECTS: Final = ".router/put-"  # in a bucket: bodies that are no objects yet
_MODE: Final = 0o600  # keys may be in it


class Summary(NamedTuple):
    """What a backup holds."""

    made: str  # ISO 8601, UTC: what was acknowledged before is in it
    files: int
    size: int  # bytes, unpacked
    events: int  # rows of the journal, finished ones too


class Lasting(NamedTuple):
    """What a backup has beside the stores."""

    files: list[tuple[str, Path]]  # links too; by the name in the backup
    directories: list[str]  # names of those that count although nothing may be in them


def passing(name: str) -> bool:
    """Whether this name in a state directory is nothing that a backup has, or puts back."""
    return name in _PASSING or name.startswith(ASIDE)


def take(state: Path, target: Path, *, now: float) -> Summary:
    """Back *state* up into the new file *target*, mode 0600; compressed when its name ends in gz. *now*: epoch seconds.

    Raises BackupError; there is no *target* then."""
    if not (state / STORE).is_file():
        raise BackupError(f"nothing to back up: {state} has no {STORE}")
    if target.exists():
        raise BackupError(f"{target} exists: name a new file")
    if target.resolve().is_relative_to(state.resolve()):
        raise BackupError(f"{target} lies in the state directory, which it is to hold: name a file elsewhere")
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
            lasting = _lasting(state)
            listed = dict(_added(tar, stores)) | dict(_still_there(tar, lasting.files))
            about = {"format": FORMAT, "made": made, "events": events, "files": listed, "directories": lasting.directories}
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


def _lasting(state: Path) -> Lasting:
    """All but the stores that a backup has."""
    found = Lasting([], [])
    for top in sorted(state.iterdir()):
        if passing(top.name) or top.name.startswith(STORE):
            continue
        for path in _below(top) if top.is_dir() and not top.is_symlink() else [top]:
            _note(found, path, state)
    return found


def _below(top: Path) -> Iterator[Path]:
    """All below a directory but bodies on their way, in order; one that goes meanwhile has nothing."""
    for here, directories, names in os.walk(top, onerror=_refuse_unread):
        directories.sort()
        for name in sorted([*directories, *names]):
            path = Path(here, name)
            if not (top.name == _BUCKETS and str(Path(*path.parts[-2:])).startswith(_COMING_OBJECTS)):
                yield path


def _refuse_unread(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def _note(found: Lasting, path: Path, state: Path) -> None:
    """Put what is at *path* where it belongs; nothing, when it has gone."""
    name = str(path.relative_to(state))
    with contextlib.suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            _refuse_leading_out(path, state)
        if (stat.S_ISREG(mode) or stat.S_ISLNK(mode)) and not name.startswith(TABLES):
            found.files.append((name, path))
        elif stat.S_ISDIR(mode) and name.startswith(f"{_BUCKETS}/"):
            found.directories.append(name)


def _refuse_leading_out(link: Path, state: Path) -> None:
    """Raise BackupError for a link that could not be put back: elsewhere it would lead to something else, or to where it must not."""
    to = link.readlink()
    if to.is_absolute() or not os.path.normpath(link.parent / to).startswith(f"{state}{os.sep}"):
        raise BackupError(f"{link} leads out of the state directory, to {to}: a backup cannot hold it; put a copy in its place")


def _still_there(tar: tarfile.TarFile, found: Iterable[tuple[str, Path]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same of those that have not gone since they were found: objects come and go."""
    for one in found:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            yield from _added(tar, [one])


def _added(tar: tarfile.TarFile, found: Iterable[tuple[str, Path]]) -> Iterator[tuple[str, dict[str, Any]]]:
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
            entry.pax_headers = {"mtime": _seconds(about.st_mtime_ns)}
            told = Told(file)
            tar.addfile(entry, told)
            yield name, {"size": entry.size, "sha256": told.hash.hexdigest()}


def _seconds(moment: int) -> str:
    """Epoch nanoseconds as PAX has them. A version of an object is known by its time, all of it: as a float it would be another."""
    whole, rest = divmod(abs(moment), 10**9)
    return f"{'-' * (moment < 0)}{whole}.{rest:09}"


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
