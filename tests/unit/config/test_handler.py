"""Handlers are looked for, never run."""

from dataclasses import replace
from pathlib import Path

import pytest

from router.config.handler import doubt, missing
from tests.unit.config.conftest import BASE, Place


@pytest.fixture
def code(tmp_path: Path) -> Path:
    for name in ("app.py", "pkg/__init__.py", "pkg/deep/mod.py", "namespace/mod.py", "time.py", "native.cpython-311-x86_64-linux-gnu.so"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("raise SystemExit")
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "handler", ["app.handler", "pkg.handler", "pkg.deep.mod.f", "pkg/deep/mod.f", "pkg/deep.mod.f", "namespace.mod.f", "native.f", "app.λ"]
)
def test_files_packages_and_paths_are_found(code: Path, handler: str) -> None:
    assert missing(code, handler) == ""


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        ("handler", "handler is no handler; write file.function, as app.handler for the function handler in app.py"),
        (".handler", ".handler is no handler; write file.function, as app.handler for the function handler in app.py"),
        ("app.", "app. is no handler; write file.function, as app.handler for the function handler in app.py"),
        ("../app.handler", "../app.handler is no handler; write file.function, as app.handler for the function handler in app.py"),
        ("/app.handler", "/app.handler is no handler; write file.function, as app.handler for the function handler in app.py"),
        ("ap.handler", "CODE/ap.py does not exist, did you mean app.py?"),
        ("zzzz.handler", "CODE/zzzz.py does not exist"),
        ("pkg.deep.mood.f", "CODE/pkg/deep/mood.py does not exist, did you mean mod.py?"),
        ("empty.f", "CODE/empty.py does not exist"),
        ("App.handler", "CODE/App.py does not exist, did you mean app.py?"),
        ("time.handler", "time is a module built into Python, which would be imported instead of time.py; give the file another name"),
    ],
)
def test_what_is_missing_is_named(code: Path, handler: str, told: str) -> None:
    assert missing(code, handler).replace(str(code), "CODE") == told


def test_a_name_no_file_can_have_is_cut(code: Path) -> None:
    told = missing(code, f"{'x' * 5000}.f")
    assert len(told) < 400
    assert told.endswith("….py does not exist")


FUNCTION = "version: 1\nfunctions: {f: {code: CODE, handler: app.f}}\n"


def test_the_code_directory_itself(place: Place) -> None:
    (place.root / "file").write_text("")
    (place.root / "code.zip").write_text("")
    for code, told in (
        ("nowhere", "DIR/nowhere does not exist"),
        ("file", "DIR/file is neither a directory nor a .zip"),
        ("code.zip", "DIR/code.zip cannot be used: it is no .zip file, or was cut short"),
    ):
        assert place.mistakes(FUNCTION.replace("CODE", code)) == [f"config.yaml:2:23: functions.f.code: {told}"]
    assert place.mistakes(FUNCTION.replace("CODE", "''")) == ["config.yaml:2:23: functions.f.code: an empty path"]


def test_a_missing_file_is_told_at_the_handler(place: Place) -> None:
    assert place.mistakes(FUNCTION.replace("CODE", "code").replace("app.f", "apq.f")) == [
        "config.yaml:2:38: functions.f.handler: DIR/code/apq.py does not exist, did you mean app.py?"
    ]
    assert place.mistakes(FUNCTION.replace("CODE", "code").replace("app.f", "'a b.f'")) == [
        "config.yaml:2:38: functions.f.handler: a b.f is not a handler; write file.function"
    ]


FUNCTIONS = "version: 1\nfunctions:\n  f: {{code: ./code, handler: {handler}{more}}}\n"


@pytest.mark.parametrize(
    ("file", "content", "handler", "told"),
    [
        ("app.py", "def handler(event, context): ...", "app.handler", ""),
        ("app.py", "def handler(event, context): ...", "app.handelr", "app.py has no handelr, did you mean handler?"),
        ("app.py", "", "app.handler", "app.py has no handler"),
        ("app.py", "import x\ndef handler(event, context)\n  ...", "app.handler", "app.py, line 2: expected ':'"),
        ("app.py", "from x import *", "app.handler", ""),
        ("app.py", "#" * (1024 * 1024 + 1), "app.handler", ""),
        ("deep/mod/__init__.py", "handlers = 1", "deep/mod.handler", "__init__.py has no handler, did you mean handlers?"),
        ("deep/native.so", "", "deep/native.handler", ""),
    ],
)
def test_what_a_module_lacks_is_guessed(place: Place, file: str, content: str, handler: str, told: str) -> None:
    path = place.root / "code" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    (function,) = place.load(FUNCTIONS.format(handler=handler, more="")).functions.values()
    assert doubt(function) == told


@pytest.mark.parametrize(
    ("content", "handler", "told"),
    [
        ("exports.handler = f", "index.handler", ""),
        ("exports.handler = f", "index.handelr", "index.js has no handelr, did you mean handler?"),
        ("exports.api = { get: f }", "index.api.get", ""),
        ("exports.api = { get: f }", "index.apis.get", "index.js has no apis, did you mean api?"),
        ("module.exports = require('./built')", "index.handler", ""),
    ],
)
def test_so_is_what_a_script_lacks(place: Place, content: str, handler: str, told: str) -> None:
    (place.root / "code/index.js").write_text(content)
    (function,) = place.load(FUNCTIONS.format(handler=handler, more=", runtime: nodejs20.x")).functions.values()
    assert doubt(function) == told


def test_a_program_and_a_file_that_cannot_be_read_are_not_doubted(place: Place) -> None:
    (function,) = place.load(BASE).functions.values()
    assert doubt(replace(function, runtime="provided.al2023", handler="x")) == ""
    assert doubt(replace(function, handler="gone.handler")) == ""
    assert doubt(replace(function, handler="app.other", python=place.root)) == "app.py has no other"
    (place.root / "code/app.py").write_text("def f(:")
    assert doubt(replace(function, python=place.root)) == ""  # it may be good for that one
