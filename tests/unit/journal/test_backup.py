"""Backups: whole, checked, and refused when a single byte is not as it was."""

import io
import json
import os
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from router.clock import SystemClock
from router.config.types import ItemTable
from router.errors import BackupError
from router.journal import backup
from router.journal.backup import MANIFEST, READY, STORE, Lasting, take
from router.journal.base import Query
from router.journal.database import Database
from router.journal.restore import put_back, refuse_unfinished, unpack
from router.journal.sqlite import SqliteJournal
from router.model import Envelope
from router.tables.store import Tables
from router.tables.writing import Change

NOW = 1_790_000_000.0


async def filled(state: Path, count: int = 3) -> None:
    """A state directory with queued events and files of all kinds."""
    state.mkdir(exist_ok=True)
    database = await Database.open(state / STORE)
    journal = await SqliteJournal.open(database, SystemClock())
    for number in range(count):
        await journal.append(Envelope("f", json.dumps({"n": number}).encode(), "test", str(number)))
    await journal.close()
    await database.close()
    for name in ("versions/one/one.py", "logs/f/today", "tmp/x/y", "keys"):
        path = state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (state / "keys").chmod(0o600)
    if not (state / "versions/pipe").exists():
        (state / "versions/one/two.py").symlink_to("one.py")
        os.mkfifo(state / "versions/pipe")


async def queued(state: Path) -> int:
    database = await Database.open(state / STORE)
    journal = await SqliteJournal.open(database, SystemClock())
    try:
        return len(await journal.list(Query(limit=1000)))
    finally:
        await journal.close()
        await database.close()


@pytest.mark.parametrize("name", ["b.tar", "b.tar.gz", "b.tgz"])
async def test_what_was_there_is_there_again(tmp_path: Path, name: str) -> None:
    await filled(tmp_path / "state")
    made = take(tmp_path / "state", tmp_path / name, now=NOW)
    assert (made.made, made.files, made.events) == ("2026-09-21T14:13:20+00:00", 4, 3)
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / name).read_bytes().startswith(b"\x1f\x8b") is name.endswith("gz")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "state"])
    other = tmp_path / "other"
    other.mkdir()
    assert put_back(tmp_path / name, other, force=False) == made
    assert await queued(other) == 3
    assert (other / "versions/one/two.py").read_text() == "versions/one/one.py"
    assert (other / "versions/one/two.py").is_symlink()
    assert (other / "keys").stat().st_mode & 0o777 == 0o600
    assert not (other / "logs").exists()


async def test_what_is_accepted_while_a_backup_is_taken_goes_on_being_accepted(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    database = await Database.open(state / STORE)
    journal = await SqliteJournal.open(database, SystemClock())
    await journal.append(Envelope("f", b"{}", "test", "before"))
    made = take(state, tmp_path / "b.tar", now=NOW)
    await journal.append(Envelope("f", b"{}", "test", "after"))
    assert (made.events, len(await journal.list(Query(limit=10)))) == (1, 2)
    await journal.close()
    await database.close()


async def test_a_backup_never_takes_the_place_of_a_file(tmp_path: Path) -> None:
    await filled(tmp_path / "state")
    (tmp_path / "b.tar").write_text("mine")
    with pytest.raises(BackupError, match="exists: name a new file"):
        take(tmp_path / "state", tmp_path / "b.tar", now=NOW)
    with pytest.raises(BackupError, match="nothing to back up"):
        take(tmp_path, tmp_path / "c.tar", now=NOW)
    with pytest.raises(BackupError, match=r"nowhere/c\.tar"):
        take(tmp_path / "state", tmp_path / "nowhere/c.tar", now=NOW)
    assert (tmp_path / "b.tar").read_text() == "mine"


@pytest.mark.parametrize("to", ["/etc/passwd", "../../outside"])
async def test_what_could_not_be_put_back_is_no_backup(tmp_path: Path, to: str) -> None:
    await filled(tmp_path / "state")
    (tmp_path / "state/versions/link").symlink_to(to)
    with pytest.raises(BackupError, match="leads out of the state directory"):
        take(tmp_path / "state", tmp_path / "b.tar", now=NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


async def test_a_damaged_store_is_no_backup(tmp_path: Path) -> None:
    await filled(tmp_path / "state", 200)
    store = tmp_path / "state" / STORE
    (tmp_path / "state" / f"{STORE}-wal").unlink(missing_ok=True)
    with store.open("r+b") as file:
        file.seek(store.stat().st_size // 2)
        file.write(b"\xff" * 4096)
    with pytest.raises(BackupError, match="damaged"):
        take(tmp_path / "state", tmp_path / "b.tar", now=NOW)


async def test_objects_that_come_and_go_meanwhile_are_in_it_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was listed and is gone when its turn comes is no failure; bodies that are no objects yet are not in it, parts of uploads are."""
    state = tmp_path / "state"
    await filled(state)
    objects = [state / "buckets/b" / name for name in ("gone", "here", "was/gone", ".router/put-1", ".router/part-1")]
    for one in objects:
        one.parent.mkdir(parents=True, exist_ok=True)
        one.write_text(one.name)
    whole = backup._lasting

    def fleeting(directory: Path) -> Lasting:
        found = whole(directory)
        objects[0].unlink()
        objects[2].unlink()
        objects[2].parent.rmdir()
        return found

    monkeypatch.setattr(backup, "_lasting", fleeting)
    take(state, tmp_path / "b.tar", now=NOW)
    (tmp_path / "other").mkdir()
    put_back(tmp_path / "b.tar", tmp_path / "other", force=False)
    there = sorted(
        str(path.relative_to(tmp_path / "other/buckets/b")) for path in (tmp_path / "other/buckets").rglob("*") if path.is_file()
    )
    assert there == [".router/part-1", "here"]


async def test_a_directory_that_goes_while_it_is_looked_through_has_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state"
    await filled(state)
    for name in ("a", "b"):
        (state / "buckets/x" / name).mkdir(parents=True)
    scandir = os.scandir

    def going(path: str) -> object:
        if str(path).endswith("buckets/x/a"):
            (state / "buckets/x/a").rmdir()
        return scandir(path)

    monkeypatch.setattr(os, "scandir", going)
    assert take(state, tmp_path / "b.tar", now=NOW).files == 4


async def test_objects_come_back_with_their_times_and_folders_that_are_empty(tmp_path: Path) -> None:
    """Notes of objects name size and time to the nanosecond; a folder is an object although nothing is in it."""
    state, other = tmp_path / "state", tmp_path / "other"
    await filled(state)
    (state / "buckets/b/folder/below").mkdir(parents=True)
    (state / "buckets/empty").mkdir()
    (state / "buckets/b/object").write_text("x")
    moments = {
        "buckets/b/object": 1_790_000_000_123_456_789,
        "keys": 1_789_999_999_000_000_001,
        "versions/one/one.py": 1_700_000_000_999_999_999,
    }
    for name, moment in moments.items():
        os.utime(state / name, ns=(moment, moment))
    take(state, tmp_path / "b.tar.gz", now=NOW)
    other.mkdir()
    put_back(tmp_path / "b.tar.gz", other, force=False)
    assert {name: (other / name).stat().st_mtime_ns for name in moments} == moments
    assert (other / "buckets/b/folder/below").is_dir()
    assert (other / "buckets/empty").is_dir()


@pytest.mark.parametrize("name", ["../out", "/out", "buckets/../../out", 7, "", "restore.ready/x", "before-restore-1", "\0", f"{STORE}/x"])
def test_a_directory_that_a_backup_names_is_below_the_state(tmp_path: Path, name: object) -> None:
    about = {"format": 1, "made": "", "files": {STORE: {"size": 1, "sha256": sha256(b"x").hexdigest()}}, "directories": [name]}
    with pytest.raises(BackupError, match="not what it should be"):
        unpack(tar_of(tmp_path / "b.tar", (STORE, tarfile.REGTYPE, b"x"), about=about), tmp_path / "into")
    assert not (tmp_path / "out").exists()


async def test_a_backup_is_not_put_into_what_it_copies(tmp_path: Path) -> None:
    state = tmp_path / "state"
    await filled(state)
    (tmp_path / "link").symlink_to(state)
    before = sorted(state.rglob("*"))
    for target in (state / "b.tar", state / "logs/b.tar", tmp_path / "link/b.tar"):
        with pytest.raises(BackupError, match="lies in the state directory"):
            take(state, target, now=NOW)
    assert sorted(state.rglob("*")) == before


# -- putting back


async def test_what_a_restore_put_aside_is_in_no_backup_and_comes_back_from_none(tmp_path: Path) -> None:
    """Those of former versions have it in them; it would be moved onto what is there."""
    state = tmp_path / "state"
    await filled(state)
    take(state, tmp_path / "b.tar", now=NOW)
    put_back(tmp_path / "b.tar", state, force=True)
    (state / "before-restore-1/link").symlink_to("/etc/passwd")
    made = take(state, tmp_path / "c.tar", now=NOW)
    assert made.files == 4
    put_back(tmp_path / "c.tar", state, force=True)
    old, store = tmp_path / "old.tar", (state / STORE).read_bytes()
    members = {STORE: store, "before-restore-1/keys": b"former", "before-restore-2/keys": b"former", "logs/f/today": b"other"}
    listed = {name: {"size": len(text), "sha256": sha256(text).hexdigest()} for name, text in members.items()}
    about = {"format": 1, "made": "then", "events": 3, "files": listed}
    tar_of(old, *((name, tarfile.REGTYPE, text) for name, text in members.items()), about=about)
    put_back(old, state, force=True)
    refuse_unfinished(state)
    assert sorted(path.name for path in state.glob("before-restore-*")) == ["before-restore-1", "before-restore-2", "before-restore-3"]
    assert (state / "before-restore-1/keys").read_text() == "keys"
    assert (state / "logs/f/today").read_text() == "logs/f/today"
    assert await queued(state) == 3


async def test_somebodys_own_directory_beside_those_put_aside_is_left_alone(tmp_path: Path) -> None:
    state = tmp_path / "state"
    await filled(state)
    take(state, tmp_path / "b.tar", now=NOW)
    for name in ("before-restore-1-keep", "before-restore-7", "before-restore-x"):
        (state / name).mkdir()
    put_back(tmp_path / "b.tar", state, force=True)
    refuse_unfinished(state)
    assert sorted(path.name for path in state.glob("before-restore-*")) == [
        *("before-restore-1-keep", "before-restore-7", "before-restore-8", "before-restore-x")
    ]


async def test_what_is_in_use_is_put_aside_only_when_asked(tmp_path: Path) -> None:
    state = tmp_path / "state"
    await filled(state)
    take(state, tmp_path / "b.tar", now=NOW)
    await filled(state, 5)
    with pytest.raises(BackupError, match="is in use already"):
        put_back(tmp_path / "b.tar", state, force=False)
    for number in (1, 2):
        put_back(tmp_path / "b.tar", state, force=True)
        assert (state / f"before-restore-{number}" / STORE).is_file()
    assert await queued(state) == 3
    assert (state / "logs/f/today").read_text() == "logs/f/today"


async def test_every_byte_counts(tmp_path: Path) -> None:
    await filled(tmp_path / "state")
    take(tmp_path / "state", tmp_path / "b.tar", now=NOW)
    whole = (tmp_path / "b.tar").read_bytes()
    bad, into = tmp_path / "bad.tar", tmp_path / "into"
    into.mkdir()
    for at in range(700, len(whole) - 20_000, 997):
        bad.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            unpack(bad, into / str(at))
        except BackupError:
            continue
        assert _is_padding(whole, at), at


def _is_padding(whole: bytes, at: int) -> bool:
    """Whether a byte is between two members, where nothing is."""
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        return not any(
            member.offset <= at < member.offset + 512 or member.offset_data <= at < member.offset_data + member.size for member in tar
        )


async def test_one_that_was_cut_short_is_none(tmp_path: Path) -> None:
    await filled(tmp_path / "state")
    take(tmp_path / "state", tmp_path / "b.tar", now=NOW)
    whole = (tmp_path / "b.tar").read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    for at in (0, 100, 512, 5000, len(whole) // 2, len(whole) - 15_000):
        (tmp_path / "cut.tar").write_bytes(whole[:at])
        with pytest.raises(BackupError):
            put_back(tmp_path / "cut.tar", other, force=False)
        assert list(other.iterdir()) == []


def tar_of(path: Path, *members: tuple[str, bytes, bytes], about: object = None) -> Path:
    """A tar by hand: name, type, text or link."""
    with tarfile.open(path, "w") as tar:
        for name, kind, text in members:
            entry = tarfile.TarInfo(name)
            entry.type = kind
            if kind == tarfile.REGTYPE:
                entry.size = len(text)
            else:
                entry.linkname = text.decode()
            tar.addfile(entry, io.BytesIO(text))
        if about is not None:
            text = json.dumps(about).encode()
            entry = tarfile.TarInfo(MANIFEST)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    return path


@pytest.mark.parametrize(
    ("member", "told"),
    [
        (("../evil", tarfile.REGTYPE, b"x"), "outside"),
        (("link", tarfile.SYMTYPE, b"/etc"), "absolute"),
        (("link", tarfile.SYMTYPE, b"../../x"), "outside"),
        (("a", tarfile.LNKTYPE, b"b"), "neither a file nor a link"),
        (("a", tarfile.FIFOTYPE, b""), "neither a file nor a link"),
        (("a", tarfile.DIRTYPE, b""), "neither a file nor a link"),
    ],
)
def test_nothing_gets_out_of_the_directory(tmp_path: Path, member: tuple[str, bytes, bytes], told: str) -> None:
    with pytest.raises(BackupError, match=told):
        unpack(tar_of(tmp_path / "b.tar", member), tmp_path / "into")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("about", "told"),
    [
        (None, "cut short"),
        ([], "not what it should be"),
        ({"files": []}, "not what it should be"),
        ({"files": {}, "format": 2}, "a newer version wrote it"),
        ({"files": {"b": {"link": "a"}}, "format": 1}, "a, b not as written down"),
        ({"files": {"a": {"size": 1, "sha256": "00"}}, "format": 1}, "a not as written down"),
    ],
)
def test_what_is_no_backup_says_why(tmp_path: Path, about: object, told: str) -> None:
    with pytest.raises(BackupError, match=told):
        unpack(tar_of(tmp_path / "b.tar", ("a", tarfile.REGTYPE, b"x"), about=about), tmp_path / "into")


async def test_a_restore_that_was_killed_in_the_middle_is_not_mistaken_for_a_state(tmp_path: Path) -> None:
    state = tmp_path / "state"
    await filled(state)
    take(state, tmp_path / "b.tar", now=NOW)
    refuse_unfinished(state)
    (state / READY).mkdir()
    with pytest.raises(BackupError, match="interrupted; give the command again"):
        refuse_unfinished(state)
    put_back(tmp_path / "b.tar", state, force=True)
    refuse_unfinished(state)
    assert await queued(state) == 3


async def test_the_tables_are_in_it_as_they_are_while_they_are_written(tmp_path: Path) -> None:
    await filled(tmp_path / "state")
    table = ItemTable("t", ("id", "S"))
    tables = await Tables.open(tmp_path / "state", SystemClock(), {"t": table}, region="eu-west-1", account="1" * 12)
    item = {"id": {"S": "a"}, "b": {"B": b"\x00"}}
    await tables.change(Change("t", {"id": {"S": "a"}}, "put", item=item))
    take(tmp_path / "state", tmp_path / "b.tar", now=NOW)
    await tables.database.close()
    (tmp_path / "other").mkdir()
    put_back(tmp_path / "b.tar", tmp_path / "other", force=False)
    assert sorted(path.name for path in (tmp_path / "other" / "tables").iterdir()) == ["tables.db"]
    again = await Tables.open(tmp_path / "other", SystemClock(), {"t": table}, region="eu-west-1", account="1" * 12)
    assert await again.items([("t", {"id": {"S": "a"}})]) == [item]
    await again.database.close()
