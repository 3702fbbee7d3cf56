"""A cloud assembly, which `cdk synth` writes: the templates of an application's stacks as one. Pure: texts in, values out.

Names of one stack do not meet those of another: each logical id has its stack's name before it, as names on AWS have. What a stack
exports, or gives out, is read by the others. Source: cloud assembly schema, "manifest.json"; CloudFormation template reference,
"Fn::ImportValue", "Fn::GetStackOutput"."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from router.templates import moving
from router.templates.document import Document
from router.templates.synthesized import undeployed
from router.templates.words import TemplateError, shown

MANIFEST: Final = "manifest.json"
_SHARED: Final = ("Conditions", "Mappings", "Rules")  # sections whose entries get their stack's name, beside Resources and Outputs
_ENVIRONMENT: Final = re.compile(r"aws://([^/]+)/([^/]+)")
_HERE: Final = {"Ref": "AWS::Region"}
_STEPS: Final = 8  # of values that stacks read of one another


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack of an assembly."""

    name: str  # as CloudFormation knows it
    label: str  # as the application calls it, which is what its commands take
    file: str  # its template, in the assembly
    account: str = ""  # that it is made for; "": for any
    region: str = ""


@dataclass(slots=True)
class _Joined:
    """The templates so far, as one."""

    value: dict[str, Any] = field(default_factory=dict)
    transforms: list[Any] = field(default_factory=list)
    exports: dict[str, Any] = field(default_factory=dict)  # name → value
    given: dict[tuple[str, str], Any] = field(default_factory=dict)  # stack's name and output → value
    found: dict[Any, Any] = field(default_factory=dict)  # export, or stack's name and output → value with what that reads in place

    def put(self, section: str, name: str, value: Any) -> None:
        """Add one entry. Raises TemplateError for a name that is there."""
        if name in self.value.setdefault(section, {}):
            raise TemplateError(f"{section}.{shown(name)}: two stacks come to the same name; choose one of them with --stack")
        self.value[section][name] = value


def stacks(manifest: str) -> tuple[Stack, ...]:
    """The stacks that a manifest lists, in its order. Raises TemplateError."""
    try:
        artifacts = json.loads(manifest)["artifacts"]
        listed = [(name, artifact, artifact.get("properties") or {}) for name, artifact in artifacts.items()]
        found = tuple(_stack(name, artifact, about) for name, artifact, about in listed if artifact["type"] == "aws:cloudformation:stack")
        inner = [str(about["directoryName"]) for _, artifact, about in listed if artifact["type"] == "cdk:cloud-assembly"]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise TemplateError(f"{MANIFEST}: not that of a cloud assembly") from None
    if not found:
        stages = f"; its stages are {', '.join(map(shown, inner))}: name one of these directories" if inner else ""
        raise TemplateError(f"{MANIFEST} lists no stack{stages}")
    return found


def _stack(name: str, artifact: Mapping[str, Any], about: Mapping[str, Any]) -> Stack:
    place = _ENVIRONMENT.fullmatch(str(artifact.get("environment", "")))
    account, region = ("" if part.startswith("unknown-") else part for part in (place.groups() if place else ("", "")))
    return Stack(str(about.get("stackName", name)), str(artifact.get("displayName", name)), str(about["templateFile"]), account, region)


def chosen(found: Sequence[Stack], wanted: Sequence[str]) -> tuple[Stack, ...]:
    """The stacks that are asked for by either name; all of them when none is. Raises TemplateError."""
    labels = ", ".join(shown(stack.label) for stack in found)
    if strange := [name for name in wanted if not any(name in {stack.name, stack.label} for stack in found)]:
        raise TemplateError(f"--stack {shown(strange[0])}: no such stack; {labels} {'are' if len(found) > 1 else 'is'}")
    kept = tuple(stack for stack in found if not wanted or {stack.name, stack.label} & set(wanted))
    for what, places in (("accounts", {stack.account for stack in kept}), ("regions", {stack.region for stack in kept})):
        if len(places - {""}) > 1:
            raise TemplateError(f"its stacks are for different {what}, and one daemon is one: choose with --stack; there are {labels}")
    return kept


def joined(templates: Sequence[tuple[Stack, Mapping[str, Any]]]) -> Document:
    """The templates as one. Raises TemplateError."""
    whole = _Joined()
    for stack, template in templates:
        _add(whole, stack, undeployed(template))
    for section in ("Resources", "Outputs"):
        whole.value[section] = {name: _read(each, whole, ()) for name, each in whole.value.get(section, {}).items()}
    if whole.transforms:
        whole.value["Transform"] = whole.transforms
    return Document(whole.value, {})


def _add(whole: _Joined, stack: Stack, template: Mapping[str, Any]) -> None:
    """One stack's template, moved. Raises TemplateError for one that is not as a template is."""
    sections = {key: _section(stack, template, key) for key in (*_SHARED, "Resources", "Outputs", "Parameters")}
    whole.value |= {key: value for key, value in template.items() if key not in sections and key != "Transform"}
    if template.get("Globals"):
        raise TemplateError(f"{stack.file}: Globals are of one template; serve {stack.label} by itself")
    prefix = re.sub(r"[^A-Za-z0-9]", "", stack.name)
    names = {key: frozenset(entries) for key, entries in sections.items()}
    scope = moving.Scope(prefix, names["Resources"], names["Conditions"], names["Mappings"], {"AWS::StackName": stack.name})
    for key in _SHARED:
        for name, entry in sections[key].items():
            whole.put(key, prefix + name, moving.moved(entry, scope))
    for name, entry in sections["Resources"].items():
        whole.put("Resources", prefix + name, moving.resource(entry, scope) if isinstance(entry, dict) else entry)
    for name, entry in sections["Outputs"].items():
        _give_out(whole, stack, name, prefix + name, moving.output(entry, scope) if isinstance(entry, dict) else entry)
    for name, entry in sections["Parameters"].items():
        if whole.value.setdefault("Parameters", {}).setdefault(name, entry) != entry:
            raise TemplateError(f"Parameters.{shown(name)}: stacks declare it differently; choose one of them with --stack")
    transform = template.get("Transform") or []
    whole.transforms += [each for each in (transform if isinstance(transform, list) else [transform]) if each not in whole.transforms]


def _section(stack: Stack, template: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = template.get(key) or {}
    if not isinstance(found, dict):
        raise TemplateError(f"{stack.file}: {key} must be a mapping")
    return found


def _give_out(whole: _Joined, stack: Stack, name: str, moved: str, output: Any) -> None:
    """An output, for people and for other stacks."""
    whole.put("Outputs", moved, output)
    if not isinstance(output, dict) or "Value" not in output:
        return
    whole.given[stack.name, name] = output["Value"]
    export = output.get("Export")
    called = _literal(export.get("Name")) if isinstance(export, dict) else None
    if called is not None:
        whole.exports[called] = output["Value"]


def _literal(name: Any) -> str | None:
    """A name that is written as it is; None: it is not known before something is looked up."""
    if isinstance(name, dict) and list(name) == ["Fn::Sub"]:
        text, known = name["Fn::Sub"] if isinstance(name["Fn::Sub"], list) and len(name["Fn::Sub"]) == 2 else (name["Fn::Sub"], {})
        if isinstance(text, str) and isinstance(known, dict):
            written = re.sub(r"\$\{([^!}][^}]*)\}", lambda found: str(known.get(found[1], found[0])), text)
            return None if "${" in written else written
    return name if isinstance(name, str) else None


def _read(raw: Any, whole: _Joined, trail: tuple[Any, ...]) -> Any:
    """A value with what it reads of other stacks in place; what none of them gives out stays, and is refused later."""
    if isinstance(raw, list):
        return [_read(each, whole, trail) for each in raw]
    if not isinstance(raw, dict):
        return raw
    if len(raw) == 1:
        ((function, argument),) = raw.items()
        source = _SOURCES.get(function)
        key = source(argument) if source is not None else None
        known: Mapping[Any, Any] = whole.exports if function == "Fn::ImportValue" else whole.given
        if key is not None and key in known:
            if key in trail or len(trail) >= _STEPS:
                raise TemplateError(f"what stacks read of one another leads over more than {_STEPS} steps, or to itself: {shown(key)}")
            if key not in whole.found:
                whole.found[key] = _read(known[key], whole, (*trail, key))
            return whole.found[key]
    return {key: _read(each, whole, trail) for key, each in raw.items()}


def _output(argument: Any) -> tuple[str, str] | None:
    """Stack and output that Fn::GetStackOutput names, here and in this account."""
    if (
        not isinstance(argument, dict)
        or not set(argument) <= {"StackName", "OutputName", "Region"}
        or argument.get("Region", _HERE) != _HERE
    ):
        return None
    stack, output = _literal(argument.get("StackName")), _literal(argument.get("OutputName"))
    return None if stack is None or output is None else (stack, output)


_SOURCES: Final[Mapping[str, Callable[[Any], Any]]] = {"Fn::ImportValue": _literal, "Fn::GetStackOutput": _output}
