"""From the config to what runs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from router.config.types import Alias, Bucket, Config, Function, Table
from router.functions import deploy
from router.functions.snapshot import Unsettled
from router.functions.store import Trees
from tests.helpers.archives import packed


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    made = Trees(tmp_path / "state/code")
    made.open()
    return made


def function(tmp_path: Path, **rest: object) -> Function:
    (tmp_path / "code").mkdir(exist_ok=True)
    (tmp_path / "code/app.py").write_text("")
    return replace(Function("f", tmp_path / "code", "app.handler"), **rest)  # type: ignore[arg-type]


def no_sleep(_: float) -> None:
    raise AssertionError


def test_code_and_layers_become_trees(trees: Trees, tmp_path: Path) -> None:
    layers = (packed(tmp_path / "1.zip", {"python/a.py": ""}), packed(tmp_path / "2.zip", {"python/b.py": ""}))
    configured = function(tmp_path, layers=layers, aliases={"live": Alias("live", "1")}, places=(), memory=512)
    (found,) = deploy.deploy([configured], trees, sleep=no_sleep).functions.values()
    assert found.code.parent == trees.directory
    assert (found.code / "app.py").exists()
    assert found.opt is not None
    assert sorted(path.name for path in (found.opt / "python").iterdir()) == ["a.py", "b.py"]
    assert [layer.parent for layer in found.layers] == [trees.directory] * 2
    assert (found.memory, found.aliases, len(found.sha256)) == (512, {}, 44)
    assert deploy.deploy([configured], trees).functions == {"f": found}


def test_a_source_that_many_share_is_read_once(trees: Trees, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    keep = trees.keep
    monkeypatch.setattr(trees, "keep", lambda source: kept.append(source) or keep(source))
    one = function(tmp_path)
    assert len(deploy.deploy([replace(one, name=str(number)) for number in range(50)], trees).functions) == 50
    assert len(kept) == 1


def test_what_came_through_the_api_may_lack_its_handler(trees: Trees, tmp_path: Path) -> None:
    lacking = function(tmp_path, handler="other.handler")
    assert deploy.deploy([lacking], trees, unchecked={"f"}).functions["f"].handler == "other.handler"
    absent = replace(lacking, name="absent", code=tmp_path / "nowhere")
    assert deploy.deploy([absent], trees, unchecked={"absent"}).problems, "but not its code"


def test_every_function_that_cannot_be_deployed_is_told(trees: Trees, tmp_path: Path) -> None:
    good = function(tmp_path)
    broken = replace(good, name="broken", code=packed(tmp_path / "bad.zip", {"../x": ""}))
    absent = replace(good, name="absent", layers=(tmp_path / "nowhere",))
    handler = replace(good, name="handler", handler="other.handler")
    found = deploy.deploy([broken, good, absent, handler], trees)
    assert list(found.functions) == ["f"]
    assert [problem.replace(str(tmp_path), "DIR") for problem in found.problems] == [
        "functions.broken: DIR/bad.zip: '../x' leads out of the directory",
        "functions.absent: DIR/nowhere: No such file or directory",
        "functions.handler: handler: DIR/code/other.py does not exist",
    ]


def restless(trees: Trees, tries: int) -> Callable[[Path], object]:
    """A keep() that finds somebody at work so often."""
    keep = trees.keep
    left = iter([Unsettled()] * tries)

    def found(source: Path) -> object:
        if (error := next(left, None)) is not None:
            raise error
        return keep(source)

    return found


def test_a_tree_that_is_being_written_is_waited_for(trees: Trees, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(trees, "keep", restless(trees, 3))
    assert deploy.deploy([function(tmp_path)], trees, sleep=slept.append).problems == ()
    assert len(slept) == 3


def test_one_that_never_rests_runs_as_it_was_or_not_at_all(trees: Trees, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = function(tmp_path)
    monkeypatch.setattr(trees, "keep", restless(trees, 2))
    assert "still being written to after" in deploy.deploy([one], trees, patience=-1).problems[0]
    monkeypatch.undo()
    before = deploy.deploy([one], trees).functions
    monkeypatch.setattr(trees, "keep", restless(trees, 2))
    assert deploy.deploy([one], trees, patience=-1).functions == before


def test_what_is_no_code(tmp_path: Path) -> None:
    config = Config(
        tmp_path / "config.yaml",
        tmp_path / "state",
        buckets={"b": Bucket("b", tmp_path / "data")},
        tables={"t": Table("t", tmp_path / "shop.db", "t")},
    )
    names = {Path(place).name for place in deploy.excluded(config)}
    assert names == {"state", "data", "shop.db", "shop.db-wal", "shop.db-shm", "shop.db-journal"}
