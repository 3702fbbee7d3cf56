"""Every name a file can have is delivered as it is or refused visibly; what is no file is no object."""

import os
import socket
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.events import s3
from router.journal.database import Database
from tests.helpers.bucket import BucketHouse, until


@pytest.fixture
async def bucket(tmp_path: Path) -> AsyncIterator[BucketHouse]:
    database = await Database.open(tmp_path / "store")
    yield BucketHouse(tmp_path, database)
    await database.close()


NAMES = [
    "new\nline",
    "tab\tand\x1besc",
    "%2e%2e",
    "a+b c",
    "x" * 255,
    "-rf",
    "back\\slash",
    "$(id)",
    "`id`;'\"",
    "\u202egpj.exe",
    unicodedata.normalize("NFC", "é"),
    unicodedata.normalize("NFD", "é"),
    "d ir/%/ü",
    "🙂",
]


async def test_names_come_back_as_they_are(bucket: BucketHouse) -> None:
    bucket.root.mkdir()
    half = len(NAMES) // 2
    for name in NAMES[:half]:
        (bucket.root / name).parent.mkdir(parents=True, exist_ok=True)
        (bucket.root / name).write_text(name)
    async with bucket.running():
        for name in NAMES[half:]:
            (bucket.root / name).parent.mkdir(parents=True, exist_ok=True)
            (bucket.root / name).write_text(name)
        await until(lambda: len(bucket.told()) == len(NAMES))
        for name in NAMES:
            (bucket.root / name).unlink()
        await until(lambda: len(bucket.told()) == 2 * len(NAMES))
    assert sorted(bucket.created()) == sorted(bucket.removed()) == sorted(NAMES)
    assert {key: bytes(envelope.payload).isascii() for key, envelope in zip(bucket.created(), bucket.outlet.emitted, strict=False)}


async def test_a_name_that_is_not_utf8_is_refused_visibly_and_harms_nobody(bucket: BucketHouse) -> None:
    bucket.root.mkdir()
    base = os.fsencode(bucket.root)
    Path(os.fsdecode(base + b"/before\xff")).write_text("x")
    async with bucket.running() as source:
        Path(os.fsdecode(base + b"/after\xe9.txt")).write_text("x")
        os.mkdir(base + b"/dir\xfe")
        Path(os.fsdecode(base + b"/dir\xfe/in")).write_text("x")
        (bucket.root / "good").write_text("x")
        await until(lambda: bucket.told() and len(source.refused()) == 3)
        assert source.health() == ""
        assert set(source.refused()) == {"before\\udcff", "after\\udce9.txt", "dir\\udcfe"}
    assert bucket.told() == [(s3.CREATED, "good")]
    assert bucket.count("router_s3_refusals_total") == 3
    assert bucket.count("router_s3_refused_entries") == 3


async def test_ignored_names_and_what_is_no_file(bucket: BucketHouse) -> None:
    (bucket.root / ".git").mkdir(parents=True)
    (bucket.root / "plain").mkdir()
    (bucket.place / "secret").write_text("outside")
    for name in (".git/config", ".hidden", "a.part", "b.tmp", "c.crdownload", "d~"):
        (bucket.root / name).write_text("x")
    (bucket.root / "link").symlink_to(bucket.place / "secret")
    (bucket.root / "dangling").symlink_to("nowhere")
    (bucket.root / "loop").symlink_to("loop")
    (bucket.root / "out").symlink_to(bucket.place)
    (bucket.root / "photo.jpg").mkdir()
    os.mkfifo(bucket.root / "fifo")
    async with bucket.running():
        os.mkfifo(bucket.root / "fifo2")
        (bucket.root / "link2").symlink_to("plain")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(bucket.root / "sock"))
        (bucket.root / "z.part").write_text("x")
        os.rename(bucket.root / "z.part", bucket.root / "z")
        await until(bucket.told)
    assert bucket.told() == [(s3.CREATED, "z")]
    assert bucket.count("router_s3_ignored_entries") == 6
    assert bucket.count("router_s3_special_entries") == 5


async def test_filters_and_several_functions_on_one_bucket(bucket: BucketHouse) -> None:
    created = frozenset({s3.CREATED})
    bucket.wanted = {"jpg": s3.Filter(created, "in/", ".jpg"), "ü": s3.Filter(created, "ü "), "gone": s3.Filter(frozenset({s3.REMOVED}))}
    async with bucket.running():
        for key in ("in/a.jpg", "in/a.png", "out/a.jpg", "ü b"):
            (bucket.root / key).parent.mkdir(parents=True, exist_ok=True)
            (bucket.root / key).write_text("x")
        await until(lambda: len(bucket.told()) == 2)
        (bucket.root / "in/a.jpg").unlink()
        await until(lambda: len(bucket.told()) == 3)
    found = sorted((envelope.function, key, name) for envelope, (name, key) in zip(bucket.outlet.emitted, bucket.told(), strict=True))
    assert found == [("gone", "in/a.jpg", s3.REMOVED), ("jpg", "in/a.jpg", s3.CREATED), ("ü", "ü b", s3.CREATED)]
    assert {envelope.shard for envelope in bucket.outlet.emitted} == {"in/a.jpg", "ü b"}


async def test_a_path_longer_than_a_key_may_be_is_refused_and_the_rest_goes_on(bucket: BucketHouse) -> None:
    bucket.root.mkdir()
    deep = os.open(bucket.root, os.O_RDONLY)
    for _ in range(30):  # 30 × 200 bytes: longer than PATH_MAX too
        os.mkdir("d" * 200, dir_fd=deep)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=deep))
    os.close(deep)
    async with bucket.running() as source:
        (bucket.root / "good").write_text("x")
        await until(bucket.told)
        assert list(source.refused().values()) == ["key_too_long"]
    assert bucket.created() == ["good"]


async def test_an_unreadable_file_is_told_once_and_noticed_when_it_changes(bucket: BucketHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    from router.buckets import contents

    opened = contents.beneath

    def strict(root: int, path: str, flags: int = os.O_RDONLY) -> int:
        """What an ordinary user meets; the superuser opens anything."""
        if not os.stat(path, dir_fd=root).st_mode & 0o400:
            raise PermissionError(13, "Permission denied")
        return opened(root, path, flags)

    monkeypatch.setattr(contents, "beneath", strict)
    bucket.scan = 0.1
    bucket.root.mkdir()
    (bucket.root / "locked").write_text("x")
    (bucket.root / "locked").chmod(0)
    async with bucket.running() as source:
        (bucket.root / "good").write_text("x")
        await until(lambda: bucket.told() and source.refused())
        scans = bucket.scans()
        await until(lambda: bucket.scans() > scans + 3)
        assert source.refused() == {"locked": "unreadable"}
        assert bucket.count("router_s3_refusals_total") == 1
        (bucket.root / "locked").chmod(0o600)
        await until(lambda: len(bucket.told()) == 2)
        assert source.refused() == {}
    assert bucket.created() == ["good", "locked"]
