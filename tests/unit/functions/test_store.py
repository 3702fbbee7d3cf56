"""Trees that never change."""

import base64
import hashlib
import os
import stat
from pathlib import Path

import pytest

from router.errors import CodeRefused
from router.functions import files, snapshot, store
from router.functions.snapshot import Unsettled
from router.functions.store import Trees
from tests.helpers.archives import PROGRAM, packed


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    made = Trees(tmp_path / "state/code")
    made.open()
    return made


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "code/pkg").mkdir(parents=True)
    (tmp_path / "code/app.py").write_text("x = 1")
    (tmp_path / "code/pkg/run").write_text("#!")
    (tmp_path / "code/pkg/run").chmod(0o700)
    return tmp_path / "code"


def content(tree: Path) -> dict[str, str]:
    return {str(path.relative_to(tree)): path.read_text() for path in sorted(tree.rglob("*")) if path.is_file()}


def test_a_directory_is_copied_and_sealed(trees: Trees, code: Path) -> None:
    os.utime(code / "app.py", (1_000_000, 1_000_000))
    tree = trees.keep(code)
    (code / "app.py").write_text("x = 2")
    assert content(tree.path) == {"app.py": "x = 1", "pkg/run": "#!"}
    assert tree.size == 7
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tree.path, tree.path / "pkg", tree.path / "pkg/run")}
    assert modes == {0o555}
    assert stat.S_IMODE((tree.path / "app.py").stat().st_mode) == 0o444
    assert (tree.path / "app.py").stat().st_mtime == 1_000_000
    lines = f"file {hashlib.sha256(b'x = 1').hexdigest()} app.py\0exec {hashlib.sha256(b'#!').hexdigest()} pkg/run\0"
    assert tree.sha256 == base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


def test_the_same_content_is_the_same_tree(trees: Trees, code: Path, tmp_path: Path) -> None:
    first = trees.keep(code)
    code.rename(tmp_path / "elsewhere")
    assert trees.keep(tmp_path / "elsewhere") == first
    assert sorted(os.listdir(trees.directory)) == sorted(["known.json", first.path.name])


def test_what_has_not_changed_is_not_read_again_even_by_the_next_daemon(trees: Trees, code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = trees.keep(code)
    monkeypatch.setattr(snapshot, "copy", None)
    again = Trees(trees.directory)
    again.open()
    assert again.keep(code) == tree
    assert again.last(code) == tree
    assert again.last(code / "other") is None


@pytest.mark.parametrize("note", ["", "no json", "[]", '{"/code": [1]}', '{"/code": ["a", "../../etc", "c", 3]}', '{"/code": {"a": null}}'])
def test_a_note_that_cannot_be_read_costs_a_reading(trees: Trees, code: Path, note: str) -> None:
    tree = trees.keep(code)
    (trees.directory / "known.json").write_text(note.replace("/code", str(code)))
    again = Trees(trees.directory)
    again.open()
    assert again.keep(code) == tree


def test_an_archive_has_lambdas_own_hash(trees: Trees, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"bootstrap": "#!", "lib/x": ""}, {"bootstrap": PROGRAM})
    tree = trees.keep(path)
    assert tree.sha256 == base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
    assert content(tree.path) == {"bootstrap": "#!", "lib/x": ""}
    assert os.access(tree.path / "bootstrap", os.X_OK)
    packed(tmp_path / "a.zip", {"bootstrap": "#!2"})
    assert trees.keep(path).path != tree.path
    assert content(tree.path)["bootstrap"] == "#!"


def test_a_tree_that_is_refused_leaves_nothing(trees: Trees, tmp_path: Path, code: Path) -> None:
    with pytest.raises(CodeRefused):
        trees.keep(packed(tmp_path / "a.zip", {"good.py": "", "../evil": ""}))
    (code / "loop").symlink_to(tmp_path)
    with pytest.raises(CodeRefused):
        trees.keep(code)
    assert os.listdir(trees.directory) == []


@pytest.mark.parametrize("when", ["between", "after"])
def test_a_tree_that_changes_meanwhile_is_not_taken(trees: Trees, code: Path, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two of its files, or after the last: half of it would be old."""
    write = files.write
    written = []

    def slow(path: Path, *args: object, **rest: object) -> str:
        sha256 = write(path, *args, **rest)  # type: ignore[arg-type]
        written.append(path)
        if len(written) == (1 if when == "between" else 2):
            (code / ("pkg/run" if when == "between" else "app.py")).write_text("new")
        return sha256

    monkeypatch.setattr(files, "write", slow)
    with pytest.raises(Unsettled):
        trees.keep(code)
    assert os.listdir(trees.directory) == []
    monkeypatch.setattr(files, "write", write)
    assert "new" in content(trees.keep(code).path).values()


def test_a_file_that_goes_meanwhile_is_no_error(trees: Trees, code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look = snapshot.look

    def late(*args: object) -> object:
        found = look(*args)  # type: ignore[arg-type]
        (code / "app.py").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(snapshot, "look", late)
    with pytest.raises(Unsettled):
        trees.keep(code)


def test_layers_lie_over_one_another(trees: Trees, tmp_path: Path) -> None:
    first = trees.keep(packed(tmp_path / "1.zip", {"python/a.py": "1", "python/b.py": "1", "bin/run": "#!"}, {"bin/run": PROGRAM}))
    second = trees.keep(packed(tmp_path / "2.zip", {"python/b.py": "2", "bin": "file"}))
    assert trees.opt([]) is None
    assert trees.opt([first]) == first.path
    merged = trees.opt([first, second])
    assert merged is not None
    assert content(merged) == {"bin": "file", "python/a.py": "1", "python/b.py": "2"}
    assert trees.opt([first, second]) == merged
    other = trees.opt([second, first])
    assert other is not None
    assert content(other) == {"bin/run": "#!", "python/a.py": "1", "python/b.py": "1"}
    assert content(first.path)["python/b.py"] == "1"
    assert stat.S_IMODE((merged / "python").stat().st_mode) == 0o555


def test_what_nobody_uses_goes(trees: Trees, code: Path, tmp_path: Path) -> None:
    first = trees.keep(code)
    (code / "app.py").write_text("x = 2")
    second = trees.keep(code)
    assert trees.collect([second.path.name, "elsewhere"]) == 1
    assert not first.path.exists()
    assert trees.keep(code) == second
    assert trees.collect([]) == 1
    assert [name for name in os.listdir(trees.directory) if name != "known.json"] == []
    assert trees.last(code) is None
    assert trees.keep(code).sha256 == second.sha256


def test_what_a_crash_left_goes_at_the_next_opening(trees: Trees, code: Path) -> None:
    tree = trees.keep(code)
    for name in (".new-1", ".gone-1"):
        (trees.directory / name / "deep").mkdir(parents=True)
        (trees.directory / name / "deep/file").write_text("")
        (trees.directory / name / "deep").chmod(0o555)
    Trees(trees.directory).open()
    assert sorted(os.listdir(trees.directory)) == sorted(["known.json", tree.path.name])


def test_code_and_layers_together_have_a_limit(trees: Trees, code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = trees.keep(code)
    monkeypatch.setattr(store, "UNPACKED", 13)
    store.total([tree])
    with pytest.raises(CodeRefused, match="come to 0 MB unpacked"):
        store.total([tree, tree])


def test_a_large_tree_is_synced_as_a_whole(trees: Trees, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(100):
        (tmp_path / f"many/{number}.py").write_text(str(number))
    assert len(content(trees.keep(tmp_path / "many").path)) == 100
