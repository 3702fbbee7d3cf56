"""A published version as it is kept: an immutable copy of a function's code and settings, as JSON. Pure.

Every field of Function is in it but what belongs to the function rather than to a version (triggers, aliases, concurrency, what becomes
of Event invocations). Trees are named relative to the state directory, so that a restored copy finds them. A field that is missing has its default: it is younger."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from router.config.types import Function

_OWN: Final = (  # of the function, for its versions too. Not dead_letter: on AWS that is configuration, and published with it
    *("reserved_concurrency", "maximum_retry_attempts", "maximum_event_age", "on_success", "on_failure", "payloads"),
)
_LEFT_OUT: Final = frozenset({"triggers", "places", "qualifiers", "qualified", "aliases", "provisioned_concurrency", *_OWN})
_TREE: Final = "code:"  # what a path below STATE/code begins with


class Unreadable(ValueError):
    """What is kept is no version that this program knows."""


def same(one: Function, other: Function) -> bool:
    """Whether publishing *one* after *other* would publish the same again."""
    return dataclasses.replace(_bare(one), version=other.version) == owned(_bare(other), one)


def owned(version: Function, latest: Function) -> Function:
    """*version* with what is the function's, not a version's, as it is now."""
    changes = {name: now for name in _OWN if (now := getattr(latest, name)) != getattr(version, name)}
    return dataclasses.replace(version, **changes) if changes else version


def _bare(function: Function) -> Function:
    return dataclasses.replace(function, triggers=(), places=(), qualifiers=(), aliases={}, provisioned_concurrency=0)


def encoded(function: Function, trees: Path) -> dict[str, Any]:
    """JSON-ready. *trees*: STATE/code."""
    return {one.name: _encoded(getattr(function, one.name), trees) for one in dataclasses.fields(function) if one.name not in _LEFT_OUT}


def decoded(kept: Mapping[str, Any], trees: Path) -> Function:
    """The version. Raises Unreadable."""
    hints = typing.get_type_hints(Function)
    wanted = {one.name for one in dataclasses.fields(Function)} - _LEFT_OUT
    try:
        return Function(**{name: _decoded(hints[name], value, trees) for name, value in kept.items() if name in wanted})
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def _encoded(value: Any, trees: Path) -> Any:
    if isinstance(value, Path):
        return f"{_TREE}{value.relative_to(trees)}" if value.is_relative_to(trees) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _encoded(entry, trees) for key, entry in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return [_encoded(entry, trees) for entry in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: _encoded(getattr(value, one.name), trees) for one in dataclasses.fields(value)}
    return value


def _decoded(hint: Any, value: Any, trees: Path) -> Any:
    """*value* as *hint* has it; texts and numbers are taken as they are."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        if value is None:
            return None
        return _decoded(next(one for one in inside if one is not type(None)), value, trees)
    if origin in {tuple, frozenset}:
        return origin(_decoded(inside[0], entry, trees) for entry in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _decoded(inside[1], entry, trees) for key, entry in value.items()}
    if hint is Path:
        text = str(value)
        return trees / Path(text.removeprefix(_TREE)).name if text.startswith(_TREE) else Path(text)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = typing.get_type_hints(hint)
        return hint(**{name: _decoded(hints[name], entry, trees) for name, entry in value.items() if name in hints})
    return value
