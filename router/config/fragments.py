"""Fragments of config that were declared through the API: kept in the daemon's store, read with config.yaml as if they stood in it. Pure.

A fragment is one name of one section, `functions.resize`, or a trigger more for a function wherever that is declared. Its values stand
on line 0 (config/tree.py), and messages about them begin with `declared:`. They hold JSON as it was given: `${` means nothing in them."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

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


@dataclass(frozen=True, slots=True)
class Merged:
    """The tree of config.yaml with what the API declared in it. What stands for the same is the same tree in the next one."""

    root: Value
    owners: Owners = field(default_factory=dict)
    trees: Mapping[tuple[str, str], tuple[Fragment, Value]] = field(default_factory=dict)  # of each fragment
    joined: Mapping[str, "_Joined"] = field(default_factory=dict)  # functions that got triggers


class _Joined(NamedTuple):
    """A function with more triggers."""

    function: Form  # without them
    triggers: tuple[Value, ...]
    whole: Form

    def stands_for(self, function: Form, triggers: Sequence[Value]) -> bool:
        """Whether it is of these very parts."""
        same = self.function is function and len(self.triggers) == len(triggers)
        return same and all(one is other for one, other in zip(self.triggers, triggers, strict=True))


def merge(root: Value, fragments: Iterable[Fragment], state: Path, problems: Problems, former: Merged | None = None) -> Merged:
    """*root*, config.yaml's, which stays as it is, with *fragments* in it. What both declare is a mistake. *former*: one with the same
    *root* and *state*."""
    if not isinstance(root, Form):
        return Merged(root)
    merging = _Merging(root, state, problems, former)
    triggers = []
    for fragment in sorted(fragments, key=lambda one: one.number):
        if fragment.kind == TRIGGERS:
            triggers.append(fragment)  # behind the functions that they belong to
        else:
            merging.enter(fragment)
    merging.join(triggers)
    return Merged(merging.root, merging.owners, merging.trees, merging.joined)


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


class _Merging:
    """One merge, under way."""

    def __init__(self, root: Form, state: Path, problems: Problems, former: Merged | None) -> None:
        self.root = Form(root.line, root.column, dict(root.values))
        self.owners: dict[tuple[str, str], Owner] = dict.fromkeys(_names(root), "config")
        self.trees: dict[tuple[str, str], tuple[Fragment, Value]] = {}
        self.joined: dict[str, _Joined] = {}
        self._state, self._problems, self._former = state, problems, former or Merged(root)
        self._own: dict[str, Value] = {}  # sections that are no longer config.yaml's

    def enter(self, fragment: Fragment) -> None:
        """One more name in a section."""
        if (fragment.kind, fragment.name) in self.owners:
            first = self.root.values[fragment.kind][1]
            line = first.values[fragment.name][0].line if isinstance(first, Form) else first.line
            self._note(fragment, _collision(fragment, f"{self._problems.name}:{line}"))
            return
        section = self._section(fragment.kind)
        value = self._tree(fragment, lambda: tree(_placed(fragment, self._state)))
        if isinstance(section, Form):  # else it is a mistake of config.yaml's, told by who reads it
            section.values[fragment.name] = (_word(fragment.name), value)
        self.owners[fragment.kind, fragment.name] = "api"

    def join(self, fragments: Iterable[Fragment]) -> None:
        """More triggers for functions."""
        triggers: dict[str, list[Value]] = {}
        for fragment in fragments:
            name = self._function(fragment)
            self.owners[fragment.kind, fragment.name] = "api"
            if name is not None:
                given = fragment.value["trigger"]
                value = self._tree(fragment, lambda given=given, at=fragment.number: _tree(checked(given), at))  # type: ignore[misc]  # has defaults
                triggers.setdefault(name, []).append(value)
        for name, more in triggers.items():
            functions = self._section("functions")
            assert isinstance(functions, Form)  # they have this name
            mark, function = functions.values[name]
            assert isinstance(function, Form)  # as above
            functions.values[name] = (mark, self._joined(name, function, more))

    def _function(self, fragment: Fragment) -> str | None:
        """The function that gets the trigger; None, and noted, when there is none."""
        value = fragment.value if isinstance(fragment.value, dict) else {}
        name = value.get("function")
        functions = self.root.values.get("functions")
        if value.keys() != {"function", "trigger"} or not isinstance(name, str):
            self._note(fragment, "is {function: NAME, trigger: {WORD: …}}")
            return None
        function = functions[1].values.get(name) if functions and isinstance(functions[1], Form) else None
        if function is None or not isinstance(function[1], Form):
            hint = f"router declared remove {TRIGGERS} {fragment.name} takes the trigger back"
            self._note(fragment, f"no function has the name {name!r:.80}; {hint}")
            return None
        listed = function[1].values.get(TRIGGERS)
        mistaken = listed is not None and not isinstance(listed[1], Items) and not (isinstance(listed[1], Scalar) and listed[1].plain)
        return None if mistaken else name  # a mistake of config.yaml's, told by who reads it

    def _joined(self, name: str, function: Form, triggers: Sequence[Value]) -> Form:
        found = self._former.joined.get(name)
        if found is None or not found.stands_for(function, triggers):
            listed = function.values.get(TRIGGERS)
            mark, first = listed if listed and isinstance(listed[1], Items) else (_word(TRIGGERS), Items(0, 0))
            values = [*first.values, *triggers] if isinstance(first, Items) else [*triggers]
            whole = {**function.values, TRIGGERS: (mark, Items(first.line, first.column, values))}
            found = _Joined(function, tuple(triggers), Form(function.line, function.column, whole))
        self.joined[name] = found
        return found.whole

    def _section(self, kind: str) -> Value:
        """The mapping under *kind*, ours to change, made when there is none."""
        if kind not in self._own:
            mark, value = self.root.values.get(kind, (_word(kind), Form(0, 0)))
            if isinstance(value, Form):
                value = Form(value.line, value.column, dict(value.values))
            elif isinstance(value, Scalar) and value.plain and value.text in {"", "~", "null"}:
                value = Form(0, 0)
            self.root.values[kind], self._own[kind] = (mark, value), value
        return self._own[kind]

    def _tree(self, fragment: Fragment, make: Callable[[], Value]) -> Value:
        place = (fragment.kind, fragment.name)
        known = self._former.trees.get(place)
        found = self.trees[place] = known if known is not None and known[0] is fragment else (fragment, make())
        return found[1]

    def _note(self, fragment: Fragment, message: str) -> None:
        self._problems.note(0, fragment.number, _path(fragment), message)


def _word(text: str) -> Scalar:
    return Scalar(0, 0, text, plain=False, literal=True)
