"""A stack's template as a part of another one: what it calls its own gets names that nobody else has there. Pure.

Source: CloudFormation template reference, "Intrinsic functions", "Pseudo parameters"."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from router.templates.words import Refused, TemplateError

_VARIABLE: Final = re.compile(r"\$\{(!?)([^}]*)\}")
_MADE: Final = ("Role", "Url")  # what SAM makes of a function, and names by putting this behind its logical id


SECTIONS: Final = ("Conditions", "Mappings", "Rules", "Resources", "Outputs")  # whose entries are a stack's own


@dataclass(frozen=True, slots=True)
class Scope:
    """What the names of one stack stand for where it goes."""

    prefix: str  # letters and digits, before each name of its own
    resources: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()
    mappings: frozenset[str] = frozenset()
    values: Mapping[str, Any] = field(default_factory=dict)  # what Ref gives for parameters and pseudo parameters: any value there

    def named(self, name: str) -> str:
        """A logical id, or what is made of one, as it is called there; names that are not the stack's own stay."""
        first = name.partition(".")[0]
        own = first in self.resources or any(first.endswith(end) and first[: -len(end)] in self.resources for end in _MADE)
        own = own or (first.endswith("Stage") and any(first.startswith(api) for api in self.resources))
        return self.prefix + name if own else name


def parts(template: Mapping[str, Any], prefix: str, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The sections of a stack's template as they are written there, each entry under its name there. *values*: as in Scope.

    Raises TemplateError for a section that is no mapping."""
    own = {key: section(template, key) for key in SECTIONS}
    names = {key: frozenset(entries) for key, entries in own.items()}
    scope = Scope(prefix, names["Resources"], names["Conditions"], names["Mappings"], values)
    return {key: {prefix + name: _entry(key, entry, scope) for name, entry in entries.items()} for key, entries in own.items()}


def _entry(key: str, entry: Any, scope: Scope) -> Any:
    if not isinstance(entry, dict):
        return entry
    return resource(entry, scope) if key == "Resources" else output(entry, scope) if key == "Outputs" else moved(entry, scope)


def section(template: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A section. Raises TemplateError."""
    found = template.get(key) or {}
    if not isinstance(found, dict):
        raise TemplateError(f"{key} must be a mapping")
    return found


def moved(raw: Any, scope: Scope) -> Any:
    """A value of the stack's template as it is written there. Raises Refused."""
    if isinstance(raw, list):
        return [moved(each, scope) for each in raw]
    if not isinstance(raw, dict):
        return raw
    if len(raw) == 1:
        ((key, argument),) = raw.items()
        if form := _FORMS.get(key):
            return form(argument, scope)
    return {key: moved(each, scope) for key, each in raw.items()}


def resource(raw: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """A resource of the stack's template as it is written there."""
    found = dict(raw) | _conditional(raw, scope)
    if "Properties" in raw:
        found["Properties"] = moved(raw["Properties"], scope)
    if after := raw.get("DependsOn"):
        found["DependsOn"] = [scope.named(str(each)) for each in (after if isinstance(after, list) else [after])]
    return found


def output(raw: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """An output of the stack's template as it is written there."""
    return {key: moved(each, scope) for key, each in raw.items()} | _conditional(raw, scope)


def _conditional(raw: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    name = raw.get("Condition")
    return {"Condition": scope.prefix + name} if isinstance(name, str) and name in scope.conditions else {}


def _ref(argument: Any, scope: Scope) -> Any:
    if not isinstance(argument, str):
        return {"Ref": argument}
    return scope.values[argument] if argument in scope.values else {"Ref": scope.named(argument)}


def _attribute(argument: Any, scope: Scope) -> Any:
    if isinstance(argument, str):
        return {"Fn::GetAtt": scope.named(argument)}
    if isinstance(argument, list) and argument and isinstance(argument[0], str):
        return {"Fn::GetAtt": [scope.named(argument[0]), *moved(argument[1:], scope)]}
    return {"Fn::GetAtt": moved(argument, scope)}


def _sub(argument: Any, scope: Scope) -> Any:
    text, own = (argument[0], argument[1]) if isinstance(argument, list) and len(argument) == 2 else (argument, {})
    if not isinstance(text, str) or not isinstance(own, dict):
        return {"Fn::Sub": moved(argument, scope)}
    known = {name: moved(each, scope) for name, each in own.items()}

    def replaced(found: re.Match[str]) -> str:
        name = found[2].strip()
        if found[1] or name in own:
            return found[0]
        if name in scope.values:
            known[name] = scope.values[name]
            return found[0]
        return f"${{{scope.named(name)}}}"

    written = _VARIABLE.sub(replaced, text)
    return {"Fn::Sub": [written, known] if known else written}


def _first(key: str, names: Callable[[Scope], frozenset[str]]) -> Callable[[Any, Scope], Any]:
    """Of a function whose first argument is a name of the stack's own."""

    def form(argument: Any, scope: Scope) -> Any:
        if not isinstance(argument, list) or not argument or not isinstance(argument[0], str):
            return {key: moved(argument, scope)}
        first, *rest = argument
        return {key: [scope.prefix + first if first in names(scope) else first, *moved(rest, scope)]}

    return form


def _condition(argument: Any, scope: Scope) -> Any:
    if isinstance(argument, str) and argument in scope.conditions:
        return {"Condition": scope.prefix + argument}
    return {"Condition": moved(argument, scope)}


def _transform(argument: Any, scope: Scope) -> Any:
    """What a file holds that is included would be read with the names of another template."""
    if scope.prefix:
        raise Refused("Fn::Transform: nothing is included in one of several templates that are served together")
    return {"Fn::Transform": moved(argument, scope)}


_FORMS: Final[Mapping[str, Callable[[Any, Scope], Any]]] = {
    "Ref": _ref,
    "Condition": _condition,
    "Fn::GetAtt": _attribute,
    "Fn::Sub": _sub,
    "Fn::Transform": _transform,
    "Fn::If": _first("Fn::If", lambda scope: scope.conditions),
    "Fn::FindInMap": _first("Fn::FindInMap", lambda scope: scope.mappings),
}
