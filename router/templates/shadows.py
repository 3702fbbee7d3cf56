"""Routes that are not served, and routes to which their requests would come instead. Pure.

On AWS the more specific route has a request, and what it demands of the caller counts. Were it left out and a wider route of its API
served, `/{proxy+}` as a rule, the wider one would let in whom the other would not; so it is refused too, unless it demands the same."""

from collections.abc import Iterator, Sequence
from typing import Any

from router.templates.draft import Draft, Route
from router.templates.words import REFUSED, Row

_Path = Sequence[str]
_Tree = dict[str, Any]  # of routes: "/segment" or "$default" → what is below, "routes" → those that end here


def close(draft: Draft) -> None:
    """Refuse routes to which requests would come that another was to guard."""
    trees: dict[str, _Tree] = {}
    for route in draft.routes:
        if route.trigger is not None:
            _put(trees.setdefault(route.api.logical, {}), route)
    lost = [route for route in draft.routes if route.trigger is None and route.guard != {}]
    while lost:
        gone = lost.pop()
        for route in [*_near(trees.get(gone.api.logical, {}), gone.key)]:
            if route.trigger is not None and route.guard != gone.guard and falls(gone.key, route.key):
                _refuse(route, gone, draft)
                lost += [route] if route.guard else []


def _refuse(route: Route, gone: Route, draft: Draft) -> None:
    draft.withdraw(route)
    item = route.item
    why = f"{gone.key or gone.item.logical} is refused, and its requests would come to {route.key}, which does not demand of callers what that does"
    draft.rows[item.logical] = Row(item.logical, item.type, REFUSED, "", (why,), item.line)
    draft.refused.add(item.logical)


# -- which routes are worth a look: one with every other would take minutes for thousands


def _put(tree: _Tree, route: Route) -> None:
    for segment in _path(route.key):
        tree = tree.setdefault(segment, {})
    tree.setdefault("routes", []).append(route)


def _near(tree: _Tree, key: str) -> Iterator[Route]:
    """Those that falls() may be true of."""
    if key == "$default":
        return
    yield from _all(tree.get("$default", {}) if key else tree)
    if key:
        yield from _meeting(tree, _path(key))


def _path(key: str) -> list[str]:
    return ["$default"] if key == "$default" else [f"/{segment}" for segment in _split(key)[1]]


def _meeting(tree: _Tree, path: _Path) -> Iterator[Route]:
    """Routes below a place of the tree that meet what is left of a path."""
    if not path:
        yield from tree.get("routes", ())
        return
    wide = path[0] in {"/{}", "/{+}"}
    for segment in [*tree] if wide else [one for one in {path[0], "/{}", "/{+}"} if one in tree]:
        if segment.startswith("/"):
            whole = "/{+}" in {path[0], segment}
            yield from _all(tree[segment]) if whole else _meeting(tree[segment], path[1:])


def _all(tree: _Tree) -> Iterator[Route]:
    for segment, below in tree.items():
        yield from below if segment == "routes" else _all(below)


# -- what decides


def falls(gone: str, other: str) -> bool:
    """Whether a request that the route *gone* would have had may come to *other* when it is not there. "": it is not known what it is."""
    if not gone:
        return True
    if other == "$default" or gone == "$default":
        return other != gone and other == "$default"
    (method, path), (its_method, its_path) = _split(gone), _split(other)
    if method != its_method and "ANY" not in {method, its_method}:
        return False
    if _covers(path, its_path) and (not _covers(its_path, path) or (method == "ANY" and its_method != "ANY")):
        return False  # the more specific one, which has those requests anyway
    return _meet(path, its_path)


def _split(key: str) -> tuple[str, list[str]]:
    """Method and segments; "{}" for a variable, "{+}" for one that takes the rest."""
    method, _, path = key.partition(" ")
    return method, [("{+}" if one.endswith("+}") else "{}") if one.startswith("{") else one for one in path[1:].split("/")]


def _covers(wide: _Path, narrow: _Path) -> bool:
    """Whether *wide* takes every path that *narrow* takes."""
    for index, segment in enumerate(wide):
        if index >= len(narrow):
            return False
        if segment == "{+}":
            return True
        if narrow[index] == "{+}" or segment not in {"{}", narrow[index]}:
            return False
    return len(wide) == len(narrow)


def _meet(one: _Path, other: _Path) -> bool:
    """Whether there is a path that both take."""
    for first, second in zip(one, other, strict=False):
        if "{+}" in {first, second}:
            return True
        if first != second and "{}" not in {first, second}:
            return False
    return len(one) == len(other)
