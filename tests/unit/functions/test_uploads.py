"""Archives that came through the API."""

import hashlib
import io
import zipfile
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import CodeRefused
from router.functions import uploads
from router.functions.uploads import GRACE, Uploads, name_of, sha256_of


def archive(text: str = "x") -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as opened:
        opened.writestr("app.py", text)
    return held.getvalue()


def sha256(data: bytes) -> str:
    return b64encode(hashlib.sha256(data).digest()).decode()


def test_what_is_kept_is_found_by_its_digest(tmp_path: Path) -> None:
    kept, data = Uploads(tmp_path), archive()
    name = kept.keep(data)
    assert (tmp_path / name).read_bytes() == data
    assert kept.keep(data) == name
    assert sha256_of(name) == sha256(data)
    assert kept.path(sha256(data)) == tmp_path / name
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert kept.path(sha256(b"other")) is None
    assert kept.path("no digest") is None


def test_the_names_of_what_is_kept_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("router.functions.uploads.sync", synced.append)
    kept = Uploads(tmp_path)
    kept.keep(archive())
    assert synced == [tmp_path, tmp_path / "uploads"]
    kept.keep(archive())
    assert synced[2:] == [tmp_path / "uploads"]
    Uploads(tmp_path).keep(archive())  # as after a kill between mkdir or rename and their syncs
    assert synced[3:] == [tmp_path, tmp_path / "uploads"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"no zip", "Could not unzip uploaded file. Please check your file, then try to upload again."),
        (b"", "Could not unzip uploaded file."),
    ],
)
def test_what_is_no_archive_is_not_kept(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(CodeRefused, match=said):
        Uploads(tmp_path).keep(data)
    assert list((tmp_path / "uploads").iterdir()) == []


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CodeRefused, match="Zipped size must be smaller than 52428800 bytes"):
        Uploads(tmp_path).keep(bytes(uploads.LARGEST + 1))
    monkeypatch.setattr("router.config.archive.UNPACKED", 300)
    with pytest.raises(CodeRefused, match="Unzipped size must be smaller than 262144000 bytes"):
        Uploads(tmp_path).keep(archive("x" * 301))


def test_what_nobody_has_any_more_goes_and_what_a_crash_left(tmp_path: Path) -> None:
    kept = Uploads(tmp_path)
    assert kept.collect([], 0.0) == 0
    first, second = kept.keep(archive("1")), kept.keep(archive("2"))
    (tmp_path / "uploads/.new-left.zip").touch()
    assert kept.collect([sha256_of(second), "", "no digest"], 100.0) == 0
    assert kept.collect([sha256_of(first)], 200.0) == 0
    assert kept.collect([sha256_of(first)], 100.0 + GRACE) == 1, "what was left half-written; the other has had its last use later"
    assert kept.collect([sha256_of(first)], 200.0 + GRACE) == 1
    assert (tmp_path / first).exists()
    assert not (tmp_path / second).exists()


def test_who_asks_for_an_archive_that_is_about_to_go_has_it(tmp_path: Path) -> None:
    """Another function's sweep may come between keeping and declaring."""
    kept = Uploads(tmp_path)
    name = kept.keep(archive())
    assert kept.collect([], 0.0) == 0
    assert kept.keep(archive()) == name
    assert kept.collect([], GRACE) == 0
    assert (tmp_path / name).exists()
    assert kept.collect([], GRACE + GRACE) == 1


@given(st.binary(min_size=32, max_size=32))
def test_names_and_digests(digest: bytes) -> None:
    assert sha256_of(f"uploads/{name_of(digest)}") == b64encode(digest).decode()


@given(st.text())
def test_any_name_has_a_digest_or_none(name: str) -> None:
    assert isinstance(sha256_of(name), str)
