"""The module `snapshot_restore_py` as a function imports it: what to run before a snapshot is taken, and after one is restored.

AWS's Python runtime brings a module of this name and these functions; a function's own copy of it wins. Standard library
only; runs in the worker. Source: Lambda developer guide, "Lambda SnapStart runtime hooks for Python"."""

import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, Final, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
Hook = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]

NAME: Final = "snapshot_restore_py"
_before: list[Hook] = []
_after: list[Hook] = []


def register_before_snapshot(func: F, *args: Any, **kwargs: Any) -> F:
    """Call *func* so before the snapshot; a decorator, too. Those registered last are called first."""
    _before.append((func, args, kwargs))
    return func


def register_after_restore(func: F, *args: Any, **kwargs: Any) -> F:
    """Call *func* so in each environment that is restored from the snapshot, in the order of registration."""
    _after.append((func, args, kwargs))
    return func


def get_before_snapshot() -> Sequence[Hook]:
    """What was registered, in that order."""
    return _before


def get_after_restore() -> Sequence[Hook]:
    """What was registered, in that order."""
    return _after


class Finder:
    """Last on sys.meta_path: whatever the function has under the name was found before."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:  # noqa: ARG004
        """See importlib.abc.MetaPathFinder."""
        return importlib.machinery.ModuleSpec(name, Finder) if name == NAME else None  # type: ignore[arg-type]  # it loads, too

    @staticmethod
    def create_module(spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """See importlib.abc.Loader."""
        return _itself(spec.name)

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        """See importlib.abc.Loader: it is loaded already."""


def _itself(name: str) -> ModuleType:
    made = ModuleType(name)
    for function in (register_before_snapshot, register_after_restore, get_before_snapshot, get_after_restore):
        setattr(made, function.__name__, function)
    return made


def run_before_snapshot() -> None:
    """Raises what a hook raises."""
    for func, args, kwargs in reversed(_registered("get_before_snapshot")):
        func(*args, **kwargs)


def run_after_restore() -> None:
    """Raises what a hook raises."""
    for func, args, kwargs in _registered("get_after_restore"):
        func(*args, **kwargs)


def _registered(name: str) -> list[Hook]:
    module = sys.modules.get(NAME)
    return [] if module is None else list(getattr(module, name)())
