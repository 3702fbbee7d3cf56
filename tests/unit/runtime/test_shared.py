"""What all runtimes share: who is confined, and what is remembered of it."""

from pathlib import Path

import pytest

from router.config.types import Function
from router.errors import EnvironmentUnavailable
from router.runtime.shared import Shared
from tests.helpers.clock import VirtualClock


def shared(directory: Path) -> Shared:
    return Shared(state=directory, lock_fd=None, region="eu-west-1", clock=VirtualClock(), variables=lambda _: {}, on_restart=lambda: None)


def test_of_a_function_that_is_refused_nothing_is_remembered(tmp_path: Path) -> None:
    found = shared(tmp_path)
    with pytest.raises(EnvironmentUnavailable, match="requires memory_limit"):
        found.confined(Function("f", tmp_path, "app.f", require=("memory_limit",)), {"code": tmp_path, "variables": {}}, tmp_path / "room")
    assert found._rooms == {}


def test_extensions_need_a_network(tmp_path: Path) -> None:
    found = shared(tmp_path)
    found.launcher.controls = {"network": ""}
    for internal, refused in ((False, False), (True, True)):
        function = Function("f", tmp_path, "app.f", require=("no_network",), internal_extensions=internal)
        assert bool(found.refusal(function)) is refused
