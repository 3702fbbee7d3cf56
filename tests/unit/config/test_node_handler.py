"""Node.js handlers are looked for, never run."""

from pathlib import Path

import pytest

from router.config.node_handler import missing
from tests.unit.config.conftest import Place

HOW = "write file.function, as index.handler for what index.mjs exports as handler"


@pytest.fixture
def code(tmp_path: Path) -> Path:
    for name in (
        "index.mjs",
        "app.js",
        "lib/old.cjs",
        "bare",
        "box/index.js",
        "node_modules/pkg/package.json",
        "lib/node_modules/own/index.js",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("process.exit(1)")
    return tmp_path


@pytest.mark.parametrize("handler", ["index.handler", "app.a.b.c", "lib/old.f", "bare.f", "box.f", "pkg.f", "lib/own.f", "app.λ"])
def test_files_directories_and_packages_are_found(code: Path, handler: str) -> None:
    assert missing(code, handler) == ""


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        ("handler", f"handler is no handler; {HOW}"),
        (".handler", f".handler is no handler; {HOW}"),
        ("index.", f"index. is no handler; {HOW}"),
        ("../app.handler", f"../app.handler is no handler; {HOW}"),
        ("/app.handler", f"/app.handler is no handler; {HOW}"),
        ("idnex.handler", "CODE/idnex.js, .mjs or .cjs does not exist, did you mean index.mjs?"),
        ("lib.old.f", "CODE/lib.js, .mjs or .cjs does not exist"),
        ("zzzz.handler", "CODE/zzzz.js, .mjs or .cjs does not exist"),
    ],
)
def test_what_is_missing_is_named(code: Path, handler: str, told: str) -> None:
    assert missing(code, handler).replace(str(code), "CODE") == told


def test_the_runtime_decides_where_a_handler_is_looked_for(place: Place) -> None:
    (place.root / "code" / "web.mjs").write_text("")
    text = "version: 1\nfunctions: {f: {code: code, handler: web.f, runtime: %s}}\n"
    assert place.load(text % "nodejs20.x", runtimes=lambda _: "").functions["f"].runtime == "nodejs20.x"
    assert place.mistakes(text % "python") == ["config.yaml:2:38: functions.f.handler: DIR/code/web.py does not exist"]
