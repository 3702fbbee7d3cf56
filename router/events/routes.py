"""Routes of an HTTP API: their grammar, their precedence, and a trie that finds one in the length of the path.

Pure. Source: API Gateway developer guide, "Create routes for HTTP APIs": a full match of path and method wins over a
greedy path variable, and that over $default; within each, the more specific segment decides from the left, and a
method wins over ANY. Segments are compared percent-decoded, exactly: `/a` and `/a/` are two routes."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, Generic, NamedTuple, TypeVar

from router.events.gateway import decoded_path

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY")
DEFAULT: Final = "$default"
DEPTH: Final = 64  # segments of one route at most; bounds how deep a lookup goes

_VARIABLE: Final = re.compile(r"\{([A-Za-z0-9._-]+)(\+?)\}")
_VISIBLE: Final = re.compile(r"[^\s?#%{}\x00-\x1f\x7f]*")

T = TypeVar("T")
Found = TypeVar("Found")


class BadRoute(ValueError):
    """Not a route; the text says what would be right."""


@dataclass(frozen=True, slots=True)
class Route:
    """A parsed route."""

    key: str  # as configured: "GET /pets/{id}", "$default"; the event's routeKey
    method: str = ""  # one of METHODS; "" for $default
    literals: tuple[str | None, ...] = ()  # the segments before the greedy one; None is a variable
    names: tuple[str, ...] = ()  # of the variables, left to right, the greedy one last
    greedy: bool = False  # ends in {name+}
    trailing: bool = False  # that variable may be empty, behind its slash

    @property
    def shape(self) -> str:
        """The route without the names of its variables: routes of one shape match the same requests."""
        if not self.method:
            return self.key
        segments = ["{}" if literal is None else literal for literal in self.literals] + ["{+}"] * self.greedy
        return f"{self.method} /{'/'.join(segments)}"


def parse(text: str) -> Route:
    """Read `METHOD /path`, `ANY /path/{proxy+}` or `$default`. Raises BadRoute."""
    if text == DEFAULT:
        return Route(text)
    method, space, path = text.partition(" ")
    if method.startswith("/"):
        raise BadRoute(f"{text!r} names no method: write `GET {text}`, or `ANY {text}` for all of them")
    if not space:
        raise BadRoute(f"{text!r} is no route: write `METHOD /path` or `$default`")
    if method not in METHODS:
        hint = f": methods are upper case, write {method.upper()}" if method.upper() in METHODS else f": one of {', '.join(METHODS)}"
        raise BadRoute(f"{method!r} is no method{hint}")
    if not path.startswith("/"):
        raise BadRoute(f"the path {path!r} must begin with /")
    return _with_segments(text, method, path[1:].split("/"))


def _with_segments(text: str, method: str, segments: list[str]) -> Route:
    """The route of these segments; raises BadRoute."""
    if len(segments) > DEPTH:
        raise BadRoute(f"a route has at most {DEPTH} segments, this one has {len(segments)}")
    literals: list[str | None] = []
    names: list[str] = []
    greedy = False
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if found := _VARIABLE.fullmatch(segment):
            greedy = bool(found[2])
            if greedy and not last:
                raise BadRoute(f"{segment} takes the rest of the path: it must be the last segment")
            if found[1] in names:
                raise BadRoute(f"the variable {found[1]!r} stands twice in {text!r}")
            names.append(found[1])
            literals += [] if greedy else [None]
        else:
            literals.append(_literal(segment, last=last, text=text))
    return Route(text, method, tuple(literals), tuple(names), greedy)


def _literal(segment: str, *, last: bool, text: str) -> str:
    if not segment and not last:
        raise BadRoute(f"{text!r} has an empty segment: write one / between segments")
    if "{" in segment or "}" in segment:
        raise BadRoute(f"{segment!r}: a variable is a whole segment, {{name}}, or {{name+}} at the end; names are letters, digits, . _ -")
    if "%" in segment:
        raise BadRoute(f"{segment!r}: routes are compared with the decoded path, write the characters themselves")
    if not _VISIBLE.fullmatch(segment):
        raise BadRoute(f"{segment!r}: a segment has no spaces, ? or #")
    return segment


def segments_of(path: str) -> list[str]:
    """A request's path (percent-encoded, up to the query) as decoded segments, the first of them empty.

    Split before it is decoded: an encoded slash is part of its segment. Raises gateway.BadPath. What is no path gives one segment."""
    if path[:1] != "/":
        return [path]
    return path.split("/") if "%" not in path else [decoded_path(segment) for segment in path.split("/")]


def mounted(route: Route, prefix: str) -> Route:
    """The route below *prefix* ("/v1"; "": as it is)."""
    if not prefix or not route.method:
        return route
    return replace(route, literals=(*prefix[1:].split("/"), *route.literals))


def also_at(route: Route, prefix: str) -> tuple[Route, ...]:
    """Where else a route below *prefix* is found: the root also without the slash behind the prefix."""
    if not prefix or route.literals != ("",):
        return ()
    return (replace(route, literals=tuple(prefix[1:].split("/"))),)


def slashed(route: Route) -> tuple[Route, ...]:
    """The route with a slash at its end, where a REST API finds it too; () when it takes one anyway."""
    if not route.method or route.greedy or route.literals[-1:] == ("",):
        return ()
    return (replace(route, literals=(*route.literals, "")),)


def one_slash(path: str, stages: Collection[str]) -> str:
    """A path as a REST API compares it: slashes at its beginning, and behind a stage that it begins with, are one (recorded)."""
    first, slash, rest = path.lstrip("/").partition("/")
    return f"/{first}{slash}{rest.lstrip('/') if first in stages else rest}"


def trailing(route: Route) -> Route:
    """The route as an HTTP API has it: `/a/{proxy+}` takes `/a/` too, its variable empty (captured), `/{proxy+}` not the root."""
    return replace(route, trailing=True) if route.greedy and route.literals else route


class Match(NamedTuple, Generic[T]):
    """What a request came to."""

    key: str  # the route as configured
    value: T
    parameters: Mapping[str, str]  # {} when the route has no variables


class _Entry(NamedTuple, Generic[T]):
    route: Route
    value: T


class _Node(Generic[T]):
    """The routes that share their first segments."""

    __slots__ = ("ends", "exact", "greedy", "variable")

    def __init__(self) -> None:
        self.exact: dict[str, _Node[T]] = {}
        self.variable: _Node[T] | None = None
        self.ends: dict[str, _Entry[T]] = {}  # by method
        self.greedy: dict[str, _Entry[T]] = {}  # by method; takes one or more segments below this node


class RouteTable(Generic[T]):
    """Routes and what stands behind each of them."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._plain: dict[str, dict[str, Match[T]]] = {}  # path without variables → by method: what most requests ask for
        self._default: _Entry[T] | None = None

    def add(self, route: Route, value: T) -> None:
        """Add a route. Raises BadRoute when one of its shape is there already."""
        entry = _Entry(route, value)
        if not route.method:
            if self._default is not None:
                raise BadRoute(f"two routes {route.shape}")
            self._default = entry
            return
        node = self._root
        for literal in route.literals:
            node = self._below(node, literal)
        ends = node.greedy if route.greedy else node.ends
        if route.method in ends:
            raise BadRoute(f"two routes {route.shape}")
        ends[route.method] = entry
        if not route.names:
            path = "/" + "/".join(literal or "" for literal in route.literals)
            self._plain.setdefault(path, {})[route.method] = Match(route.key, value, {})

    @staticmethod
    def _below(node: _Node[T], literal: str | None) -> _Node[T]:
        if literal is not None:
            return node.exact.setdefault(literal, _Node())
        if node.variable is None:
            node.variable = _Node()
        return node.variable

    def find(self, method: str, path: str) -> Match[T] | None:
        """The route for a request; *path* as sent, percent-encoded, up to the query. None: no route. Raises gateway.BadPath."""
        plain = self._plain.get(path)
        if plain is not None and (exact := _of_method(plain, method)) is not None:
            return exact
        segments = segments_of(path)
        if len(segments) > 1:
            values: list[str] = []
            entry = _full(self._root, method, segments, 1, values) or _greedy(self._root, method, segments, 1, values)
            if entry is not None:
                route, value = entry
                return tuple.__new__(Match, (route.key, value, dict(zip(route.names, values, strict=True)) if values else {}))
        default = self._default
        return None if default is None else Match(default.route.key, default.value, {})


def _of_method(entries: dict[str, Found], method: str) -> Found | None:
    return entries.get(method) or entries.get("ANY")


def _full(node: _Node[T], method: str, segments: list[str], index: int, values: list[str]) -> _Entry[T] | None:
    """The entry for exactly these segments from *index* on; *values* of its variables are appended, none where there is no entry."""
    before = len(values)
    while index < len(segments):
        segment = segments[index]
        below, variable = node.exact.get(segment), node.variable if segment else None
        if below is not None and variable is not None:  # the one way in earnest to come back from
            if (found := _full(below, method, segments, index + 1, values)) is not None:
                return found
            below = None
        if below is None:
            if variable is None:
                del values[before:]
                return None
            values.append(segment)
            below = variable
        node = below
        index += 1
    found = _of_method(node.ends, method)
    if found is None:
        del values[before:]
    return found


def _greedy(node: _Node[T], method: str, segments: list[str], index: int, values: list[str]) -> _Entry[T] | None:
    """The deepest entry whose greedy variable takes the segments from some index on: one or more, not just a trailing slash."""
    if index == len(segments):
        return None
    segment = segments[index]
    below = node.exact.get(segment)
    if below is not None and (found := _greedy(below, method, segments, index + 1, values)) is not None:
        return found
    if node.variable is not None and segment:
        values.append(segment)
        if (found := _greedy(node.variable, method, segments, index + 1, values)) is not None:
            return found
        values.pop()
    found = _of_method(node.greedy, method)
    if found is not None:
        rest = "/".join(segments[index:])
        if not rest and not found.route.trailing:
            return None
        values.append(rest)
    return found
