"""What of a directory is code."""

import os
from pathlib import Path

import pytest

from router.errors import CodeRefused
from router.functions import walk
from router.functions.walk import Walker, fingerprint


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def paths(root: Path, *excluded: Path) -> dict[str, str]:
    return {row.path: row.kind for row in Walker(root, {os.path.realpath(path) for path in excluded}).rows() if row.kind != "directory"}


def test_data_version_control_and_environments_are_left_out(tmp_path: Path) -> None:
    write(
        tmp_path,
        "app.py",
        "sub/.git/config",
        ".app.py.swp",
        "app.py~",
        "venv/pyvenv.cfg",
        "venv/lib/x.py",
        "state/journal.db",
        "db",
        ".env",
    )
    os.mkfifo(tmp_path / "pipe")
    assert paths(tmp_path, tmp_path / "state", tmp_path / "db") == {"app.py": "file", ".env": "file"}


def test_links_inside_stay_links_and_others_are_followed(tmp_path: Path) -> None:
    write(tmp_path, "code/pkg/mod.py", "shared/util.py", "single.py")
    code = tmp_path / "code"
    for name, to in (("inner", "pkg"), ("common", "../shared"), ("one.py", str(tmp_path / "single.py")), ("lost", "nowhere")):
        (code / name).symlink_to(to)
    assert paths(code) == {
        "pkg/mod.py": "file", "inner": "link", "common/util.py": "file", "one.py": "file", "lost": "link",
    }  # fmt: skip


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path, "releases/1/app.py", "releases/1/pkg/x.py")
    (tmp_path / "releases/1/inner").symlink_to("pkg")
    (tmp_path / "current").symlink_to("releases/1")
    assert paths(tmp_path / "current") == {"app.py": "file", "pkg/x.py": "file", "inner": "link"}


def test_a_loop_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "code/pkg/mod.py")
    (tmp_path / "code/pkg/up").symlink_to(tmp_path / "code")
    with pytest.raises(CodeRefused, match="'pkg/up' is a link to a directory above it"):
        paths(tmp_path / "code")


def test_too_many_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a", "b", "c")
    monkeypatch.setattr(walk, "ENTRIES", 2)
    with pytest.raises(CodeRefused, match="more than 2"):
        paths(tmp_path)


def stamp(root: Path) -> str:
    return fingerprint(Walker(root, ()).rows())


def test_the_fingerprint_changes_with_what_counts(tmp_path: Path) -> None:
    write(tmp_path, "app.py", "pkg/mod.py")
    seen = [stamp(tmp_path)]
    assert stamp(tmp_path) == seen[0]
    (tmp_path / "pkg/__pycache__").mkdir()
    write(tmp_path, "pkg/__pycache__/mod.pyc", "app.py.swp")
    assert stamp(tmp_path) == seen[0]
    for change in (
        lambda: (tmp_path / "app.py").chmod(0o755),
        lambda: (tmp_path / "app.py").write_text("longer than it was"),
        lambda: os.utime(tmp_path / "app.py", (1, 1)),
        (tmp_path / "new").mkdir,
        lambda: (tmp_path / "link").symlink_to("app.py"),
        (tmp_path / "pkg/mod.py").unlink,
    ):
        change()
        assert stamp(tmp_path) not in seen
        seen.append(stamp(tmp_path))


def test_a_link_that_is_swung_round_is_another_tree(tmp_path: Path) -> None:
    write(tmp_path, "1/app.py", "2/app.py")
    (tmp_path / "current").symlink_to("1")
    before = stamp(tmp_path / "current")
    (tmp_path / "next").symlink_to("2")
    (tmp_path / "next").replace(tmp_path / "current")
    assert stamp(tmp_path / "current") != before
