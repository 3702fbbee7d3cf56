"""A .zip looked at as if it were a directory."""

from pathlib import Path

import pytest

from router.config.entries import executable, kind, names
from router.config.handler import missing, unstartable
from router.config.types import Function
from tests.helpers.archives import LINK, PROGRAM, packed


@pytest.fixture
def code(tmp_path: Path) -> Path:
    files = {"app.py": "", "pkg/__init__.py": "", "index.mjs": "", "bootstrap": "", "run": "", "alias": "app.py"}
    return packed(tmp_path / "code.zip", files, {"bootstrap": PROGRAM, "alias": LINK})


def test_entries_are_files_and_directories(code: Path) -> None:
    assert [kind(code / name) for name in ("app.py", "pkg", "pkg/__init__.py", "nothing", "app.py/x", "alias")] == [
        "file", "directory", "file", "absent", "absent", "file",
    ]  # fmt: skip
    assert kind(code) == "file"
    assert sorted(names(code)) == ["alias", "app.py", "bootstrap", "index.mjs", "pkg", "run"]
    assert names(code / "pkg") == ["__init__.py"]
    assert names(code / "app.py") == []
    assert [executable(code / name) for name in ("bootstrap", "run", "nothing")] == [True, False, False]


def test_what_is_no_archive_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("no archive")
    (tmp_path / "plain").write_text("")
    for name in ("a.zip/x", "plain/x", "nothing/x"):
        assert kind(tmp_path / name) == "absent"
        assert names((tmp_path / name).parent) == []
        assert not executable(tmp_path / name)


@pytest.mark.parametrize("handler", ["app.handler", "pkg.handler"])
def test_a_handler_in_a_zip_is_found(code: Path, handler: str) -> None:
    assert missing(code, handler) == ""


def test_one_that_is_not_there_is_told(code: Path) -> None:
    assert missing(code, "apq.f").replace(str(code), "CODE") == "CODE/apq.py does not exist, did you mean app.py?"


@pytest.mark.parametrize(
    ("runtime", "rest", "told"),
    [
        ("nodejs", {"handler": "index.handler"}, ""),
        ("nodejs", {"handler": "other.handler"}, "CODE/other.js, .mjs or .cjs does not exist"),
        ("provided", {}, ""),
        ("command", {"command": ("./bootstrap",)}, ""),
        ("command", {"command": ("./run",)}, "CODE/run is not executable; chmod +x it"),
        (
            "command",
            {"command": ("run",)},
            "run is not found in /usr/local/bin:/usr/bin:/bin; for the file in the code directory write ./run",
        ),
    ],
)
def test_every_runtime_looks_into_it(code: Path, runtime: str, rest: dict[str, object], told: str) -> None:
    function = Function(**({"name": "f", "code": code, "handler": "", "runtime": runtime} | rest))  # type: ignore[arg-type]
    assert unstartable(function)[0].replace(str(code), "CODE") == told
