"""Every sample application runs from its template unmodified, and does what it is for."""

import importlib
from types import ModuleType

import pytest

from router.runtime.node_programs import installed
from tests.apps.app import APPS, App

NAMES = sorted(path.parent.name for path in APPS.glob("*/drive.py"))


def driver(name: str) -> ModuleType:
    """The application's drive.py: drive(app) does what its users would, and asserts what came of it."""
    module = f"tests.apps.{name}.drive"
    pytest.register_assert_rewrite(module)
    return importlib.import_module(module)


def test_there_are_twenty_at_least() -> None:
    assert len(NAMES) >= 20


@pytest.mark.timeout(300)  # on a machine that is busy with something else
@pytest.mark.server
@pytest.mark.parametrize("name", NAMES)
def test_runs_from_its_template(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    module = driver(name)
    if getattr(module, "NODE", False) and not installed():
        pytest.skip("node 18 or later: apt-get install nodejs")
    with App(name, tmp_path_factory.mktemp("app") / "app", *getattr(module, "OPTIONS", ())) as app:
        module.drive(app)
        assert app.stop() == 0
