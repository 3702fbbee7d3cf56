"""Backups put back: unpacked beside what is there, checked to the last byte, then moved into place.

What runs after an old backup is put back is what had been accepted by then and was not done; deliveries, files and ticks
since are not known any more, and may run again. Blocking; for commands."""

import hashlib
import json
import os
import re
import shutil
import tarfile
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from router.disk import sync
from router.errors import BackupError
from router.journal.backup import ASIDE, COMING, FORMAT, MANIFEST, READY, STORE, Summary, checked, passing

_KEPT: Final = frozenset({"lock", "logs", COMING, READY})  # what a restore leaves alone
_MANIFEST_LIMIT: Final = 64 * 1024 * 1024  # bytes


def put_back(source: Path, state: Path, *, force: bool) -> Summary:
    """Make the backup *source* the contents of *state*, whose lock the caller holds; with *force* what is there goes to `before-restore-N`.

    What does not belong into a backup stays as it is, though former versions put some of it into theirs.

    Raises BackupError; *state* is then as it was."""
    if not force and _occupied(state):
        raise BackupError(f"{state} is in use already (it has {', '.join(_occupied(state))}): --force puts that aside")
    coming, ready = state / COMING, state / READY
    for left in (coming, ready):
        shutil.rmtree(left, ignore_errors=True)
    try:
        summary = unpack(source, coming)
        coming.rename(ready)  # from here on a daemon does not start before this has been finished
        sync(state)
        _put_aside(state)
        for path in sorted(ready.iterdir(), key=lambda path: path.name == STORE):
            path.rename(state / path.name)
        ready.rmdir()
        sync(state)
    except OSError as error:
        raise BackupError(f"cannot put {source} back: {error}") from error
    finally:
        shutil.rmtree(coming, ignore_errors=True)
    return summary


def refuse_unfinished(state: Path) -> None:
    """Raise BackupError when a restore was killed while it moved files into place: what is there is neither old nor new."""
    if (state / READY).exists():
        raise BackupError(f"{state}: a restore was interrupted; give the command again: router restore FILE --force")


def unpack(source: Path, into: Path) -> Summary:
    """Unpack and check a whole backup into the new directory *into*. Raises BackupError when it is none, or damaged."""
    try:
        into.mkdir(mode=0o700)
        with source.open("rb") as raw, tarfile.open(fileobj=raw, mode="r|*") as tar:
            found = {member.name: _extract(tar, member, into) for member in tar}
    except (OSError, EOFError, tarfile.TarError, ValueError) as error:
        raise BackupError(f"{source} cannot be read as a backup: {error}") from error
    about = _manifest(source, into)
    del found[MANIFEST]
    if found != about["files"]:
        wrong = sorted(name for name in found.keys() | about["files"].keys() if found.get(name) != about["files"].get(name))
        raise BackupError(f"{source} is damaged: {', '.join(wrong[:5])} not as written down in it")
    if STORE not in found:
        raise BackupError(f"{source} has no {STORE}")
    _remake(source, into, about.get("directories", []))
    for path in list(into.iterdir()):
        if passing(path.name):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return Summary(str(about["made"]), len(found), sum(one.get("size", 0) for one in found.values()), checked(into / STORE))


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> dict[str, Any]:
    """Unpack one member; what the manifest should say of it. The filter refuses what would lie, or point, outside."""
    if not (member.isreg() or member.issym()):
        raise ValueError(f"{member.name!r:.80} is neither a file nor a link")
    tar.extract(member, into, filter=tarfile.data_filter)
    if member.issym():
        return {"link": member.linkname}
    path = into / member.name
    with path.open("rb") as file:
        told = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    if (moment := _moment(member.pax_headers.get("mtime", ""))) is not None:
        os.utime(path, ns=(moment, moment))
    return {"size": path.stat().st_size, "sha256": told}


def _moment(text: str) -> int | None:
    """Epoch nanoseconds of a PAX time, exactly; None: there is none to go by."""
    try:
        moment = int(Decimal(text) * 10**9)
    except (InvalidOperation, ValueError, OverflowError):
        return None
    return moment if -(2**63) <= moment < 2**63 else None


def _remake(source: Path, into: Path, names: object) -> None:
    """Make the directories that a backup names. Raises BackupError for one that is not below *into*."""
    if not isinstance(names, list) or not all(isinstance(name, str) and _inside(name) for name in names):
        raise BackupError(f"{source} is damaged: {MANIFEST} is not what it should be")
    try:
        for name in names:
            (into / name).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise BackupError(f"{source} is damaged: {MANIFEST} is not what it should be: {error}") from error


def _inside(name: str) -> bool:
    """Whether this is the name of something that belongs into a state directory."""
    path = Path(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and not passing(path.parts[0])


def _manifest(source: Path, into: Path) -> dict[str, Any]:
    path = into / MANIFEST
    try:
        about = json.loads(path.read_bytes()) if path.stat().st_size <= _MANIFEST_LIMIT else None
        path.unlink()
    except FileNotFoundError:
        raise BackupError(f"{source} is no backup, or was cut short: it has no {MANIFEST} at its end") from None
    except ValueError as error:
        raise BackupError(f"{source} is damaged: {MANIFEST}: {error}") from error
    if not isinstance(about, dict) or not isinstance(about.get("files"), dict):
        raise BackupError(f"{source} is damaged: {MANIFEST} is not what it should be")
    if about.get("format") != FORMAT:
        raise BackupError(f"{source} has format {about.get('format')!r:.20}, this version reads {FORMAT}: a newer version wrote it")
    return about


def _occupied(state: Path) -> list[str]:
    return sorted(path.name for path in state.iterdir() if path.name.startswith(STORE) or path.name == READY)


def _put_aside(state: Path) -> None:
    """Move all that is there, but for locks and logs, into a directory of its own; nothing is made when nothing is there."""
    there = [path for path in state.iterdir() if path.name not in _KEPT and not path.name.startswith(ASIDE)]
    if not there:
        return
    numbers = (int(path.name.removeprefix(ASIDE)) for path in state.iterdir() if re.fullmatch(rf"{ASIDE}[0-9]+", path.name))
    aside = state / f"{ASIDE}{1 + max(numbers, default=0)}"
    aside.mkdir(mode=0o700)
    for path in there:
        path.rename(aside / path.name)
    sync(aside)
