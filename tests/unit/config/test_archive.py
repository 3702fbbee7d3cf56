"""What a .zip holds, read from its end."""

import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.config import archive
from router.config.archive import BadArchive, read
from router.config.archive_names import Member
from tests.helpers.archives import PROGRAM, packed


def test_entries_and_the_directories_between(tmp_path: Path) -> None:
    found = read(packed(tmp_path / "a.zip", {"app.py": "x = 1", "pkg/deep/mod.py": "", "bin/": "", "bin/run": "#!"}, {"bin/run": PROGRAM}))
    assert found.members["app.py"] == Member("app.py", "file", executable=False, size=5)
    assert found.members["pkg/deep"].kind == "directory"
    assert found.members["bin/run"].executable
    assert found.children == {"": ["app.py", "pkg", "bin"], "pkg": ["deep"], "pkg/deep": ["mod.py"], "bin": ["run"]}


def test_as_deep_as_names_may_be(tmp_path: Path) -> None:
    path = "a/" * 1000 + "b"
    assert read(packed(tmp_path / "a.zip", {path: ""})).members[path].kind == "file"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"../x": ""}, "leads out"),
        ({"a": "", "a/b": ""}, "a file and a directory"),
        ({"a/b": "", "a": ""}, "a file and a directory"),
        ({"big": bytes(1000)}, "larger than"),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, files: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "UNPACKED", 999)
    with pytest.raises(BadArchive, match=told):
        read(packed(tmp_path / "a.zip", files))


def test_an_archive_with_too_many_entries_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "a.zip", {str(number): "" for number in range(11)})
    monkeypatch.setattr(archive, "ENTRIES", 10)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(BadArchive, match="more than 10 entries"):
        read(path)


def test_the_64_bit_count_is_believed_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    path = packed(tmp_path / "a.zip", {str(number): "" for number in range(11)})
    assert b"PK\x06\x06" in path.read_bytes()
    monkeypatch.setattr(archive, "ENTRIES", 10)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(BadArchive, match="more than 10 entries"):
        read(path)


def test_a_changed_archive_is_read_again(tmp_path: Path) -> None:
    assert list(read(packed(tmp_path / "a.zip", {"a": ""})).members) == ["a"]
    packed(tmp_path / "b.zip", {"b": "", "c": ""}).replace(tmp_path / "a.zip")
    assert list(read(tmp_path / "a.zip").members) == ["b", "c"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=20), st.integers(0, 400))
def test_a_damaged_archive_is_told_and_nothing_else(tmp_path: Path, flips: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(packed(tmp_path / "good.zip", {"app.py": "x", "d/e.py": "y"}).read_bytes())
    for place, value in flips:
        if place < len(data):
            data[place] = value
    path = tmp_path / "a.zip"
    path.write_bytes(data[: len(data) - cut] if cut % 3 == 0 else data)
    os.utime(path, ns=(hash(bytes(data)) & 0xFFFFFFFF,) * 2)
    try:
        found = read(path)
    except BadArchive:
        return
    assert all(".." not in name.split("/") and not name.startswith("/") for name in found.members)
