"""AWS's names for what runs before a snapshot and after it."""

import importlib
import sys
from collections.abc import Iterator

import pytest

from router.runtime import bootstrap, snapshot_hooks


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Registries of the test's own; nobody else's module of the name."""
    for registry in (snapshot_hooks._before, snapshot_hooks._after):
        registry.clear()
    monkeypatch.delitem(sys.modules, snapshot_hooks.NAME, raising=False)
    monkeypatch.setattr(sys, "meta_path", [snapshot_hooks.Finder])
    yield
    for registry in (snapshot_hooks._before, snapshot_hooks._after):
        registry.clear()


def test_the_order_is_awss() -> None:
    module = importlib.import_module(snapshot_hooks.NAME)
    seen: list[object] = []

    @module.register_before_snapshot
    def first() -> None:
        seen.append(1)

    assert first.__name__ == "first"
    module.register_before_snapshot(seen.append, 2)
    module.register_after_restore(seen.append, 3)
    module.register_after_restore(lambda *, at: seen.append(at), at=4)
    snapshot_hooks.run_before_snapshot()
    assert seen == [2, 1]
    snapshot_hooks.run_after_restore()
    assert seen == [2, 1, 3, 4]
    assert [len(module.get_before_snapshot()), len(module.get_after_restore())] == [2, 2]


def test_nothing_is_run_that_nobody_registered() -> None:
    snapshot_hooks.run_before_snapshot()
    snapshot_hooks.run_after_restore()


def test_no_other_name_is_found() -> None:
    with pytest.raises(ImportError):
        importlib.import_module("snapshot_restore")


def test_the_trace_of_a_hook_that_fails_begins_with_the_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise ValueError("no")

    monkeypatch.setattr(snapshot_hooks, "_registered", lambda _: [(fails, (), {})])
    with pytest.raises(ValueError, match="no") as caught:
        snapshot_hooks.run_after_restore()
    assert caught.value.__traceback__ is not None
    _, _, (line,) = bootstrap.told(caught.value.with_traceback(caught.value.__traceback__.tb_next))  # behind the test's own frame
    assert "in fails" in line
