"""What lies at a path of an item, and items made of some paths alone."""

from collections.abc import Iterable, Mapping
from typing import Any

from router.items.nodes import Steps
from router.items.values import Item, Value, parts


def found(item: Mapping[str, Value], steps: Steps) -> Value | None:
    """The value there; None when there is none."""
    value: Value | None = {"M": item}
    for step in steps:
        if value is None:
            return None
        value = inside(value, step)
    return value


def inside(value: Value, step: str | int) -> Value | None:
    """An element of a map or a list; None when it has none there, or is neither."""
    kind, held = parts(value)
    if isinstance(step, str):
        return held.get(step) if kind == "M" else None
    return held[step] if kind == "L" and step < len(held) else None


def projected(item: Mapping[str, Value], paths: Iterable[Steps]) -> Item:
    """An item of what lies at these paths, none of which is in another; elements of lists close up in their order."""
    root: dict[Any, Any] = {}
    for path in paths:
        value = found(item, path)
        if value is not None:
            branch = root
            for step in path[:-1]:
                branch = branch.setdefault(step, {})
            branch[path[-1]] = _Leaf(value)
    return {name: _built(branch) for name, branch in root.items()}


class _Leaf:
    """A value in a tree of branches."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value


def _built(branch: Any) -> Value:
    if isinstance(branch, _Leaf):
        return branch.value
    if isinstance(next(iter(branch)), int):
        return {"L": [_built(branch[position]) for position in sorted(branch)]}
    return {"M": {name: _built(element) for name, element in branch.items()}}
