"""Fragments of config that were declared through the API: kept in the daemon's store, read with config.yaml as if they stood in it. Pure.

A fragment is one name of one section, `functions.resize`, or a trigger more for a function wherever that is declared. Its values stand
on line 0 (config/tree.py), and messages about them begin with `declared:`. They hold JSON as it was given: `${` means nothing in them."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from router.config.problems import Problems, step
from router.config.tree import DEPTH, Form, Items, Scalar, Value

Owner = Literal["config", "api"]
Owners = Mapping[tuple[str, str], Owner]
"""(section, name) → who declares it."""

TRIGGERS: Final = "triggers"  # the kind whose value is {"function": NAME, "trigger": {WORD: …}}
PLACES: Final = 1_000_000  # where triggers of fragments stand in their function's list: behind all that config.yaml can list
_PATHS: Final = {"functions": ("code", "layers", "python"), "buckets": ("path",), "tables": ("sqlite",)}  # keys of files


class BadFragment(ValueError):
    """No value that config could have; the text says why."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One thing that was declared through the API."""

    kind: str  # a section of config.yaml: functions, queues; or triggers
    name: str
    value: Any  # JSON, as config.yaml would have it; relative paths are relative to the state directory
    about: Mapping[str, Any] = field(default_factory=dict)  # JSON that its service keeps with it and the config knows nothing of
    number: int = 0  # of its declaration, from 1; it keeps it when it is changed
    made: float = 0.0  # epoch seconds
    changed: float = 0.0  # epoch seconds


def merge(root: Value, fragments: Iterable[Fragment], state: Path, problems: Problems) -> dict[tuple[str, str], Owner]:
    """Put *fragments* into the tree of config.yaml; who declares what. What both declare is a mistake."""
    if not isinstance(root, Form):
        return {}
    owners: dict[tuple[str, str], Owner] = dict.fromkeys(_names(root), "config")
    triggers = []
    for fragment in sorted(fragments, key=lambda one: one.number):
        if fragment.kind == TRIGGERS:
            triggers.append(fragment)  # behind the functions that they belong to
        elif (fragment.kind, fragment.name) in owners:
            first = root.values[fragment.kind][1]
            line = first.values[fragment.name][0].line if isinstance(first, Form) else first.line
            problems.note(0, fragment.number, _path(fragment), _collision(fragment, f"{problems.name}:{line}"))
        else:
            _enter(_section(root, fragment.kind), fragment, tree(_placed(fragment, state)))
            owners[fragment.kind, fragment.name] = "api"
    for fragment in triggers:
        _append(root, fragment, problems)
        owners[fragment.kind, fragment.name] = "api"
    return owners


def checked(value: Any) -> Any:
    """*value*, which a config can have. Raises BadFragment."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEPTH - 5:
            raise BadFragment(f"nested more than {DEPTH - 5} levels deep")
        if any(isinstance(one, dict) and not all(isinstance(key, str) for key in one) for one in level):
            raise BadFragment("a key must be text")
        level = [inner for one in level for inner in _inside(one)]
    return value


def tree(value: Any) -> Value:
    """JSON as a tree. Raises BadFragment."""
    return _tree(checked(value), 0)


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, str | int | float | None) or (isinstance(value, float) and not math.isfinite(value)):
        raise BadFragment(f"{value!r:.40} is not JSON")
    return []


def _tree(value: Any, number: int) -> Value:
    if isinstance(value, dict):
        return Form(0, number, {key: (Scalar(0, 0, key, plain=False, literal=True), _tree(one, 0)) for key, one in value.items()})
    if isinstance(value, list | tuple):
        return Items(0, number, [_tree(one, 0) for one in value])
    if isinstance(value, str):
        return Scalar(0, number, value, plain=False, literal=True)
    return Scalar(0, number, json.dumps(value), plain=True, literal=True)


def _names(root: Form) -> list[tuple[str, str]]:
    return [(kind, name) for kind, (_, section) in root.values.items() if isinstance(section, Form) for name in section.values]


def _collision(fragment: Fragment, where: str) -> str:
    name = f"{fragment.kind} {fragment.name}"
    return f"{where} declares it too; take it out there, or take back what the API declared: router declared remove {name}"


def _path(fragment: Fragment) -> str:
    return step(step("", fragment.kind), fragment.name)


def _section(root: Form, kind: str) -> Value:
    """The mapping under *kind*, made when there is none."""
    mark = Scalar(0, 0, kind, plain=False, literal=True)
    known = root.values.get(kind)
    if known is None or (isinstance(known[1], Scalar) and known[1].plain and known[1].text in {"", "~", "null"}):
        root.values[kind] = (known[0] if known else mark, Form(0, 0))
    return root.values[kind][1]


def _enter(section: Value, fragment: Fragment, value: Value) -> None:
    if isinstance(section, Form):  # else it is a mistake of config.yaml's, told by who reads it
        section.values[fragment.name] = (Scalar(0, 0, fragment.name, plain=False, literal=True), value)


def _placed(fragment: Fragment, state: Path) -> Any:
    """The value, its paths absolute."""
    keys = _PATHS.get(fragment.kind, ())
    if isinstance(fragment.value, str) and keys:
        return str(state / fragment.value)
    if not isinstance(fragment.value, dict):
        return fragment.value
    return {key: _beside(state, value) if key in keys else value for key, value in fragment.value.items()}


def _beside(state: Path, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_beside(state, one) for one in value]
    return str(state / value) if isinstance(value, str) and value else value


def _append(root: Form, fragment: Fragment, problems: Problems) -> None:
    """One more trigger for a function."""
    value = fragment.value if isinstance(fragment.value, dict) else {}
    name = value.get("function")
    functions = root.values.get("functions")
    if value.keys() != {"function", "trigger"} or not isinstance(name, str):
        problems.note(0, fragment.number, _path(fragment), "is {function: NAME, trigger: {WORD: …}}")
        return
    function = functions[1].values.get(name) if functions and isinstance(functions[1], Form) else None
    if function is None or not isinstance(function[1], Form):
        hint = f"router declared remove {TRIGGERS} {fragment.name} takes the trigger back"
        problems.note(0, fragment.number, _path(fragment), f"no function has the name {name!r:.80}; {hint}")
        return
    form = function[1].values
    listed = form.get(TRIGGERS)
    if listed is None or not isinstance(listed[1], Items):
        if listed is not None and not (isinstance(listed[1], Scalar) and listed[1].plain):
            return  # a mistake of config.yaml's, told by who reads it
        listed = form[TRIGGERS] = (Scalar(0, 0, TRIGGERS, plain=False, literal=True), Items(0, 0))
    listed[1].values.append(_tree(checked(value["trigger"]), fragment.number))  # type: ignore[union-attr]  # looked at above
